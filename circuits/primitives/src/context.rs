//! Contexts: what a proof is bound to beyond its own numbers.

use crate::{
    Fr, field,
    ids::{Origin, PartyId, ScaleId, ScaleVersion},
};

/// H(origin, distributor, scale id, version): no proof made for one ledger, party or scale
/// version serves another.
pub fn earn_context(
    origin: &Origin,
    distributor: &PartyId,
    scale: &ScaleId,
    version: ScaleVersion,
) -> Fr {
    field::hash(
        "merits/context/earn/v1",
        &[
            origin.as_str().as_bytes(),
            &distributor.0,
            scale.as_str().as_bytes(),
            &version.0.to_le_bytes(),
        ],
    )
}
