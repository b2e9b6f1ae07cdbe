//! The contexts of proofs about view keys: possession of a half at the opening of an epoch, and the
//! partials of an opened total. The proofs themselves are in [`merits_primitives::dleq`].

use alloc::vec::Vec;

use merits_primitives::{
    dleq::Context,
    ids::{AssetId, EntryId, Epoch, Origin, Output, PartyId, Period},
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

/// The properties that batches must share to be added up: one output of one scale, in one period,
/// under the keys of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TotalsKey {
    /// The ledger's number of the scale.
    pub asset: AssetId,
    /// The period.
    pub period: Period,
    /// View-key epoch.
    pub epoch: Epoch,
    /// The output: credits or measure.
    pub output: Output,
}

impl TotalsKey {
    /// The same batches' other output.
    #[must_use]
    pub fn twin(self) -> Self {
        let output = match self.output {
            Output::Credits => Output::Measure,
            Output::Measure => Output::Credits,
        };
        Self { output, ..self }
    }
}

/// The context of a proof of possession of a half: log, epoch, the half, and its holder. Without the
/// proof, a holder could publish the difference of its own key and the other's half, and so know the
/// whole secret alone.
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

/// The context of a partial of an opened total: log, epoch, asset, period, output, the exact
/// entries in their order, the half of At, and its holder. A partial for the credits of batches is
/// invalid for their measure.
pub fn total_context(
    origin: &Origin,
    key: &TotalsKey,
    entries: &[EntryId],
    half: KeyHalf,
    holder: &PartyId,
) -> Context {
    let entries: Vec<u8> = entries.iter().flat_map(|entry| entry.0).collect();
    Context::new(
        "merits/total/v2",
        &[
            origin.as_str().as_bytes(),
            &key.epoch.0.to_le_bytes(),
            &key.asset.0.to_le_bytes(),
            &key.period.to_u64().to_le_bytes(),
            &[key.output as u8],
            &entries,
            &[half as u8],
            &holder.0,
        ],
    )
}
