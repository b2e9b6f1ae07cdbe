//! Decides which registration fits the ledger's data about a person.

use merits_ledger::{
    entry::{IdentityRegistered, UniquenessTag},
    rows::RowError,
    state::People,
};
use merits_primitives::{
    calendar::{Day, Timestamp},
    identity::IdentityCommitment,
    ids::EntryId,
};
use thiserror::Error;

/// The person's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The first registration.
    First,
    /// The wallet and its backup are lost, or somebody else knows the secret: the old identity ends
    /// and a new one begins.
    AfterLoss,
}

/// Why a person cannot be registered. Found before anything is submitted; the ledger would refuse
/// the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegistrationFault {
    /// The commitment was registered before.
    #[error("this commitment was registered before: make a fresh one with the wallet")]
    CommitmentKnown,
    /// The person was registered before.
    #[error(
        "this person was registered before, here or at another registrar; \
         after a loss, use `merits registrar re-register`"
    )]
    PersonKnown,
    /// The person was never registered.
    #[error("this person was never registered: use `merits registrar register`")]
    PersonUnknown,
    /// Too many losses.
    #[error("this person has reached the limit of 256 identities")]
    GenerationsUsedUp,
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
}

/// Checks what can be checked before an evaluation is spent on it.
///
/// # Errors
/// [`RegistrationFault::CommitmentKnown`].
pub fn check_commitment(
    people: &People<'_>,
    commitment: &IdentityCommitment,
) -> Result<(), RegistrationFault> {
    if people.by_commitment(commitment)?.is_some() {
        Err(RegistrationFault::CommitmentKnown)
    } else {
        Ok(())
    }
}

/// The entry's content for the person with this tag. `from` is the first day of eligibility that
/// is asked for; after a loss it is at least [`People::earliest_after_loss`] of `time`,
/// by which the entry will have been appended.
///
/// # Errors
/// [`RegistrationFault`].
pub fn registration(
    people: &People<'_>,
    occasion: Occasion,
    commitment: IdentityCommitment,
    (tag, evaluation): (UniquenessTag, EntryId),
    from: Day,
    time: Timestamp,
) -> Result<IdentityRegistered, RegistrationFault> {
    check_commitment(people, &commitment)?;
    let (from, generation) = match (occasion, people.by_tag(&tag)?) {
        (Occasion::First, None) => (from, 0),
        (Occasion::First, Some(_)) => return Err(RegistrationFault::PersonKnown),
        (Occasion::AfterLoss, None) => return Err(RegistrationFault::PersonUnknown),
        (Occasion::AfterLoss, Some(person)) => {
            let next = person.birth.generation.checked_add(1);
            let generation = next.ok_or(RegistrationFault::GenerationsUsedUp)?;
            (from.max(People::earliest_after_loss(time)), generation)
        }
    };
    Ok(IdentityRegistered {
        commitment,
        from,
        generation,
        tag,
        evaluation,
    })
}
