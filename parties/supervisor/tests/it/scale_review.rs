//! A proposal that differs from its manifest is not approved.

use merits_ledger::entry::{PublishedKey, ScaleProposed};
use merits_params::manifest::Manifest;
use merits_primitives::{
    Fr,
    ids::{AssetId, Credits, PeriodKind, Quantity, ScaleId, ScaleVersion, SchemaId},
};
use merits_supervisor::scale_review::{ReviewFault, review};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::groth16::Provenance;

const SCALE: &str = include_str!("../../../../params/scales/cycling-week/scale.toml");

/// What an honest issuer proposes.
fn proposal() -> ScaleProposed {
    let manifest = Manifest::from_toml(SCALE).expect("the shipped scale");
    let key = TrapdoorKey::generate(2, &mut rand::rng()).key;
    merits_proposal::proposal(&manifest, PublishedKey::Here(key), Provenance::Ceremony)
}

#[test]
fn an_honest_proposal_passes() {
    let manifest = review(&proposal()).expect("as its manifest says");
    assert_eq!(manifest.id().as_str(), "cycling-week");
}

#[test]
fn each_number_that_differs_from_the_manifest_is_named() {
    type Change = fn(&mut ScaleProposed);
    let cases: [(&str, Change); 23] = [
        ("id", |p| {
            p.id = ScaleId::new("cycling-day").expect("a name")
        }),
        ("version", |p| p.version = ScaleVersion(9)),
        ("asset", |p| p.asset = AssetId(9)),
        ("period kind", |p| p.period_kind = PeriodKind::Day),
        ("shape", |p| p.shape[0] ^= 1),
        ("schema", |p| p.schema = SchemaId(Fr::from(1u64))),
        ("schema text", |p| p.schema_text.push(' ')),
        ("claims a proof", |p| p.capacity += 1),
        ("V_max", |p| p.max_credits = Credits(p.max_credits.0 - 1)),
        ("expiry rule", |p| p.expiry.lifetime_months += 1),
        ("first period", |p| p.valid_from += 1),
        ("last period", |p| p.valid_to = Some(p.valid_from + 1)),
        ("supply cap", |p| p.supply_cap = Some(Credits(1))),
        // An approved interval wider than the compiled one would let a constant out of it.
        ("figures", |p| p.figures.figures[0].high = u64::MAX),
        ("figures", |p| p.figures.figures[0].low += 1),
        ("figures", |p| p.figures.figures[0].values[0] += 1),
        ("figures", |p| p.figures.figures[0].exponent += 1),
        ("figures", |p| p.figures.figures[0].schedule = Some(0)),
        ("figures", |p| p.figures.figures.truncate(0)),
        ("figures", |p| p.figures.schedules.push(vec![19_000])),
        ("W_max", |p| p.max_measure = Some(Quantity(1))),
        // Another scope for each source: one deed at two sources would pay twice.
        ("per source", |p| p.per_source = !p.per_source),
        // A distributor that vouches, and nobody is told.
        ("vouched", |p| p.vouched = !p.vouched),
    ];
    for (field, change) in cases {
        let mut proposed = proposal();
        change(&mut proposed);
        match review(&proposed) {
            Err(ReviewFault::Differs { what, .. }) => assert_eq!(what, field),
            Err(other) => panic!("{field}: {other}"),
            Ok(_) => panic!("{field}: approved"),
        }
    }
}

#[test]
fn a_manifest_that_does_not_check_is_refused() {
    let mut proposed = proposal();
    proposed.manifest = "[scale]".to_owned();
    assert!(matches!(review(&proposed), Err(ReviewFault::Manifest(_))));
}

/// A comment more, and every number the same: what people read is not what was signed for.
#[test]
fn a_manifest_is_reviewed_as_it_stands_in_the_entry() {
    let mut proposed = proposal();
    proposed.manifest.push_str("# one more line\n");
    let manifest = review(&proposed).expect("it says the same");
    assert_eq!(manifest.text(), proposed.manifest);
}
