//! What the proofs about view keys are bound to: possession of a half at the opening of an
//! epoch, and the partials of an opened total. The proofs themselves are
//! [`merits_primitives::dleq`]'s.

use merits_primitives::{
    dleq::Context,
    ids::{AssetId, EntryId, Epoch, Origin, PartyId, Period},
};

/// One of the four published halves of an epoch's keys.
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

/// What a proof of possession of a half is bound to: log, epoch, which half, and its holder.
/// Without the proof a holder could publish its half as a difference to the other's and know
/// the whole secret alone.
pub fn possession_context(
    origin: &Origin,
    epoch: Epoch,
    half: KeyHalf,
    holder: &PartyId,
) -> Context {
    Context::new(
        "merits/view-key/half/v1",
        &[
            origin.as_str().as_bytes(),
            &epoch.0.to_le_bytes(),
            &[half as u8],
            &holder.0,
        ],
    )
}

/// What a partial of an opened total is bound to: log, epoch, asset, period, the exact entries
/// in their order, which half of At, and its holder.
pub fn total_context(
    origin: &Origin,
    epoch: Epoch,
    asset: AssetId,
    period: Period,
    entries: &[EntryId],
    half: KeyHalf,
    holder: &PartyId,
) -> Context {
    let entries: Vec<u8> = entries.iter().flat_map(|entry| entry.0).collect();
    Context::new(
        "merits/total/v1",
        &[
            origin.as_str().as_bytes(),
            &epoch.0.to_le_bytes(),
            &asset.0.to_le_bytes(),
            &period.to_u64().to_le_bytes(),
            &entries,
            &[half as u8],
            &holder.0,
        ],
    )
}
