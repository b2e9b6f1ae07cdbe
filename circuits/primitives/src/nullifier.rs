//! Nullifiers: what may occur once, and tells nobody whose it is.

use crate::{Fr, identity::Secret, poseidon, tags};

/// nf = Pos2(scope, secret): one a person and scope, as in Semaphore v4.
pub fn claim_nullifier(secret: &Secret, scope: Fr) -> Fr {
    poseidon::pos2(scope, secret.element())
}

/// sn = P(NF; secret, cm): one a note.
pub fn spend_nullifier(secret: &Secret, note: Fr) -> Fr {
    poseidon::hash(tags::NF, &[secret.element(), note])
}

/// rn = P(RATE; secret, rscope, idx): as many a person and scope as the limit allows.
pub fn rate_nullifier(secret: &Secret, scope: Fr, index: u16) -> Fr {
    poseidon::hash(
        tags::RATE,
        &[secret.element(), scope, Fr::from(u64::from(index))],
    )
}
