//! Scopes: what a nullifier or pseudonym is unique within.

use crate::{
    Fr, field,
    ids::{AssetId, EntryId, PartyId, Period},
    poseidon, tags,
};

/// P(SCOPE; 1, asset, period, source or 0): one claim a person, scale and period, and source
/// too where the scale says that deeds at two sources are different deeds.
pub fn claim_scope(asset: AssetId, period: Period, source: Option<&PartyId>) -> Fr {
    let source = source.map_or(Fr::from(0u64), PartyId::element);
    scope([Fr::from(1u64), Fr::from(asset.0), period.element(), source])
}

/// P(SCOPE; 2, source, 0, 0): a person's pseudonym at a source.
pub fn source_scope(source: &PartyId) -> Fr {
    scope([
        Fr::from(2u64),
        source.element(),
        Fr::from(0u64),
        Fr::from(0u64),
    ])
}

/// P(SCOPE; 3, offer, day, 0): a rate limit, one a person, offer and day of the ledger's time.
pub fn rate_scope(offer: &EntryId, day: u32) -> Fr {
    let offer = field::from_digest(&offer.0);
    scope([
        Fr::from(3u64),
        offer,
        Fr::from(u64::from(day)),
        Fr::from(0u64),
    ])
}

/// P(SCOPE; 4, context, 0, 0): one attestation a person and context.
pub fn attest_scope(context: Fr) -> Fr {
    scope([Fr::from(4u64), context, Fr::from(0u64), Fr::from(0u64)])
}

fn scope(inputs: [Fr; 4]) -> Fr {
    poseidon::hash(tags::SCOPE, &inputs)
}
