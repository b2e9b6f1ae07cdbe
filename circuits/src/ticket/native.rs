//! The mirror of the constraints: the same invariants, computed on plain values.
//!
//! A test demands that [`check`] accepts exactly what the circuit accepts. Each violation names
//! its invariant in `docs/src/statement-ticket.md`.

use merits_primitives::{calendar::Day, identity, nullifier, owner};
use merits_verifier::statement::ticket::TicketStatement;

use super::TicketWitness;
use crate::person;

/// An invariant that a ticket violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TicketViolation {
    /// PERSON-1. A secret of l or more has no `Secret` that could hold it.
    #[error("PERSON-1: the secret is 0, which no identity has")]
    Secret,
    /// PERSON-2, PERSON-3.
    #[error(
        "PERSON-3: the path does not lead from this person's leaf to the root: take root and path \
         from the same state of the ledger, after the person's last registration"
    )]
    Member,
    /// TICKET-1.
    #[error(
        "TICKET-1: the identity is eligible from {from} only, after the period's first day \
         {start}"
    )]
    Eligibility {
        /// First day of eligibility.
        from: Day,
        /// First day of the period.
        start: Day,
    },
    /// TICKET-2.
    #[error("TICKET-2: the nullifier is not this person's in this scope")]
    Nullifier,
    /// TICKET-3.
    #[error("TICKET-3: b does not bind this person, scope, message and source")]
    Binding,
}

/// Checks a statement against a witness, invariant by invariant.
///
/// # Errors
/// The first [`TicketViolation`], in the order of the circuit's sections.
pub fn check(statement: &TicketStatement, witness: &TicketWitness) -> Result<(), TicketViolation> {
    let commitment = witness.secret.commitment();
    let commitment = commitment.ok_or(TicketViolation::Secret)?;
    let (from, start) = (witness.birth.from, statement.start);
    if from > start {
        return Err(TicketViolation::Eligibility { from, start });
    }
    let leaf = identity::leaf(commitment, witness.birth);
    if !person::leads_to(&witness.path, leaf, statement.root) {
        return Err(TicketViolation::Member);
    }
    let scope = statement.scope;
    if nullifier::claim_nullifier(&witness.secret, scope) != statement.nullifier {
        return Err(TicketViolation::Nullifier);
    }
    let key = witness.owner_key(scope, statement.message);
    if owner::bind(&key, &witness.handle()).b != statement.b {
        return Err(TicketViolation::Binding);
    }
    Ok(())
}
