//! Reasons: the texts in which somebody says why.

use merits_verifier::codec::{CodecError, Reader};

/// Longest reason that somebody gives for an act, in bytes.
pub const MAX_BASIS_BYTES: usize = 4_096;

/// A reason says something: blank text gives none.
pub(super) fn read_reason(
    input: &mut Reader<'_>,
    what: &'static str,
) -> Result<String, CodecError> {
    let text = input.document(what, MAX_BASIS_BYTES)?;
    if text.trim().is_empty() {
        Err(CodecError::NotText { what })
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::{
        Fr,
        identity::IdentityCommitment,
        ids::{EntryId, PartyId},
    };
    use merits_verifier::codec::Canonical;

    use super::*;
    use crate::entry::{
        AlertHandled, EmergencySuspended, IdentityRetired, OfferClosed, OpeningContent,
        StandingChange,
    };

    fn check<T: Canonical>(of: impl Fn(String) -> T) {
        let read = |reason: &str| T::from_bytes(&of(reason.to_owned()).to_bytes()).map(|_| ());
        read("a court order").expect(T::NAME);
        read(&"x".repeat(MAX_BASIS_BYTES)).expect(T::NAME);
        for blank in ["", " ", "\n\t", "\u{2003}"] {
            read(blank).expect_err(T::NAME);
        }
        read(&"x".repeat(MAX_BASIS_BYTES + 1)).expect_err(T::NAME);
    }

    /// Regression: a party was suspended for the reason " ".
    #[test]
    fn no_entry_takes_a_blank_reason() {
        let (entry, party) = (EntryId([1; 32]), PartyId([2; 32]));
        check(|basis| StandingChange {
            party,
            sequence: 1,
            basis,
        });
        check(|basis| EmergencySuspended {
            party,
            number: 1,
            basis,
        });
        check(|basis| OfferClosed {
            offer: entry,
            basis,
        });
        check(|basis| IdentityRetired {
            commitment: IdentityCommitment(Fr::from(7u64)),
            basis,
        });
        check(|reason| AlertHandled {
            alert: entry,
            silent_until: None,
            reason,
        });
        check(|basis| OpeningContent {
            entry,
            claim: 0,
            basis,
            nonce: [0; 32],
        });
    }
}
