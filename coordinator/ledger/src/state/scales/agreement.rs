//! Where two versions must agree. Each function takes a proposal whole, so that a field which is new
//! has to be put into one of the lists before this compiles.

use merits_verifier::groth16::KeyDigest;

use crate::entry::ScaleProposed;

/// What differs though it must be the same in all versions of a scale: its number, its periods, the
/// scope of claims, and who vouches for people.
pub(super) fn within_a_scale(
    earlier: &ScaleProposed,
    later: &ScaleProposed,
) -> Option<&'static str> {
    let ScaleProposed {
        id,
        asset,
        period_kind,
        per_source,
        vouched,
        // What versions are for.
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
        (*id == earlier.id, "id"),
        (*asset == earlier.asset, "asset"),
        (*period_kind == earlier.period_kind, "period kind"),
        (*per_source == earlier.per_source, "per source"),
        (*vouched == earlier.vouched, "who vouches"),
    ]
    .into_iter()
    .find_map(|(same, what)| (!same).then_some(what))
}

/// What differs though it must be the same wherever a shape is: the sizes and intervals that the
/// circuit was compiled for. Two issuers with equal shapes may set up keys of their own, and name
/// fields and figures as they like: of those the circuit knows nothing.
pub(super) fn within_a_shape(
    earlier: &ScaleProposed,
    later: &ScaleProposed,
) -> Option<&'static str> {
    let ScaleProposed {
        shape,
        period_kind,
        figures,
        capacity,
        max_credits,
        max_measure,
        // Whose it is, since when, and by which set-up.
        id: _,
        version: _,
        asset: _,
        manifest: _,
        key: _,
        provenance: _,
        valid_from: _,
        valid_to: _,
        supply_cap: _,
        // Public inputs, or nothing that the circuit knows of.
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
            "the shape's period kind",
        ),
        (*capacity == earlier.capacity, "the shape's capacity"),
        (*max_credits == earlier.max_credits, "the shape's V_max"),
        (*max_measure == earlier.max_measure, "the shape's W_max"),
        (
            earlier.figures.same_shape(figures),
            "the shape's figures and intervals",
        ),
    ]
    .into_iter()
    .find_map(|(same, what)| (!same).then_some(what))
}

/// What differs though one key stands in both: a key is made for one circuit, in one way.
pub(super) fn under_a_key(
    (earlier, earlier_key): (&ScaleProposed, KeyDigest),
    (later, later_key): (&ScaleProposed, KeyDigest),
) -> Option<&'static str> {
    if earlier_key != later_key {
        None
    } else if earlier.shape != later.shape {
        Some("the key's shape")
    } else if earlier.provenance != later.provenance {
        Some("the key's provenance")
    } else {
        None
    }
}
