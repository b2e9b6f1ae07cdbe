//! Which arithmetic runs: AVX-512 IFMA where the processor has it, plain 64-bit words elsewhere.

use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use crate::isa::Ifma;

/// Environment variable that overrides the choice of [`Path::preferred`]: `scalar` for the path
/// without vector instructions, `ifma` for the one with them. CI runs the tests under each.
pub const PATH_VARIABLE: &str = "MERITS_BN254_PATH";

/// An implementation of the arithmetic. Both give the same results.
#[derive(Clone, Copy, Debug)]
pub struct Path(pub(crate) Kind);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Ifma(Ifma),
}

/// Why [`PATH_VARIABLE`] asks for something that is not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// It does not name a path.
    #[error("{PATH_VARIABLE} is {given:?}: it can be scalar or ifma; unset it for the faster one")]
    Unknown {
        /// Its value.
        given: OsString,
    },
    /// It asks for a path that this processor cannot run.
    #[error(
        "{PATH_VARIABLE} is ifma, and this processor lacks an instruction set that it takes (AVX-512 \
         F, DQ, VBMI2 and IFMA, BMI2, ADX): unset it"
    )]
    NoVectors,
}

impl Path {
    /// The fastest that this processor can run, unless [`PATH_VARIABLE`] says otherwise. The
    /// variable is read once. A request that cannot be met is ignored; a program that wants to
    /// report it calls [`requested`](Self::requested).
    pub fn preferred() -> Self {
        static CHOICE: OnceLock<Path> = OnceLock::new();
        *CHOICE.get_or_init(|| Self::requested().unwrap_or_else(|_| Self::fastest()))
    }

    /// The same, with an error if [`PATH_VARIABLE`] asks for something that is
    /// not available.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn requested() -> Result<Self, PathError> {
        Self::named(std::env::var_os(PATH_VARIABLE).as_deref())
    }

    fn named(name: Option<&OsStr>) -> Result<Self, PathError> {
        let given = name.unwrap_or_default();
        match given.to_str() {
            Some("") => Ok(Self::fastest()),
            Some("scalar") => Ok(Self::scalar()),
            Some("ifma") => Self::ifma().ok_or(PathError::NoVectors),
            _ => Err(PathError::Unknown {
                given: given.to_owned(),
            }),
        }
    }

    fn fastest() -> Self {
        Self::ifma().unwrap_or(Self::scalar())
    }

    /// Plain 64-bit words, on every processor.
    pub fn scalar() -> Self {
        Self(Kind::Scalar)
    }

    /// Eight lanes of AVX-512 IFMA, if this processor has them.
    pub fn ifma() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        return Ifma::detect().map(|isa| Self(Kind::Ifma(isa)));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// Every path that can run here. Tests run on each of them.
    pub fn all() -> Vec<Self> {
        core::iter::once(Self::scalar())
            .chain(Self::ifma())
            .collect()
    }

    /// Whether eight lanes compute at once.
    pub fn is_vectorized(self) -> bool {
        !matches!(self.0, Kind::Scalar)
    }

    /// `"ifma"` or `"scalar"`, for reports.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(_) => "ifma",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_by_its_name_or_refused() {
        let named = |name: &str| Path::named(Some(name.as_ref())).map(Path::name);
        assert_eq!(named("scalar"), Ok("scalar"));
        assert_eq!(named(""), Path::named(None).map(Path::name));
        assert_eq!(
            named("ifma"),
            Path::ifma().map(Path::name).ok_or(PathError::NoVectors)
        );
        let given = OsString::from("Scalar");
        assert_eq!(named("Scalar"), Err(PathError::Unknown { given }));
    }

    /// Otherwise the tests that CI runs under one path could silently run under
    /// another.
    #[test]
    fn what_the_environment_asks_for_is_what_runs() {
        let requested = Path::requested().expect("a path that runs here");
        assert_eq!(Path::preferred().name(), requested.name());
    }
}
