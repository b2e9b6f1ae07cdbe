//! Equality proofs of opened partials, and what each of them is bound to.
//!
//! The proof itself is [`merits_primitives::dleq::Equality`]; here stands what an opening of one
//! claim and an opened total put into its context, so that holders, requesters, the ledger's
//! rules and any stranger with the log build the same bytes.

use merits_primitives::{
    dleq::Context,
    ids::{AssetId, EntryId, Epoch, Origin, PartyId, Period},
};

pub use merits_primitives::dleq::{Equality, PROOF_BYTES, ProofError};

/// Context of a partial a·E for one claim: log, epoch, opening request, entry, claim, holder.
pub fn opening_context(
    origin: &Origin,
    epoch: Epoch,
    request: &EntryId,
    entry: &EntryId,
    claim: u16,
    holder: &PartyId,
) -> Context {
    Context::new(
        "merits/partial/opening/v1",
        &[
            origin.as_str().as_bytes(),
            &epoch.0.to_le_bytes(),
            &request.0,
            &entry.0,
            &claim.to_le_bytes(),
            &holder.0,
        ],
    )
}

/// Context of a partial a·ΣT1 for a total: log, epoch, asset, period, the entries added (ids in
/// ascending order), holder.
pub fn total_context(
    origin: &Origin,
    epoch: Epoch,
    asset: AssetId,
    period: Period,
    entries: &[EntryId],
    holder: &PartyId,
) -> Context {
    let entries: Vec<u8> = entries.iter().flat_map(|id| id.0).collect();
    Context::new(
        "merits/partial/total/v1",
        &[
            origin.as_str().as_bytes(),
            &epoch.0.to_le_bytes(),
            &asset.0.to_le_bytes(),
            &period.to_u64().to_le_bytes(),
            &entries,
            &holder.0,
        ],
    )
}
