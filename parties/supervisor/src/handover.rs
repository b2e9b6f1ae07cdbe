//! What parties hand to a supervisor before they can write to the ledger: applications and
//! public halves, each one line of text. Both are signed or proven inside, so any channel serves;
//! only which key belongs to which institution has to be known from elsewhere.

use merits_ledger::entry::{HalfKeys, PartyAdmitted};
use merits_verifier::codec::{Canonical, CodecError};
use thiserror::Error;

/// Something that is handed over.
pub trait Handover: Canonical {
    /// First word of the line.
    const WORD: &'static str;
    /// What it is, in words with an article.
    const WHAT: &'static str;
}

impl Handover for PartyAdmitted {
    const WORD: &'static str = "merits-application/v1";
    const WHAT: &'static str = "an application to be admitted";
}

impl Handover for HalfKeys {
    const WORD: &'static str = "merits-view-key-half/v1";
    const WHAT: &'static str = "a public half of a view key";
}

/// Why a line is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandoverError {
    /// Another kind of line.
    #[error("one line `{expected} <hexadecimal>` is expected")]
    NotThis {
        /// The first word that was expected.
        expected: &'static str,
    },
    /// The bytes are no such value.
    #[error("the line is damaged: {0}")]
    Content(#[from] CodecError),
}

/// The line.
pub fn to_line(value: &impl Handover) -> String {
    fn word<T: Handover>(_: &T) -> &'static str {
        T::WORD
    }
    format!("{} {}\n", word(value), hex::encode(value.to_bytes()))
}

/// Reads a line.
///
/// # Errors
/// [`HandoverError`].
pub fn from_line<T: Handover>(line: &str) -> Result<T, HandoverError> {
    let not_this = || HandoverError::NotThis { expected: T::WORD };
    let digits = line
        .trim()
        .strip_prefix(T::WORD)
        .and_then(|rest| rest.strip_prefix(' '))
        .ok_or_else(not_this)?;
    let bytes = hex::decode(digits).map_err(|_| not_this())?;
    Ok(T::from_bytes(&bytes)?)
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
            from_line::<HalfKeys>(&line),
            Err(HandoverError::NotThis { .. })
        ));
        let cut = &line[..line.len() - 5];
        assert!(matches!(
            from_line::<PartyAdmitted>(cut),
            Err(HandoverError::Content(_))
        ));
    }
}
