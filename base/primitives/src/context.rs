//! Contexts: a proof's binding to its use, beside its other public inputs.

use crate::{
    calendar::Timestamp,
    element::public_element,
    field,
    ids::{EntryId, Origin, PartyId, ScaleId, ScaleVersion},
};

public_element! {
    /// The use that a proof is for. The same proof is invalid under another context.
    Context
}

/// H(origin, distributor, scale id, version): a proof made for one ledger, party or scale version
/// is invalid for another.
pub fn earn_context(
    origin: &Origin,
    distributor: &PartyId,
    scale: &ScaleId,
    version: ScaleVersion,
) -> Context {
    context(
        "merits/context/earn/v1",
        &[
            origin.as_str().as_bytes(),
            &distributor.0,
            scale.as_str().as_bytes(),
            &version.0.to_le_bytes(),
        ],
    )
}

/// H(origin, offer, exchange, voucher key): a redemption is for one offer, at one exchange, and its
/// voucher is sealed to one key.
pub fn redeem_context(
    origin: &Origin,
    offer: &EntryId,
    exchange: &PartyId,
    voucher_key: &[u8; 32],
) -> Context {
    context(
        "merits/context/redeem/v1",
        &[
            origin.as_str().as_bytes(),
            &offer.0,
            &exchange.0,
            voucher_key,
        ],
    )
}

/// H(origin, verifier, nonce, not-after): an attestation is for one verifier and one question, and is
/// worthless after that time.
pub fn attest_context(
    origin: &Origin,
    verifier: &str,
    nonce: &[u8],
    not_after: Timestamp,
) -> Context {
    context(
        "merits/context/attest/v1",
        &[
            origin.as_str().as_bytes(),
            verifier.as_bytes(),
            nonce,
            &not_after.as_millis().to_le_bytes(),
        ],
    )
}

fn context(domain: &str, parts: &[&[u8]]) -> Context {
    Context(field::hash(domain, parts))
}
