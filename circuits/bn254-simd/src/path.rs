//! Which arithmetic runs: AVX-512 IFMA where the processor has it, plain 64-bit words elsewhere.

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use crate::isa::Ifma;

/// Environment variable that overrides the choice of [`Path::preferred`]: `scalar` for the path
/// without vector instructions (CI runs the tests under it), anything else for the default.
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

impl Path {
    /// The fastest that this processor can run, unless [`PATH_VARIABLE`] says otherwise. Read once.
    pub fn preferred() -> Self {
        static CHOICE: OnceLock<Path> = OnceLock::new();
        *CHOICE.get_or_init(|| {
            let forced = std::env::var_os(PATH_VARIABLE).is_some_and(|v| v == "scalar");
            Self::ifma().filter(|_| !forced).unwrap_or(Self::scalar())
        })
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

    /// Every path that can run here: what a test goes through.
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
