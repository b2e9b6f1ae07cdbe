//! Nullifiers: what may occur once, and tells nobody whose it is.

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
    /// nf: what a ticket leaves, one for each person and scope. In a source's scope it is h, the
    /// person's pseudonym there.
    Nullifier
}

public_element! {
    /// sn: what a spent note leaves. Nobody but its owner can tell which note it was.
    SpendNullifier
}

public_element! {
    /// rn: what an act under a rate limit leaves, one for each act that the limit allows.
    RateNullifier
}

/// nf = Pos2(scope, secret): one a person and scope, as in Semaphore v4.
pub fn claim_nullifier(secret: &Secret, scope: Scope) -> Nullifier {
    Nullifier(poseidon::pos2(scope.0, secret.element()))
}

/// sn = P(NF; secret, cm): one a note.
pub fn spend_nullifier(secret: &Secret, note: NoteCommitment) -> SpendNullifier {
    SpendNullifier(poseidon::hash(tags::NF, &[secret.element(), note.0]))
}

/// rn = P(RATE; secret, rscope, idx): as many a person and scope as the limit allows.
pub fn rate_nullifier(secret: &Secret, scope: RateScope, index: u16) -> RateNullifier {
    RateNullifier(poseidon::hash(
        tags::RATE,
        &[secret.element(), scope.0, Fr::from(u64::from(index))],
    ))
}
