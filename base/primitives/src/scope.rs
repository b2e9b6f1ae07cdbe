//! Scopes: the range within which a nullifier or pseudonym is unique.

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
    /// The range within which a ticket's nullifier or a pseudonym is unique: a claim, or a source.
    Scope
}

public_element! {
    /// The range within which a rate nullifier is unique: an offer and day, or an attestation's
    /// context.
    RateScope
}

/// P(SCOPE; 1, asset, period, source or 0): one claim for each person, scale and period. If the
/// scale says that deeds at two sources are different deeds, also for each source.
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

/// P(SCOPE; 3, offer, day, 0): a rate limit, one for each person, offer and day of the ledger's
/// time.
pub fn rate_scope(offer: &EntryId, day: Day) -> RateScope {
    let offer = field::from_digest(&offer.0);
    RateScope(scope([
        Fr::from(3u64),
        offer,
        Fr::from(u64::from(day.0)),
        Fr::from(0u64),
    ]))
}

/// P(SCOPE; 4, context, 0, 0): one attestation for each person and context.
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
