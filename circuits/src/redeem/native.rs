//! The mirror of the constraints: the same invariants, computed on plain values.
//!
//! A test demands that [`check`] accepts exactly what the circuit accepts. Each violation names
//! its invariant in `docs/src/statement-redeem.md`.

use merits_primitives::{
    identity,
    note::{self, NoteCommitment},
    note_tree::NotePath,
    nullifier, owner, view_encryption,
};
use merits_verifier::{
    Statement as _,
    statement::{StatementError, redeem::RedeemStatement},
};

use super::witness::{RedeemFault, RedeemWitness};
use crate::person;

/// An invariant that a redemption violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedeemViolation {
    /// A precondition that verifiers establish outside the circuit does not hold.
    #[error("precondition: {0}")]
    Precondition(#[from] StatementError),
    /// REDEEM-1.
    #[error("REDEEM-1: the secret is 0, which is not an identity")]
    Identity,
    /// REDEEM-2.
    #[error(
        "REDEEM-2: the person's leaf is not under the group root: the group has changed, or the \
         identity was retired"
    )]
    Group,
    /// REDEEM-3.
    #[error("REDEEM-3: sn{} is not the nullifier of this person's note", .note + 1)]
    Nullifier {
        /// 0 or 1.
        note: usize,
    },
    /// REDEEM-4.
    #[error("REDEEM-4: the first note is not under the note root")]
    FirstNote,
    /// REDEEM-5.
    #[error("REDEEM-5: the second note has a value but is not under the note root")]
    SecondNote,
    /// REDEEM-6.
    #[error("REDEEM-6: {0}")]
    Amounts(RedeemFault),
    /// REDEEM-7.
    #[error("REDEEM-7: the change is below the floor")]
    Floor,
    /// REDEEM-8.
    #[error("REDEEM-8: cm_out is not the note of the change, back to the same person")]
    Change,
    /// REDEEM-9.
    #[error("REDEEM-9: the index is {index}, but only {limit} redemptions a scope are allowed")]
    RateIndex {
        /// idx.
        index: u16,
        /// rlimit.
        limit: u32,
    },
    /// REDEEM-9.
    #[error("REDEEM-9: rn is not the rate nullifier of this person, scope and index")]
    RateNullifier,
    /// REDEEM-10.
    #[error("REDEEM-10: Ey is not the y of e·B8")]
    Ephemeral,
    /// REDEEM-11.
    #[error("REDEEM-11: c_id does not seal this person's identity under A")]
    SealedIdentity,
}

/// Checks a statement against a witness, invariant by invariant.
///
/// # Errors
/// The first [`RedeemViolation`], in the order of the circuit's sections.
pub fn check(statement: &RedeemStatement, witness: &RedeemWitness) -> Result<(), RedeemViolation> {
    statement.check()?;
    let secret = &witness.secret;
    let identity = secret.commitment().ok_or(RedeemViolation::Identity)?;
    let leaf = identity::leaf(identity, witness.birth);
    demand(
        person::leads_to(&witness.group_path, leaf, statement.group_root),
        RedeemViolation::Group,
    )?;

    let (asset, expiry) = (statement.asset, statement.expiry);
    let notes = witness.commitments(expiry, asset);
    let nullifiers = [statement.sn1, statement.sn2];
    for (number, (note, published)) in notes.into_iter().zip(nullifiers).enumerate() {
        demand(
            nullifier::spend_nullifier(secret, note) == published,
            RedeemViolation::Nullifier { note: number },
        )?;
    }
    let [first, second] = &witness.notes;
    let is_under = |path: &NotePath, note: NoteCommitment| path.root(note) == statement.note_root;
    demand(is_under(&first.path, notes[0]), RedeemViolation::FirstNote)?;
    demand(
        second.value.0 == 0 || is_under(&second.path, notes[1]),
        RedeemViolation::SecondNote,
    )?;

    let change = witness
        .change(statement.amount)
        .map_err(RedeemViolation::Amounts)?;
    demand(change >= statement.floor, RedeemViolation::Floor)?;
    let key = owner::change_key(secret, statement.sn1);
    demand(
        note::note_commitment(change, expiry, asset, &key) == statement.cm_out,
        RedeemViolation::Change,
    )?;

    let (index, limit) = (witness.index, statement.rate_limit);
    demand(
        u32::from(index) < limit,
        RedeemViolation::RateIndex { index, limit },
    )?;
    demand(
        nullifier::rate_nullifier(secret, statement.rate_scope, index) == statement.rn,
        RedeemViolation::RateNullifier,
    )?;

    let sealed =
        view_encryption::seal_identity(&witness.exponent, &statement.a, statement.sn1, identity);
    demand(sealed.ey == statement.ey, RedeemViolation::Ephemeral)?;
    demand(
        sealed.c_id == statement.c_id,
        RedeemViolation::SealedIdentity,
    )
}

fn demand(holds: bool, violation: RedeemViolation) -> Result<(), RedeemViolation> {
    if holds { Ok(()) } else { Err(violation) }
}
