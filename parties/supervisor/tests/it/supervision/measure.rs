//! A scale with a measure: each output's total is opened separately, over the same batches.
//!
//! Failures are: a holder answers for the measure of one set of batches and for the credits of
//! another that shares a batch with it, or an answer for one output opens the other.

use crate::supervision::memory_log::{
    CREDITS, Federation, MemoryLog, SUPERVISOR, V_MAX, W_MAX, handle_of,
};
use merits_primitives::{
    earned::Earned,
    ids::{Credits, EntryId, Output, Quantity},
    sum::Sum,
};
use merits_supervisor::{
    holder::{Refused, TotalAsk, TotalPartial},
    requester::{OpeningFault, combine},
    side::Side,
    totals::{SetFault, TotalFault, TotalSet},
};
use merits_verifier::possession::TotalsKey;

fn key(output: Output) -> TotalsKey {
    TotalsKey { output, ..CREDITS }
}

fn set(log: &MemoryLog, output: Output) -> TotalSet {
    TotalSet::check(log, key(output), 0).expect("a cut")
}

fn answers(fed: &mut Federation, ask: &TotalAsk) -> Result<Vec<TotalPartial>, Refused> {
    [Side::Supervisor, Side::Witness]
        .into_iter()
        .map(|side| fed.ask_total(side, ask))
        .collect()
}

fn sum(fed: &mut Federation, set: &TotalSet) -> u64 {
    let ask = set.ask(&fed.log);
    let answers = answers(fed, &ask).expect("answered");
    set.open(&fed.log, &answers).expect("opened").sum.0
}

/// Two batches of three claims, and a cut.
fn measured() -> (Federation, [EntryId; 2]) {
    let mut fed = Federation::new();
    let first = fed.append_measured(&[(1627, 10), (0, 0), (V_MAX.0, W_MAX)]);
    let second = fed.append_measured(&[(5, 1), (6, 2), (7, 4)]);
    fed.cut();
    (fed, [first, second])
}

#[test]
fn each_output_has_its_own_sum() {
    let (mut fed, _) = measured();
    let credits = set(&fed.log, Output::Credits);
    let measure = set(&fed.log, Output::Measure);
    assert_eq!(
        (credits.bound(), measure.bound()),
        (Sum(6 * V_MAX.0), Sum(6 * W_MAX))
    );
    assert_eq!(sum(&mut fed, &credits), 1627 + V_MAX.0 + 18);
    assert_eq!(sum(&mut fed, &measure), 10 + W_MAX + 7);
    assert_eq!(fed.witness.journal().answers(), 0, "the log says it");
}

/// Credits of {1}, measure of {1, 2}: where one follows from the other, batch 2 is opened.
#[test]
fn both_outputs_are_answered_over_the_same_cut() {
    for (first, second) in [
        (Output::Credits, Output::Measure),
        (Output::Measure, Output::Credits),
    ] {
        let (mut fed, _) = measured();
        let one = set(&fed.log, first);
        let ask = one.ask(&fed.log);
        answers(&mut fed, &ask).expect("answered");
        // What comes later is in neither.
        fed.append_measured(&[(1, 1), (1, 1), (1, 1)]);
        let same = set(&fed.log, second);
        assert_eq!((same.cut(), same.claims()), (one.cut(), one.claims()));
        let ask = same.ask(&fed.log);
        answers(&mut fed, &ask).expect("answered");
        let later = TotalAsk { number: 1, ..ask };
        assert!(matches!(
            answers(&mut fed, &later),
            Err(Refused::Set(SetFault::NotCut { number: 1 }))
        ));
    }
}

#[test]
fn an_answer_for_one_output_opens_nothing_of_the_other() {
    let (mut fed, _) = measured();
    let credits = set(&fed.log, Output::Credits);
    let measure = set(&fed.log, Output::Measure);
    let ask = credits.ask(&fed.log);
    let of_credits = answers(&mut fed, &ask).expect("answered");
    assert_eq!(
        measure.open(&fed.log, &of_credits),
        Err(TotalFault::BadPartial {
            side: Side::Supervisor,
            holder: SUPERVISOR
        })
    );
    // Even over the same points: the proof is bound to the output.
    for (_, batch) in &mut fed.log.batches {
        let measure = batch.measure.as_mut().unwrap();
        (measure.m1, measure.m2) = (batch.t1, batch.t2);
    }
    let measure = set(&fed.log, Output::Measure);
    assert_eq!(measure.t1(), credits.t1());
    assert!(measure.open(&fed.log, &of_credits).is_err());
}

#[test]
fn a_scale_without_a_measure_has_no_total_of_one() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    fed.cut();
    let next = TotalSet::next(&fed.log, key(Output::Measure));
    assert_eq!(next, Err(SetFault::Empty));
    let ask = TotalAsk {
        origin: fed.log.origin.clone(),
        key: key(Output::Measure),
        number: 0,
    };
    assert!(matches!(
        fed.ask_total(Side::Witness, &ask),
        Err(Refused::Set(SetFault::NotCut { number: 0 }))
    ));
}

#[test]
fn an_opened_claim_gives_credits_and_measure() {
    let (mut fed, [first, _]) = measured();
    let ask = fed.append_request(first, 0, SUPERVISOR);
    let answers = fed.ask_both(&ask);
    let opened = combine(&fed.log, &ask, &fed.key, &answers).unwrap();
    let earned = Earned {
        credits: Credits(1627),
        measure: Some(Quantity(10)),
    };
    assert_eq!((opened.earned, opened.handle), (earned, handle_of(0, 0)));
    let other = merits_supervisor::request::OpeningResult {
        earned: Earned {
            measure: Some(Quantity(11)),
            ..earned
        },
        ..opened.clone()
    };
    assert_ne!(
        opened.hash(&ask.request, &ask.content),
        other.hash(&ask.request, &ask.content),
        "the log's trace binds the measure"
    );
}

#[test]
fn a_measure_over_the_scales_most_is_named() {
    let mut fed = Federation::new();
    let entry = fed.append_measured(&[(1, W_MAX + 1), (1, 1), (1, 1)]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    let answers = fed.ask_both(&ask);
    assert_eq!(
        combine(&fed.log, &ask, &fed.key, &answers),
        Err(OpeningFault::NoMeasure(Quantity(W_MAX)))
    );
    // Of a scale without a measure, a value above 2^64 is not an amount.
    fed.log.batches[0].1.w_max = None;
    assert_eq!(
        combine(&fed.log, &ask, &fed.key, &answers),
        Err(OpeningFault::NoAmount(V_MAX))
    );
}
