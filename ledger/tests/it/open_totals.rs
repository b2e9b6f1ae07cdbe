//! Batches whose T1 cancel out: their sum is open to everybody, but this opens and blocks nothing
//! else.

use ark_ec::CurveGroup;
use merits_ledger::entry::{EarnBatch, Entry, TotalsOpened};
use merits_primitives::ids::{Credits, Output};
use merits_primitives::jubjub::{Point, Scalar};
use merits_primitives::sum::Sum;

use crate::founded::Founded;

fn credits(claims: usize) -> u64 {
    100 * claims as u64
}

fn submit(ledger: &mut Founded, batch: &EarnBatch) {
    let proof = ledger
        .federation
        .prove(ledger.ledger.state(), batch, &mut ledger.rng)
        .expect("a proof");
    let entry = ledger.federation.sign_batch(batch, &proof);
    ledger.submit(&entry).expect("accepted");
}

/// A batch of this many claims with -r, where another has r.
fn against(ledger: &mut Founded, other: &EarnBatch, claims: usize) -> EarnBatch {
    let base = |sum: usize| Point::base().projective() * Scalar::from(credits(sum));
    let blinding = other.t2.projective() - base(other.claims.len());
    let mut batch = ledger.federation.batch(claims, &mut ledger.rng);
    let point = |sum: ark_ec::twisted_edwards::Projective<_>| {
        Point::from_affine(sum.into_affine()).expect("a point")
    };
    batch.t1 = point(-other.t1.projective());
    batch.t2 = point(base(claims) - blinding);
    batch
}

/// Two batches of 3 and 4 claims whose T1 cancel out.
fn cancelled() -> Founded {
    let mut ledger = Founded::new();
    let first = ledger.federation.batch(3, &mut ledger.rng);
    let second = against(&mut ledger, &first, 4);
    submit(&mut ledger, &first);
    submit(&mut ledger, &second);
    ledger
}

fn open(ledger: &mut Founded, number: u32, sum: u64) -> TotalsOpened {
    let state = ledger.ledger.state();
    ledger
        .federation
        .open_total(state, number, Credits(sum), &mut ledger.rng)
}

fn refused(ledger: &mut Founded, total: TotalsOpened, code: &str, field: &str) {
    let entry = Entry::TotalsOpened(total);
    let entry = ledger
        .federation
        .sign(&entry, &ledger.federation.supervisor.clone());
    ledger.refused(&entry, code, field);
}

#[test]
fn a_sum_that_is_open_already_is_recorded_without_partials() {
    let mut ledger = cancelled();
    let key = ledger.federation.totals_key(Output::Credits);
    let interval = ledger.ledger.state().totals().interval(&key, 0);
    let sums = interval.expect("rows in memory").expect("batches").sums();
    assert_eq!(sums.t1(), None);
    // Anybody reads it, with no half of any key.
    assert!(sums.message([]) == Point::base().projective() * Scalar::from(700u64));

    ledger.cut(0);
    let wrong = open(&mut ledger, 0, 701);
    refused(&mut ledger, wrong, "sum-wrong", "sum");
    let good = open(&mut ledger, 0, 700);
    assert_eq!(good.partials, None);
    ledger
        .supervise(&Entry::TotalsOpened(good))
        .expect("opened");
    let totals = ledger.ledger.state().totals();
    let opened = totals.opened(&key).expect("rows in memory");
    let opened: Vec<_> = opened.iter().map(|total| total.sum).collect();
    assert_eq!(opened, [Sum(700)]);
    assert!(totals.unopened(&key).expect("rows in memory").is_empty());
    // Later batches are opened as usual.
    let batch = ledger.earn(5);
    ledger.submit(&batch).expect("accepted");
    ledger.cut(1);
    let next = open(&mut ledger, 1, 500);
    assert!(next.partials.is_some());
    ledger
        .supervise(&Entry::TotalsOpened(next))
        .expect("opened");
}

#[test]
fn partials_belong_to_sums_that_are_hidden_and_to_no_other() {
    let mut ledger = cancelled();
    ledger.cut(0);
    for _ in 0..2 {
        let batch = ledger.earn(5);
        ledger.submit(&batch).expect("accepted");
    }
    ledger.cut(1);
    let hidden = open(&mut ledger, 1, 1_000);
    let partials = hidden.partials.clone();
    assert!(partials.is_some());
    let mut bare = hidden.clone();
    bare.partials = None;
    refused(&mut ledger, bare, "partials-missing", "partials");
    let mut laden = open(&mut ledger, 0, 700);
    laden.partials = partials;
    refused(&mut ledger, laden, "total-open-already", "partials");
    ledger
        .supervise(&Entry::TotalsOpened(hidden))
        .expect("opened");
}

#[test]
fn an_open_sum_follows_the_rules_of_every_total() {
    let mut ledger = Founded::new();
    let first = ledger.federation.batch(1, &mut ledger.rng);
    let second = against(&mut ledger, &first, 2);
    submit(&mut ledger, &first);
    submit(&mut ledger, &second);
    // Three claims: one fewer than this ledger's least.
    let cut = ledger.federation.cut(0);
    let entry = ledger.federation.sign(&cut, &ledger.federation.supervisor);
    ledger.refused(&entry, "total-too-few", "");
    let few = open(&mut ledger, 0, 300);
    assert_eq!(few.partials, None);
    refused(&mut ledger, few, "total-cut", "number");
}
