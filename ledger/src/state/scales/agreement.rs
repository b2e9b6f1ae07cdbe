//! The fields in which two versions must agree. Each function destructures a proposal in full, so
//! that this does not compile until a new field is put into one of the lists.

use merits_verifier::groth16::KeyDigest;
use merits_verifier::{FieldName, fields};

use crate::entry::ScaleProposed;

/// The field that differs although it must be the same in all versions of a scale: number, periods,
/// scope of claims, and who vouches for people.
pub(super) fn within_a_scale(earlier: &ScaleProposed, later: &ScaleProposed) -> Option<FieldName> {
    let ScaleProposed {
        id,
        asset,
        period_kind,
        per_source,
        vouched,
        // Fields that versions may change.
        version: _,
        manifest: _,
        shape: _,
        key: _,
        provenance: _,
        figures: _,
        schema: _,
        schema_text: _,
        capacity: _,
        max_credits: _,
        max_measure: _,
        expiry: _,
        valid_from: _,
        valid_to: _,
        supply_cap: _,
    } = later;
    [
        (*id == earlier.id, fields::ID),
        (*asset == earlier.asset, fields::ASSET),
        (*period_kind == earlier.period_kind, fields::PERIOD_KIND),
        (*per_source == earlier.per_source, fields::PER_SOURCE),
        (*vouched == earlier.vouched, fields::WHO_VOUCHES),
    ]
    .into_iter()
    .find_map(|(same, what)| (!same).then_some(what))
}

/// The field that differs although it must be the same for equal shapes: the sizes and intervals
/// that the circuit was compiled for. Two issuers with equal shapes may set up their own keys and
/// choose their own names of fields and figures, because the circuit does not depend on them.
pub(super) fn within_a_shape(earlier: &ScaleProposed, later: &ScaleProposed) -> Option<FieldName> {
    let ScaleProposed {
        shape,
        period_kind,
        figures,
        capacity,
        max_credits,
        max_measure,
        // The owner, the start, and the set-up.
        id: _,
        version: _,
        asset: _,
        manifest: _,
        key: _,
        provenance: _,
        valid_from: _,
        valid_to: _,
        supply_cap: _,
        // Public inputs, or fields that the circuit does not depend on.
        schema: _,
        schema_text: _,
        expiry: _,
        per_source: _,
        vouched: _,
    } = later;
    if *shape != earlier.shape {
        return None;
    }
    [
        (
            *period_kind == earlier.period_kind,
            fields::SHAPE_PERIOD_KIND,
        ),
        (*capacity == earlier.capacity, fields::SHAPE_CAPACITY),
        (*max_credits == earlier.max_credits, fields::SHAPE_V_MAX),
        (*max_measure == earlier.max_measure, fields::SHAPE_W_MAX),
        (
            earlier.figures.same_shape(figures),
            fields::SHAPE_FIGURES_AND_INTERVALS,
        ),
    ]
    .into_iter()
    .find_map(|(same, what)| (!same).then_some(what))
}

/// The field that differs although both have the same key: a key is made for one circuit, in one
/// way.
pub(super) fn under_a_key(
    (earlier, earlier_key): (&ScaleProposed, KeyDigest),
    (later, later_key): (&ScaleProposed, KeyDigest),
) -> Option<FieldName> {
    if earlier_key != later_key {
        None
    } else if earlier.shape != later.shape {
        Some(fields::KEY_SHAPE)
    } else if earlier.provenance != later.provenance {
        Some(fields::KEY_PROVENANCE)
    } else {
        None
    }
}
