//! Dated figures: the version in force on the day counts, and the ledger determines it.

use crate::founded::Founded;
use merits_ledger::entry::{EarnBatch, Entry, ScaleProposed};
use merits_ledger_fixture::Federation;
use merits_primitives::figures::{Figure, Figures, PublicNumber};
use merits_primitives::ids::{Period, PeriodIndex, PeriodKind, ScaleVersion};
use merits_verifier::entry::SignedEntry;

fn figure(name: &str, schedule: Option<u16>, values: &[u64]) -> Figure {
    Figure {
        name: name.to_owned(),
        exponent: 2,
        low: 10,
        high: 90,
        schedule,
        values: values.to_vec(),
    }
}

fn week(index: u32) -> Period {
    Period {
        kind: PeriodKind::Week,
        index: PeriodIndex(index),
    }
}

fn first_day(index: u32) -> u32 {
    u32::try_from(week(index).first_day()).expect("after 1970")
}

/// A fixed factor and a dated table of two cells, which changes on the Wednesday of week 2310
/// and on the Monday of week 2315.
fn figures() -> Figures {
    Figures {
        figures: vec![
            figure("factor", None, &[50]),
            figure("fare[bus]", Some(0), &[20, 30, 40]),
            figure("fare[metro]", Some(0), &[25, 35, 45]),
        ],
        schedules: vec![vec![first_day(2_310) + 2, first_day(2_315)]],
    }
}

fn dated() -> Founded {
    Founded::with_scale(figures(), None)
}

/// The public numbers that the ledger proves a week's batches for.
fn numbers(ledger: &Founded, version: u32, index: u32) -> Vec<PublicNumber> {
    let state = ledger.ledger.state();
    let id = ledger.federation.scale_id();
    let terms = state.earn_terms(&id, ScaleVersion(version), week(index));
    terms.expect("in force").constants
}

#[test]
fn each_weeks_batches_are_proven_for_its_own_numbers() {
    let mut ledger = dated();
    for (index, expected) in [
        (2_309, [50, 20, 20, 25, 25, 0]),
        (2_310, [50, 20, 30, 25, 35, 2]),
        (2_311, [50, 30, 30, 35, 35, 0]),
        (2_315, [50, 40, 40, 45, 45, 0]),
    ] {
        let expected = expected.map(PublicNumber);
        assert_eq!(numbers(&ledger, 1, index), expected);
        let mut batch = ledger.federation.batch_of(week(index), 2, &mut ledger.rng);
        assert_eq!(batch.terms.constants, expected);
        let entry = proven(&mut ledger, &batch);
        ledger.submit(&entry).expect("a good batch");

        // The same claims under the numbers of another week: named, and no proof would help.
        batch.terms.constants[2].0 ^= 1;
        let entry = proven(&mut ledger, &batch);
        ledger.refused(&entry, "constant-not-approved", "constants");
    }
}

fn proven(ledger: &mut Founded, batch: &EarnBatch) -> SignedEntry {
    let federation = &ledger.federation;
    let proof = federation.prove(ledger.ledger.state(), batch, &mut ledger.rng);
    let proof = proof.unwrap_or_else(|_| {
        let some = federation.trapdoor.prove(&[], &mut ledger.rng);
        some.expect("a proof")
    });
    federation.sign_batch(batch, &proof)
}

fn refused_numbers(change: impl FnOnce(&Federation, &mut EarnBatch), field: &str) {
    let mut ledger = dated();
    let entry = ledger.changed_batch(2, change);
    ledger.refused(&entry, "constant-not-approved", field);
}

#[test]
fn a_prover_with_another_periods_figures_learns_which_one_is_wrong() {
    let other = |federation: &Federation, index| federation.figures.public(week(index));
    refused_numbers(
        |federation, batch| batch.terms.constants = other(federation, 2_309),
        "constants",
    );
    refused_numbers(
        |federation, batch| batch.terms.constants = other(federation, 2_311),
        "constants",
    );
    // The right values, from another day on.
    refused_numbers(
        |_, batch| batch.terms.constants[5] = PublicNumber(3),
        "constants.change day of fare",
    );
}

#[test]
fn a_proof_made_with_another_periods_figures_does_not_hold() {
    let mut ledger = dated();
    let batch = ledger.federation.batch(2, &mut ledger.rng);
    // The prover states what the ledger has, and proves another change day.
    let mut changed = batch.clone();
    changed.terms.constants = ledger.federation.figures.public(week(2_311));
    let federation = ledger.federation.clone();
    let mut statement = {
        let placeholder = federation
            .trapdoor
            .prove(&[], &mut ledger.rng)
            .expect("one");
        let draft = federation.sign_batch(&batch, &placeholder);
        let submission = merits_ledger::Submission::from_signed(draft, &federation.origin);
        let state = ledger.ledger.state();
        let job = state.job(&submission.expect("well-formed"));
        let job = job.expect("taken").expect("a batch");
        job.groth16().expect("of Groth16").statement
    };
    use merits_verifier::Statement as _;
    let merits_ledger::ProvenStatement::Earn(statement) = &mut statement else {
        panic!("a batch proves an earn statement");
    };
    statement.constants = changed.terms.constants;
    let proof = federation
        .trapdoor
        .prove(&statement.public_inputs(), &mut ledger.rng)
        .expect("a proof");
    let entry = federation.sign_batch(&batch, &proof);
    ledger.refused(&entry, "proof-invalid", "proof");
}

fn proposal(ledger: &Founded, change: impl FnOnce(&mut ScaleProposed)) -> SignedEntry {
    let mut scale = ledger.federation.scale(2);
    scale.valid_from = PeriodIndex(2_320);
    change(&mut scale);
    let issuer = &ledger.federation.issuer;
    ledger.federation.sign(&Entry::ScaleProposed(scale), issuer)
}

#[test]
fn two_changes_inside_a_week_are_refused() {
    let mut ledger = dated();
    let entry = proposal(&ledger, |scale| {
        scale.figures.schedules[0][1] = first_day(2_310) + 6;
    });
    ledger.refused(&entry, "two-changes-in-a-period", "schedules[0]");
}

#[test]
fn the_next_version_may_add_a_change_and_keep_its_key() {
    let mut ledger = dated();
    let entry = proposal(&ledger, |scale| {
        scale.figures.schedules[0].push(first_day(2_330) + 1);
        scale.figures.figures[1].values.push(60);
        scale.figures.figures[2].values.push(65);
        scale.figures.figures[0].values[0] = 51;
    });
    ledger.submit(&entry).expect("proposed");
    let approval = ledger.federation.approval(2, entry.id());
    ledger.submit(&approval).expect("approved");
    assert_eq!(
        numbers(&ledger, 1, 2_319),
        [50, 40, 40, 45, 45, 0].map(PublicNumber)
    );
    assert_eq!(
        numbers(&ledger, 2, 2_320),
        [51, 40, 40, 45, 45, 0].map(PublicNumber)
    );
    assert_eq!(
        numbers(&ledger, 2, 2_330),
        [51, 40, 60, 45, 65, 1].map(PublicNumber)
    );
}

#[test]
fn under_one_shape_the_figures_that_are_dated_stay_dated() {
    type Change = fn(&mut Figures);
    let cases: [(&str, &str, Change); 4] = [
        (
            "version-differs",
            "the shape's figures and intervals",
            |f| f.figures[1].exponent += 1,
        ),
        (
            "version-differs",
            "the shape's figures and intervals",
            |f| f.figures[2].high += 1,
        ),
        (
            "version-differs",
            "the shape's figures and intervals",
            |f| f.figures[1].low = 11,
        ),
        ("key-inputs", "key", |f| {
            f.figures[1].schedule = None;
            f.figures[1].values.truncate(1);
        }),
    ];
    let mut ledger = dated();
    for (code, field, change) in cases {
        let entry = proposal(&ledger, |scale| change(&mut scale.figures));
        ledger.refused(&entry, code, field);
    }
    // Names are for people: the circuit has none.
    let renamed = proposal(&ledger, |scale| {
        scale.figures.figures[1].name = "fare[tram]".to_owned();
    });
    ledger.submit(&renamed).expect("proposed");
}
