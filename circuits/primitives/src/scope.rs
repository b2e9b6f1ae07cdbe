//! Scopes: what a nullifier or pseudonym is unique within.

use crate::{
    Fr,
    calendar::Day,
    context::Context,
    element::public_element,
    field,
    ids::{AssetId, EntryId, PartyId, Period},
    poseidon, tags,
};

public_element! {
    /// What a ticket's nullifier or a pseudonym is unique within: a claim's, or a source's.
    Scope
}

public_element! {
    /// What a rate nullifier is unique within: an offer and day, or an attestation's context.
    RateScope
}

/// P(SCOPE; 1, asset, period, source or 0): one claim a person, scale and period, and source
/// too where the scale says that deeds at two sources are different deeds.
pub fn claim_scope(asset: AssetId, period: Period, source: Option<&PartyId>) -> Scope {
    let source = source.map_or(Fr::from(0u64), PartyId::element);
    Scope(scope([
        Fr::from(1u64),
        Fr::from(asset.0),
        period.element(),
        source,
    ]))
}

/// P(SCOPE; 2, source, 0, 0): a person's pseudonym at a source.
pub fn source_scope(source: &PartyId) -> Scope {
    Scope(scope([
        Fr::from(2u64),
        source.element(),
        Fr::from(0u64),
        Fr::from(0u64),
    ]))
}

/// P(SCOPE; 3, offer, day, 0): a rate limit, one a person, offer and day of the ledger's time.
pub fn rate_scope(offer: &EntryId, day: Day) -> RateScope {
    let offer = field::from_digest(&offer.0);
    RateScope(scope([
        Fr::from(3u64),
        offer,
        Fr::from(u64::from(day.0)),
        Fr::from(0u64),
    ]))
}

/// P(SCOPE; 4, context, 0, 0): one attestation a person and context.
pub fn attest_scope(context: Context) -> RateScope {
    RateScope(scope([
        Fr::from(4u64),
        context.0,
        Fr::from(0u64),
        Fr::from(0u64),
    ]))
}

fn scope(inputs: [Fr; 4]) -> Fr {
    poseidon::hash(tags::SCOPE, &inputs)
}
