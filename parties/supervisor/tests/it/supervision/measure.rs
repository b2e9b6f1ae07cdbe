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
    journal::{Answered, Journal},
    requester::{OpeningFault, combine},
    side::Side,
    totals::{SetFault, TotalFault, TotalSet},
};
use merits_verifier::possession::TotalsKey;

fn key(output: Output) -> TotalsKey {
    TotalsKey { output, ..CREDITS }
}

fn head(log: &MemoryLog, output: Output, limit: Option<usize>) -> Result<TotalSet, SetFault> {
    TotalSet::head(log, key(output), limit)
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

/// Two batches, of three and two claims.
fn measured() -> (Federation, [EntryId; 2]) {
    let mut fed = Federation::new();
    let first = fed.append_measured(&[(1627, 10), (0, 0), (V_MAX.0, W_MAX)]);
    let second = fed.append_measured(&[(5, 1), (6, 2), (7, 4)]);
    (fed, [first, second])
}

#[test]
fn each_output_has_its_own_sum() {
    let (mut fed, _) = measured();
    let credits = head(&fed.log, Output::Credits, None).unwrap();
    let measure = head(&fed.log, Output::Measure, None).unwrap();
    assert_eq!(
        (credits.bound(), measure.bound()),
        (Sum(6 * V_MAX.0), Sum(6 * W_MAX))
    );
    assert_eq!(sum(&mut fed, &credits), 1627 + V_MAX.0 + 18);
    assert_eq!(sum(&mut fed, &measure), 10 + W_MAX + 7);
    let lines = Journal::read(fed.witness.journal().path()).unwrap();
    let outputs: Vec<_> = (lines.iter())
        .map(|line| match &line.answer {
            Answered::Total { output, .. } => output.as_str(),
            Answered::Opening { .. } => "opening",
        })
        .collect();
    assert_eq!(outputs, ["credits", "measure"], "the trace says which");
}

/// Credits of {1}, measure of {1, 2}: where one follows from the other, batch 2 is opened.
#[test]
fn a_holder_answers_for_a_batch_in_one_set_whatever_the_output() {
    for (first, second) in [
        (Output::Credits, Output::Measure),
        (Output::Measure, Output::Credits),
    ] {
        let (mut fed, _) = measured();
        let one = head(&fed.log, first, Some(1)).unwrap().ask(&fed.log);
        answers(&mut fed, &one).expect("answered");
        let both = head(&fed.log, second, None).unwrap().ask(&fed.log);
        assert!(matches!(
            answers(&mut fed, &both),
            Err(Refused::Overlap { answered: 1 })
        ));
        // The head that was answered is answered for the other output too.
        let same = head(&fed.log, second, Some(1)).unwrap().ask(&fed.log);
        assert_eq!(same.entries, one.entries);
        answers(&mut fed, &same).expect("the same set");
    }
}

#[test]
fn a_set_that_the_log_cut_for_the_other_output_is_the_set() {
    let (mut fed, [first, second]) = measured();
    // The log opened the credits of the first batch.
    fed.log.covered.push((Output::Credits, first));
    fed.log.cuts.insert(Output::Measure, 1);
    let set = head(&fed.log, Output::Measure, None).unwrap();
    assert_eq!(set.entries(), [first], "the head follows the cut");
    let both = TotalAsk {
        entries: vec![first, second],
        ..set.ask(&fed.log)
    };
    assert!(matches!(
        fed.ask_total(Side::Witness, &both),
        Err(Refused::Set(SetFault::Cut {
            expected: 1,
            found: 2
        }))
    ));
    assert_eq!(sum(&mut fed, &set), 10 + W_MAX);
}

#[test]
fn an_answer_for_one_output_opens_nothing_of_the_other() {
    let (mut fed, _) = measured();
    let credits = head(&fed.log, Output::Credits, None).unwrap();
    let measure = head(&fed.log, Output::Measure, None).unwrap();
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
    let measure = head(&fed.log, Output::Measure, None).unwrap();
    assert_eq!(measure.t1(), credits.t1());
    assert!(measure.open(&fed.log, &of_credits).is_err());
}

#[test]
fn a_scale_without_a_measure_has_no_total_of_one() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1, 2, 3]);
    assert_eq!(head(&fed.log, Output::Measure, None), Err(SetFault::Empty));
    let ask = TotalAsk {
        origin: fed.log.origin.clone(),
        key: key(Output::Measure),
        entries: vec![entry],
    };
    assert!(matches!(
        fed.ask_total(Side::Witness, &ask),
        Err(Refused::Set(SetFault::Foreign(_)))
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
