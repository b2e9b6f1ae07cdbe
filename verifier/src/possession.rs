//! Proofs of possession of the halves of an epoch's view keys.
//!
//! Without them a holder could publish its half as a difference to the other's and know the
//! whole key's secret alone (a rogue key).

use merits_primitives::{
    dleq::Context,
    ids::{Epoch, Origin, PartyId},
};

pub use merits_primitives::dleq::{PROOF_BYTES, Possession, ProofError};

/// Which half of which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyHalf {
    /// The supervisors' half of A.
    ClaimSupervisor = 1,
    /// The witnesses' half of A.
    ClaimWitness = 2,
    /// The supervisors' half of At.
    TotalSupervisor = 3,
    /// The witnesses' half of At.
    TotalWitness = 4,
}

/// Context of a possession proof: log, epoch, which half, whose.
pub fn possession_context(
    origin: &Origin,
    epoch: Epoch,
    half: KeyHalf,
    holder: &PartyId,
) -> Context {
    Context::new(
        "merits/view-key/half/v1",
        &[origin.as_str().as_bytes(), &epoch.0.to_le_bytes(), &[half as u8], &holder.0],
    )
}
