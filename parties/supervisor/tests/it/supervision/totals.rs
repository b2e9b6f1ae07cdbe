//! Totals: honest ones, and each way to learn more than a total from them.
//!
//! Failure is: a sum over too few claims is answered, two answered sets differ by a batch, or a
//! wrong sum or partial passes.

use crate::supervision::memory_log::{CREDITS, Federation, SUPERVISOR, WEEK, WITNESS, share};
use ark_ec::CurveGroup;
use merits_primitives::{
    ids::{Credits, EntryId, Origin, Output, Period, PeriodIndex},
    jubjub::{Point, Scalar},
};
use merits_supervisor::{
    holder::{Refused, TotalAsk, TotalPartial},
    side::Side,
    totals::{OpenedTotal, SetFault, TotalFault, TotalSet},
};
use merits_verifier::possession::TotalsKey;

fn head(fed: &Federation, limit: Option<usize>) -> Result<TotalSet, SetFault> {
    TotalSet::head(&fed.log, CREDITS, limit)
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

fn ask(fed: &Federation, entries: Vec<EntryId>) -> TotalAsk {
    TotalAsk {
        origin: fed.log.origin.clone(),
        key: CREDITS,
        entries,
    }
}

#[test]
fn the_sum_of_all_batches_opens_and_nothing_else() {
    let mut fed = Federation::new();
    fed.append_batch(&[1627, 0, 22_781]);
    fed.append_batch(&[5, 6]);
    let set = head(&fed, None).unwrap();
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
fn batches_that_come_later_wait_for_the_next_set() {
    let mut fed = Federation::new();
    let first = fed.append_batch(&[1, 2, 3]);
    let set = head(&fed, None).unwrap();
    let opened = open(&mut fed, &set).unwrap();
    assert_eq!(opened.sum.0, 6);
    let late = fed.append_batch(&[10, 20, 30]);
    // Not published yet: the larger set would open the late batch by difference.
    let both = ask(&fed, vec![first, late]);
    for side in [Side::Supervisor, Side::Witness] {
        let Err(Refused::Overlap { answered }) = fed.ask_total(side, &both) else {
            panic!("the overlap is refused")
        };
        assert_eq!(answered, 1, "the head to ask for again");
    }
    let again = head(&fed, Some(1)).unwrap();
    assert_eq!(
        open(&mut fed, &again).unwrap().sum.0,
        6,
        "the same set again is the same answer"
    );
    // Published: the rest is a set of its own.
    fed.log.covered.push((Output::Credits, first));
    let rest = head(&fed, None).unwrap();
    assert_eq!(rest.entries(), [late]);
    assert_eq!(open(&mut fed, &rest).unwrap().sum.0, 60);
    assert_eq!(
        code(fed.ask_total(Side::Witness, &both)),
        "total-foreign-entry"
    );
}

#[test]
fn nobody_picks_batches_out() {
    let mut fed = Federation::new();
    let first = fed.append_batch(&[1, 2, 3]);
    let second = fed.append_batch(&[10, 20, 30]);
    let skipping = ask(&fed, vec![second]);
    assert!(matches!(
        fed.ask_total(Side::Witness, &skipping),
        Err(Refused::Set(SetFault::Skipped(entry))) if entry == first
    ));
    let twice = TotalAsk {
        entries: vec![first, first],
        ..ask(&fed, vec![])
    };
    assert_eq!(
        code(fed.ask_total(Side::Witness, &twice)),
        "total-skips-entry"
    );
    let backwards = ask(&fed, vec![second, first]);
    assert_eq!(
        code(fed.ask_total(Side::Witness, &backwards)),
        "total-skips-entry"
    );
    let thrice = ask(&fed, vec![first, second, first]);
    assert_eq!(
        code(fed.ask_total(Side::Witness, &thrice)),
        "total-foreign-entry"
    );
    let none = ask(&fed, vec![]);
    assert_eq!(code(fed.ask_total(Side::Witness, &none)), "total-empty");
}

#[test]
fn too_few_claims_are_no_total() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1, 2]);
    assert_eq!(
        head(&fed, None),
        Err(SetFault::TooFew {
            found: 2,
            minimum: 3
        })
    );
    let small = ask(&fed, vec![entry]);
    assert_eq!(
        code(fed.ask_total(Side::Witness, &small)),
        "total-too-few-claims"
    );
}

#[test]
fn a_claim_offered_as_a_total_is_refused() {
    let mut fed = Federation::new();
    let entry = fed.append_batch(&[1, 2, 3]);
    // By name: a claim is not an entry.
    let request = fed.append_request(entry, 0, SUPERVISOR).request;
    let by_name = ask(&fed, vec![request]);
    assert_eq!(
        code(fed.ask_total(Side::Witness, &by_name)),
        "total-foreign-entry"
    );
    // By value: a message cannot carry a point at all, so only the log itself could hold the
    // claim's E as a T1. Even then the answer is made with At's half, not with A's.
    let claim = fed.log.batches[0].1.claims[0];
    let ephemeral = Point::from_y(claim.ciphertext.ey.0).unwrap();
    fed.log.batches[0].1.t1 = ephemeral;
    let set = head(&fed, None).unwrap();
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
    let entry = fed.append_batch(&[1, 2, 3]);
    let good = ask(&fed, vec![entry]);
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
    assert_eq!(
        code(fed.ask_total(Side::Witness, &other_week)),
        "total-foreign-entry"
    );
    let other_asset = TotalAsk {
        key: TotalsKey {
            asset: merits_primitives::ids::AssetId(8),
            ..CREDITS
        },
        ..good.clone()
    };
    assert_eq!(
        code(fed.ask_total(Side::Witness, &other_asset)),
        "total-foreign-entry"
    );
    let other_log = TotalAsk {
        origin: Origin::new("other.test/m").unwrap(),
        ..good
    };
    assert_eq!(code(fed.ask_total(Side::Witness, &other_log)), "other-log");
}

#[test]
fn a_range_that_could_not_be_searched_is_refused() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    fed.log.batches[0].1.v_max = Credits(1 << 47);
    assert_eq!(head(&fed, None), Err(SetFault::TooLarge));
    fed.log.batches[0].1.v_max = Credits(u64::MAX);
    assert_eq!(head(&fed, None), Err(SetFault::TooLarge));
}

#[test]
fn a_wrong_partial_is_named() {
    let mut fed = Federation::new();
    fed.append_batch(&[1, 2, 3]);
    let set = head(&fed, None).unwrap();
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
        set.entries(),
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
    let set = head(&fed, None).unwrap();
    assert_eq!(set.t1(), None);
    let opened = set.open(&fed.log, &[]).unwrap();
    assert_eq!((opened.sum.0, opened.partials), (1_627 + 22_781 + 11, None));
    // A holder that is asked all the same says so, and keeps no answer.
    let ask = set.ask(&fed.log);
    assert_eq!(
        code(fed.ask_total(Side::Witness, &ask)),
        "total-open-already"
    );
    assert!(fed.witness.journal().answers() == 0);
    // One batch more hides it again.
    fed.append_batch(&[7]);
    let set = head(&fed, None).unwrap();
    assert!(set.t1().is_some());
    assert_eq!(open(&mut fed, &set).unwrap().sum.0, 1_627 + 22_781 + 18);
}

type CurvePoint = ark_ec::twisted_edwards::Projective<merits_primitives::jubjub::Config>;
