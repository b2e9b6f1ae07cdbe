//! Nullifiers: values that may occur only once and do not reveal whose they are.

use crate::{
    Fr,
    element::public_element,
    identity::Secret,
    note_tree::NoteCommitment,
    poseidon,
    scope::{RateScope, Scope},
    tags,
};

public_element! {
    /// nf: the nullifier of a ticket, one for each person and scope. In a source's scope it is h,
    /// the person's pseudonym there.
    Nullifier
}

public_element! {
    /// sn: the nullifier of a spent note. Only the owner can tell which note it belongs to.
    SpendNullifier
}

public_element! {
    /// rn: the nullifier of an act under a rate limit, one for each act that the limit allows.
    RateNullifier
}

/// nf = Pos2(scope, secret): one for each person and scope, as in Semaphore v4.
pub fn claim_nullifier(secret: &Secret, scope: Scope) -> Nullifier {
    Nullifier(poseidon::pos2(scope.0, secret.element()))
}

/// sn = P(NF; secret, cm): one for each note.
pub fn spend_nullifier(secret: &Secret, note: NoteCommitment) -> SpendNullifier {
    SpendNullifier(poseidon::hash(tags::NF, &[secret.element(), note.0]))
}

/// rn = P(RATE; secret, rscope, idx): for each person and scope, as many as the limit allows.
pub fn rate_nullifier(secret: &Secret, scope: RateScope, index: u16) -> RateNullifier {
    RateNullifier(poseidon::hash(
        tags::RATE,
        &[secret.element(), scope.0, Fr::from(u64::from(index))],
    ))
}
