//! A scale with a measure: two totals for each batch, proven together, and opened separately over
//! the same sets.

use crate::founded::Founded;
use merits_ledger::Replay;
use merits_ledger::entry::{Entry, TotalsOpened};
use merits_ledger_fixture::{MAX_MEASURE, MEASURED, WORTH};
use merits_primitives::{
    ids::Output,
    jubjub::Point,
    sum::{CreditsSum, Sum},
};
use merits_verifier::statement::earn::MeasureTotal;

fn measured() -> Founded {
    let figures = Founded::empty().federation.figures;
    Founded::with_scale(figures, Some(MAX_MEASURE))
}

/// Batches of 4, 5 and 6 claims, and a cut.
fn three_batches() -> Founded {
    let mut ledger = measured();
    for claims in [4, 5, 6] {
        let batch = ledger.earn(claims);
        ledger.submit(&batch).expect("a good batch");
    }
    ledger.cut(0);
    ledger
}

fn worth(output: Output, claims: u64) -> Sum {
    let each: Sum = match output {
        Output::Credits => WORTH.into(),
        Output::Measure => MEASURED.into(),
    };
    each.checked_mul(claims).expect("a small sum")
}

fn open(ledger: &mut Founded, output: Output, number: u32, sum: Sum) -> TotalsOpened {
    let state = ledger.ledger.state();
    ledger
        .federation
        .open_output(state, output, number, sum, &mut ledger.rng)
}

fn refused(ledger: &mut Founded, opened: TotalsOpened, code: &str, field: &str) {
    let entry = Entry::TotalsOpened(opened);
    let entry = ledger
        .federation
        .sign(&entry, &ledger.federation.supervisor);
    ledger.refused(&entry, code, field);
}

#[test]
fn both_outputs_are_kept_and_opened_apart() {
    for order in [Output::ALL, [Output::Measure, Output::Credits]] {
        let mut ledger = three_batches();
        for output in order {
            let total = open(&mut ledger, output, 0, worth(output, 15));
            ledger
                .supervise(&Entry::TotalsOpened(total))
                .expect("opened");
            let key = ledger.federation.totals_key(output);
            let totals = ledger.ledger.state().totals();
            let opened = totals.opened(&key).expect("rows in memory");
            assert_eq!(opened.len(), 1);
            assert_eq!(
                (opened[0].claims, opened[0].sum),
                (15, worth(output, 15)),
                "{output}"
            );
            assert!(totals.unopened(&key).expect("rows in memory").is_empty());
        }
    }
}

#[test]
fn a_measure_uses_up_no_supply() {
    let mut ledger = three_batches();
    let issued = |ledger: &Founded| {
        let state = ledger.ledger.state();
        let scale = state.scales().get(&ledger.federation.scale_id());
        scale.expect("the scale").issued_at_most
    };
    let before = issued(&ledger);
    let total = open(&mut ledger, Output::Measure, 0, worth(Output::Measure, 15));
    ledger
        .supervise(&Entry::TotalsOpened(total))
        .expect("opened");
    assert_eq!(issued(&ledger), before);
    let total = open(&mut ledger, Output::Credits, 0, worth(Output::Credits, 15));
    ledger
        .supervise(&Entry::TotalsOpened(total))
        .expect("opened");
    assert_eq!(issued(&ledger), CreditsSum(15 * u128::from(WORTH.0)));
}

/// The credits of batches 1 and 2 and the measure of batch 1 would give batch 2's own, wherever
/// the measure follows from the credits.
#[test]
fn both_outputs_are_opened_over_the_same_intervals() {
    for (first, second) in [
        (Output::Credits, Output::Measure),
        (Output::Measure, Output::Credits),
    ] {
        let mut ledger = three_batches();
        let total = open(&mut ledger, first, 0, worth(first, 15));
        ledger
            .supervise(&Entry::TotalsOpened(total))
            .expect("opened");
        let late = ledger.earn(4);
        ledger.submit(&late).expect("a good batch");
        let wider = open(&mut ledger, second, 0, worth(second, 19));
        refused(&mut ledger, wider, "sum-wrong", "sum");
        let uncut = open(&mut ledger, second, 1, worth(second, 4));
        refused(&mut ledger, uncut, "total-cut", "number");
        let same = open(&mut ledger, second, 0, worth(second, 15));
        ledger
            .supervise(&Entry::TotalsOpened(same))
            .expect("opened");
        ledger.cut(1);
        for output in [second, first] {
            let rest = open(&mut ledger, output, 1, worth(output, 4));
            ledger
                .supervise(&Entry::TotalsOpened(rest))
                .expect("opened");
        }
    }
}

#[test]
fn one_outputs_partials_open_nothing_of_the_other() {
    let mut ledger = three_batches();
    let mut total = open(&mut ledger, Output::Credits, 0, worth(Output::Credits, 15));
    total.key.output = Output::Measure;
    refused(&mut ledger, total, "partial-invalid", "supervisor");
    let mut total = open(&mut ledger, Output::Measure, 0, worth(Output::Measure, 15));
    total.key.output = Output::Credits;
    refused(&mut ledger, total, "partial-invalid", "supervisor");
}

#[test]
fn the_other_outputs_sum_is_a_wrong_sum() {
    let mut ledger = three_batches();
    let total = open(&mut ledger, Output::Measure, 0, worth(Output::Credits, 15));
    refused(&mut ledger, total, "sum-wrong", "sum");
}

/// A batch's total of the measure is part of what it proves.
#[test]
fn a_batch_brings_the_measure_that_it_proves() {
    let mut ledger = measured();
    let without = ledger.changed_batch(2, |_, batch| batch.measure = None);
    ledger.refused(&without, "measure-missing", "measure");

    // Proven as it is, then altered: the proof is for the other public inputs.
    let federation = ledger.federation.clone();
    let batch = federation.batch(2, &mut ledger.rng);
    let state = ledger.ledger.state();
    let proof = federation
        .prove(state, &batch, &mut ledger.rng)
        .expect("a good batch");
    let measure = batch.measure.expect("the scale has one");
    let mut swapped = batch.clone();
    (swapped.t1, swapped.t2) = (measure.m1, measure.m2);
    swapped.measure = Some(MeasureTotal {
        m1: batch.t1,
        m2: batch.t2,
    });
    let entry = federation.sign_batch(&swapped, &proof);
    ledger.refused(&entry, "proof-invalid", "proof");
    let mut larger = batch.clone();
    let one = (measure.m2 + Point::base()).expect("not the identity");
    larger.measure = Some(MeasureTotal {
        m1: measure.m1,
        m2: one,
    });
    let entry = federation.sign_batch(&larger, &proof);
    ledger.refused(&entry, "proof-invalid", "proof");
    ledger
        .submit(&federation.sign_batch(&batch, &proof))
        .expect("unaltered, it is accepted");
}

#[test]
fn a_measures_key_is_neither_the_credits_nor_a_claims() {
    let mut ledger = measured();
    let reused = ledger.changed_batch(2, |_, batch| {
        if let Some(measure) = &mut batch.measure {
            measure.m1 = batch.t1;
        }
    });
    ledger.refused(&reused, "totals-share-key", "measure.m1");
    let whole = ledger.changed_batch(2, |_, batch| {
        batch.measure = Some(MeasureTotal {
            m1: batch.t1,
            m2: batch.t2,
        });
    });
    ledger.refused(&whole, "totals-share-key", "measure.m1");
    let claim = ledger.changed_batch(2, |_, batch| {
        let ephemeral = Point::from_y(batch.claims[1].public.ey.0).expect("an ephemeral key");
        if let Some(measure) = &mut batch.measure {
            measure.m1 = ephemeral;
        }
    });
    ledger.refused(&claim, "claim-as-total", "claims[1].ey");
}

#[test]
fn replaying_gives_the_same_state() {
    let mut ledger = three_batches();
    let total = open(&mut ledger, Output::Measure, 0, worth(Output::Measure, 15));
    ledger
        .supervise(&Entry::TotalsOpened(total))
        .expect("opened");
    let mut replay = Replay::new(ledger.federation.policy());
    for leaf in ledger.ledger.store().leaves() {
        replay.push(leaf, &mut ledger.rng).expect("its own log");
    }
    replay.flush(&mut ledger.rng).expect("its own log");
    assert_eq!(
        replay.state().digest().expect("rows in memory"),
        ledger.ledger.state().digest().expect("rows in memory")
    );
    let key = ledger.federation.totals_key(Output::Credits);
    let interval = replay.state().totals().interval(&key, 0);
    let interval = interval.expect("rows in memory").expect("batches");
    assert!(interval.cut.is_some() && interval.opened.is_none());
}
