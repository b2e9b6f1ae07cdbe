//! Scopes: what a nullifier or pseudonym is unique within.

use crate::{
    Fr,
    ids::{AssetId, PartyId, Period},
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

fn scope(inputs: [Fr; 4]) -> Fr {
    poseidon::hash(tags::SCOPE, &inputs)
}
