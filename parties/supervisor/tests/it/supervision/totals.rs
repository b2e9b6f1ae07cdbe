//! Totals: honest ones, and each way to learn more than a total from them.
//!
//! Failure is: a sum is answered that no cut allows, an answer for one cut opens another, or a wrong sum or partial
//! passes.

use crate::supervision::memory_log::{CREDITS, Federation, NOW, SUPERVISOR, WEEK, WITNESS, share};
use ark_ec::CurveGroup;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, Output, Period, PeriodIndex},
    jubjub::{Point, Scalar},
};
use merits_supervisor::{
    holder::{Refused, TotalAsk, TotalPartial},
    side::Side,
    totals::{Next, OpenedTotal, SetFault, TotalFault, TotalSet},
    view::Vouched,
};
use merits_verifier::possession::TotalsKey;

/// The set of a cut.
fn set(fed: &Federation, number: u32) -> TotalSet {
    TotalSet::check(&fed.log, CREDITS, number).expect("a cut")
}

fn open(fed: &mut Federation, set: &TotalSet) -> Result<OpenedTotal, TotalFault> {
    let ask = set.ask(&fed.log);
    let answers = [Side::Supervisor, Side::Witness].map(|side| fed.ask_total(side, &ask).unwrap());
    set.open(&fed.log, &answers)
}

fn code(answer: Result<TotalPartial, Refused>) -> &'static str {
    match answer {
        Ok(_) => "answered",
        Err(refused) => refused.code().as_str(),
    }
}

fn ask(fed: &Federation, number: u32) -> TotalAsk {
    TotalAsk {
        origin: fed.log.origin.clone(),
        key: CREDITS,
        number,
    }
}

#[test]
fn the_sum_of_a_cut_opens_and_nothing_else() {
    let mut fed = Federation::new();
    fed.append_batch(&[1627, 0, 22_781]);
    fed.append_batch(&[5, 6]);
    // Nobody is answered before the cut, whoever asks first.
    for side in Side::BOTH {
        let early = ask(&fed, 0);
        assert_eq!(code(fed.ask_total(side, &early)), "total-cut");
    }
    assert_eq!(TotalSet::next(&fed.log, CREDITS), Ok(Next::Cut(0)));
    fed.cut();
    let set = set(&fed, 0);
    assert_eq!(
        TotalSet::next(&fed.log, CREDITS),
        Ok(Next::Open(set.clone()))
    );
    assert_eq!((set.claims(), set.bound().0), (5, 5 * 22_781));
    let opened = open(&mut fed, &set).unwrap();
    assert_eq!(opened.sum.0, 1627 + 22_781 + 11);
    assert_eq!(
        opened
            .partials
            .map(|partials| partials.supervisor[0].holder),
        Some(SUPERVISOR)
    );
}

#[test]
fn batches_that_come_later_wait_for_the_next_cut() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    fed.cut();
    let first = set(&fed, 0);
    assert_eq!(open(&mut fed, &first).unwrap().sum.0, 6);
    fed.append_batch(&[10, 20, 30]);
    let late = ask(&fed, 1);
    for side in Side::BOTH {
        assert_eq!(code(fed.ask_total(side, &late)), "total-cut");
    }
    // The same question is answered again, also when its total is on the log.
    let answer = fed.ask_total(Side::Witness, &first.ask(&fed.log)).unwrap();
    fed.log.opened.push((Output::Credits, 0));
    let again = fed.ask_total(Side::Witness, &first.ask(&fed.log)).unwrap();
    assert_eq!(answer.partial, again.partial);
    assert_eq!(TotalSet::next(&fed.log, CREDITS), Ok(Next::Cut(1)));
    fed.cut();
    let second = set(&fed, 1);
    assert_eq!(open(&mut fed, &second).unwrap().sum.0, 60);
    fed.log.opened.push((Output::Credits, 1));
    assert_eq!(TotalSet::next(&fed.log, CREDITS), Err(SetFault::Empty));
    assert_eq!(fed.witness.journal().answers(), 0, "the log says it");
}

/// Answers are bound to the cut, so those for one say nothing about another.
#[test]
fn an_answer_for_a_cut_opens_no_other() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    fed.cut();
    let set = set(&fed, 0);
    let ask = set.ask(&fed.log);
    let answers = Side::BOTH.map(|side| fed.ask_total(side, &ask).unwrap());
    // The same batch, in another place of the log.
    let (entry, batch) = fed.log.batches[0].clone();
    fed.log.batches.push((entry, batch));
    fed.cut();
    let other = TotalSet::check(&fed.log, CREDITS, 1).unwrap();
    assert_eq!(other.t1(), set.t1());
    assert!(matches!(
        other.open(&fed.log, &answers),
        Err(TotalFault::BadPartial { .. })
    ));
}

/// A branch of the log could have a cut that differs from the log's by one batch.
#[test]
fn a_copy_that_nobody_vouches_for_any_more_gets_no_answer() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    fed.cut();
    let good = ask(&fed, 0);
    let long_ago = Timestamp::from_millis(NOW.as_millis() - 11 * 60_000);
    for as_of in [None, Some(long_ago)] {
        fed.log.vouched = Vouched::AsOf(as_of);
        assert_eq!(code(fed.ask_total(Side::Witness, &good)), "busy");
    }
    fed.log.vouched = Vouched::AsOf(Some(NOW));
    assert_eq!(code(fed.ask_total(Side::Witness, &good)), "answered");
}

#[test]
fn a_claim_offered_as_a_total_is_refused() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    fed.cut();
    // A message cannot carry a point at all, so only the log itself could hold the
    // claim's E as a T1. Even then the answer is made with At's half, not with A's.
    let claim = fed.log.batches[0].1.claims[0];
    let ephemeral = Point::from_y(claim.ciphertext.ey.0).unwrap();
    fed.log.batches[0].1.t1 = ephemeral;
    let set = set(&fed, 0);
    let ask = set.ask(&fed.log);
    let answers = [Side::Supervisor, Side::Witness].map(|side| fed.ask_total(side, &ask).unwrap());
    assert_eq!(
        set.open(&fed.log, &answers),
        Err(TotalFault::NoSum(set.bound()))
    );
    let shared = (answers[0].partial + answers[1].partial).unwrap();
    assert!(
        merits_primitives::view_encryption::open(
            shared.y(),
            claim.commitment,
            &claim.ciphertext,
            false
        )
        .is_err(),
        "the totals key does not open the claim"
    );
}

#[test]
fn another_scale_period_epoch_or_log_is_refused() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    fed.cut();
    let good = ask(&fed, 0);
    let other_week = TotalAsk {
        key: TotalsKey {
            period: Period {
                index: PeriodIndex(1),
                ..WEEK
            },
            ..CREDITS
        },
        ..good.clone()
    };
    assert_eq!(code(fed.ask_total(Side::Witness, &other_week)), "total-cut");
    let other_asset = TotalAsk {
        key: TotalsKey {
            asset: merits_primitives::ids::AssetId(8),
            ..CREDITS
        },
        ..good.clone()
    };
    assert_eq!(
        code(fed.ask_total(Side::Witness, &other_asset)),
        "total-cut"
    );
    let other_log = TotalAsk {
        origin: Origin::new("other.test/m").unwrap(),
        ..good
    };
    assert_eq!(code(fed.ask_total(Side::Witness, &other_log)), "other-log");
}

#[test]
fn a_wrong_partial_is_named() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    fed.cut();
    let set = set(&fed, 0);
    let ask = set.ask(&fed.log);
    let own = fed.ask_total(Side::Supervisor, &ask).unwrap();
    let good = fed.ask_total(Side::Witness, &ask).unwrap();
    let bad = Err(TotalFault::BadPartial {
        side: Side::Witness,
        holder: WITNESS,
    });

    let moved = (good.partial + Point::base()).unwrap();
    assert_eq!(
        set.open(
            &fed.log,
            &[
                own,
                TotalPartial {
                    partial: moved,
                    ..good
                }
            ]
        ),
        bad
    );

    let context = merits_verifier::possession::total_context(
        &fed.log.origin,
        &CREDITS,
        &[set.cut()],
        Side::Witness.total_half(),
        &WITNESS,
    );
    let (partial, proof) =
        share(Side::Witness).total_partial(&set.t1().unwrap(), &context, &mut rand::rng());
    let stranger = TotalPartial {
        holder: WITNESS,
        partial,
        proof,
    };
    assert_eq!(set.open(&fed.log, &[own, stranger]), bad);

    let swapped = TotalPartial {
        holder: WITNESS,
        ..own
    };
    assert_eq!(set.open(&fed.log, &[own, swapped]), bad);
    assert_eq!(
        set.open(&fed.log, &[own]),
        Err(TotalFault::Missing(Side::Witness))
    );
}

/// Somebody who knows the r of two batches can choose them so that they cancel out. That gives away
/// the sum and nothing else, and keeps nobody from opening it, or what comes after.
#[test]
fn a_sum_that_is_open_already_is_opened_without_the_holders() {
    let mut fed = Federation::new();
    fed.append_batch(&[1_627, 0, 22_781]);
    fed.append_batch(&[5, 6]);
    let point = |sum: CurvePoint| Point::from_affine(sum.into_affine()).unwrap();
    let base = |sum: u64| Point::base().projective() * Scalar::from(sum);
    let first = &fed.log.batches[0].1;
    let blinding = first.t2.projective() - base(1_627 + 22_781);
    let against = (point(-first.t1.projective()), point(base(11) - blinding));
    (fed.log.batches[1].1.t1, fed.log.batches[1].1.t2) = against;
    fed.cut();
    let set = TotalSet::check(&fed.log, CREDITS, 0).unwrap();
    assert_eq!(set.t1(), None);
    let opened = set.open(&fed.log, &[]).unwrap();
    assert_eq!((opened.sum.0, opened.partials), (1_627 + 22_781 + 11, None));
    // A holder that is asked all the same says so, and keeps no answer.
    let ask = set.ask(&fed.log);
    assert_eq!(
        code(fed.ask_total(Side::Witness, &ask)),
        "total-open-already"
    );
    assert_eq!(fed.witness.journal().answers(), 0);
}

type CurvePoint = ark_ec::twisted_edwards::Projective<merits_primitives::jubjub::Config>;
