//! Batches as the wallet reads them from a verified copy of the ledger.

use merits_ledger::{Entry, State, entry::EARN_BATCH};
use merits_primitives::ids::EntryId;
use merits_verifier::entry::SignedEntry;

use crate::credits::{BatchScope, PublicBatch, PublicClaim};

/// The public side of an earn batch; `None` for entries of another kind. Asset and expiry come from
/// the state, which compared them with those of the entry when it accepted the entry.
pub fn public_batch(state: &State, id: EntryId, signed: &SignedEntry) -> Option<PublicBatch> {
    if signed.kind != EARN_BATCH {
        return None;
    }
    let Some(Ok(Entry::EarnBatch(batch))) = Entry::decode(signed.kind, &signed.statement) else {
        return None;
    };
    let version = state.scales().version(&batch.scale, batch.version).ok()?;
    let terms = &version.terms;
    let claims = (0u16..)
        .zip(&batch.claims)
        .map(|(index, claim)| PublicClaim {
            index,
            b: claim.public.b,
            cm: claim.public.cm,
            u: claim.public.u,
        });
    Some(PublicBatch {
        entry: id,
        scope: BatchScope {
            distributor: signed.party,
            scale: terms.id.clone(),
            version: terms.version,
            manifest: version.manifest,
            asset: terms.asset,
            expiry: terms.expiry.expiry(batch.period),
            period: batch.period,
            source: batch.source,
        },
        measured: terms.measured(),
        claims: claims.collect(),
    })
}
