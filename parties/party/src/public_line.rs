//! Lines of text that parties give to a supervisor before they can write to the ledger:
//! applications and public halves. Both contain a signature or a proof, so any channel can be used.
//! Only the link between a key and an institution must be known from elsewhere.

use std::{
    io,
    path::{Path, PathBuf},
};

use merits_guard::output::{Kind, Output, OutputError, Readers};
use merits_ledger::entry::{PartyAdmitted, ProvenHalf};
use merits_verifier::codec::{Canonical, CodecError};
use thiserror::Error;

/// A value that a party gives to a supervisor as one line.
pub trait PublicLine: Canonical {
    /// First word of the line.
    const WORD: &'static str;
    /// A description, with an article.
    const WHAT: &'static str;
}

impl PublicLine for PartyAdmitted {
    const WORD: &'static str = "merits-application/v1";
    const WHAT: &'static str = "an application to be admitted";
}

impl PublicLine for ProvenHalf {
    const WORD: &'static str = "merits-view-key-half/v2";
    const WHAT: &'static str = "a public half of a view key";
}

/// Why a line is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineError {
    /// Another kind of line.
    #[error(
        "one line `{expected} <hexadecimal>` is expected: the file was cut off or changed, or it is another one; ask \
         for it again"
    )]
    NotThis {
        /// The first word that was expected.
        expected: &'static str,
    },
    /// The bytes are not such a value.
    #[error("the line was cut off or changed; ask for the file again ({0})")]
    Content(#[from] CodecError),
}

/// The line.
pub fn to_line(value: &impl PublicLine) -> String {
    fn word<T: PublicLine>(_: &T) -> &'static str {
        T::WORD
    }
    format!("{} {}\n", word(value), hex::encode(value.to_bytes()))
}

/// Reads a line.
///
/// # Errors
/// [`LineError`].
pub fn from_line<T: PublicLine>(line: &str) -> Result<T, LineError> {
    let not_this = || LineError::NotThis { expected: T::WORD };
    let digits = line
        .trim()
        .strip_prefix(T::WORD)
        .and_then(|rest| rest.strip_prefix(' '))
        .ok_or_else(not_this)?;
    let bytes = hex::decode(digits).map_err(|_| not_this())?;
    Ok(T::from_bytes(&bytes)?)
}

/// Why a file with such a line is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LineFileError {
    /// It cannot be read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Its line is refused.
    #[error("{}: {source}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LineError,
    },
}

/// Reads a file with one line.
///
/// # Errors
/// [`LineFileError`].
pub fn read<T: PublicLine>(path: &Path) -> Result<T, LineFileError> {
    let line = merits_text::file::read(path).map_err(|source| LineFileError::Io {
        path: path.to_owned(),
        source,
    })?;
    from_line(&line).map_err(|source| LineFileError::Line {
        path: path.to_owned(),
        source,
    })
}

/// Makes a value and writes its line. It makes nothing if the line could not be written: a file
/// that the configuration at `config` names is never overwritten, and neither is any other file
/// except an older line of the same kind.
///
/// # Errors
/// [`OutputError`], or the error of `make`.
pub fn write<T: PublicLine, E: From<OutputError>>(
    config: &Path,
    output: &Path,
    make: impl FnOnce() -> Result<T, E>,
) -> Result<(), E> {
    let begins = format!("{} ", T::WORD);
    let kind = Kind::new(T::WHAT, Readers::Everybody).replacing(begins.as_bytes());
    crate::outputs::of_configuration(config).admit(output, T::WHAT)?;
    Output::check(output, kind)?;
    Output::write(output, kind, to_line(&make()?).as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use merits_ledger::{Role, Roles};
    use merits_primitives::ids::Origin;

    #[test]
    fn an_application_reads_back_and_is_no_half() {
        let origin = Origin::new("ledger.test/merits").unwrap();
        let key = SigningKey::from_bytes(&[1; 32]);
        let application = PartyAdmitted::apply(
            &origin,
            "source",
            Roles::new(&[Role::Source]),
            &key,
            [9; 32],
        );
        let line = to_line(&application);
        assert_eq!(from_line::<PartyAdmitted>(&line), Ok(application));
        assert!(matches!(
            from_line::<ProvenHalf>(&line),
            Err(LineError::NotThis { .. })
        ));
        let cut = &line[..line.len() - 5];
        assert!(matches!(
            from_line::<PartyAdmitted>(cut),
            Err(LineError::Content(_))
        ));
    }

    #[test]
    fn nothing_is_made_where_it_could_not_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let here = |name: &str| directory.path().join(name);
        std::fs::write(here("source.toml"), "signing_key = 'source.key'").unwrap();
        std::fs::write(here("source.key"), "a secret").unwrap();
        let refused =
            write::<PartyAdmitted, OutputError>(&here("source.toml"), &here("source.key"), || {
                panic!("made")
            });
        assert!(matches!(refused, Err(OutputError::Protected { .. })));
        std::fs::write(here("line"), "merits-view-key-half/v1 00").unwrap();
        let error = read::<PartyAdmitted>(&here("line"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line: one line `merits-application/v1"),
            "{error}"
        );
    }
}
