//! Notes: credits that belong to an owner key.

pub use crate::note_tree::NoteCommitment;
use crate::{
    Fr,
    ids::{AssetId, Credits, Expiry},
    owner::OwnerKey,
    poseidon, tags,
};

/// v + 2^64·expiry + 2^96·asset: injective, since v < 2^64, expiry < 2^32, asset < 2^64.
pub fn note_value(credits: Credits, expiry: Expiry, asset: AssetId) -> Fr {
    let low = u128::from(credits.0) | u128::from(expiry.0) << 64;
    Fr::from(low) + Fr::from(asset.0) * Fr::from(1u128 << 96)
}

/// cm = P(NOTE; v + 2^64·expiry + 2^96·asset, K).
pub fn note_commitment(
    credits: Credits,
    expiry: Expiry,
    asset: AssetId,
    key: &OwnerKey,
) -> NoteCommitment {
    let value = note_value(credits, expiry, asset);
    NoteCommitment(poseidon::hash(tags::NOTE, &[value, key.0]))
}
