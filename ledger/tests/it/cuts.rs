//! What a supervisor may cut, and when. Failure is: a sum, or a difference of sums, is about too few claims, or about
//! what somebody chose.

use std::time::Duration;

use merits_ledger::entry::{EarnBatch, Entry, ScaleApproved};
use merits_ledger::{CutTimes, Role};
use merits_ledger_fixture::{Federation, MAX_CREDITS, Member, acts};
use merits_primitives::{
    calendar::Timestamp,
    ids::{AssetId, Credits, Epoch, Output, ScaleId, ScaleVersion},
    sum::Sum,
};
use merits_verifier::possession::TotalsKey;
use rand::{SeedableRng as _, rngs::StdRng};

use crate::founded::Founded;

const DAY: u64 = 86_400;

fn earn(ledger: &mut Founded, claims: usize) {
    let batch = ledger.earn(claims);
    ledger.submit(&batch).expect("a good batch");
}

fn refused(ledger: &mut Founded, cut: &Entry, code: &str, field: &str) {
    let supervisor = ledger.federation.supervisor.clone();
    let entry = ledger.federation.sign(cut, &supervisor);
    ledger.refused(&entry, code, field);
}

/// A second distributor, admitted.
fn second_distributor(ledger: &mut Founded) -> Member {
    let origin = ledger.federation.origin.clone();
    let member = Member::new(&origin, "second distributor", &[Role::Distributor], 77);
    let admitted = acts::admitted(member.application(&origin));
    ledger.supervise(&admitted).expect("admitted");
    member
}

fn submit(ledger: &mut Founded, batch: EarnBatch, distributor: &Member) {
    let (state, rng) = (ledger.ledger.state(), &mut ledger.rng);
    let entry = Entry::EarnBatch(batch);
    let entry = ledger
        .federation
        .prove_entry(state, &entry, Some(distributor), rng)
        .expect("a proof");
    ledger.submit(&entry).expect("accepted");
}

fn earn_by(ledger: &mut Founded, distributor: &Member, claims: usize) {
    let batch = ledger.federation.batch(claims, &mut ledger.rng);
    submit(ledger, batch, distributor);
}

#[test]
fn only_supervisors_cut() {
    let mut ledger = Founded::new();
    earn(&mut ledger, 5);
    let federation = ledger.federation.clone();
    for stranger in [
        &federation.distributor,
        &federation.witness,
        &federation.issuer,
    ] {
        let entry = federation.sign(&federation.cut(0), stranger);
        ledger.refused(&entry, "role-missing", "");
    }
    ledger.cut(0);
}

#[test]
fn an_interval_is_cut_once_and_with_a_batch() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    refused(&mut ledger, &federation.cut(0), "total-cut", "number");
    earn(&mut ledger, 5);
    refused(&mut ledger, &federation.cut(1), "total-cut", "number");
    let first = ledger.cut(0);
    // The same entry again has the old receipt.
    let again = ledger.cut(0);
    assert!(again.already_present);
    assert_eq!(again.index, first.index);
    refused(&mut ledger, &federation.cut(1), "total-cut", "number");
    earn(&mut ledger, 5);
    ledger.cut(1);
}

#[test]
fn another_scale_period_or_epoch_has_nothing_to_cut() {
    let mut ledger = Founded::new();
    earn(&mut ledger, 5);
    let federation = ledger.federation.clone();
    let key = federation.totals_key(Output::Credits);
    let mut later = key.period;
    later.index.0 += 1;
    for other in [
        TotalsKey {
            asset: AssetId(9),
            ..key
        },
        TotalsKey {
            period: later,
            ..key
        },
        TotalsKey {
            epoch: Epoch(2),
            ..key
        },
    ] {
        let cut = federation.cut_key(other, 0);
        refused(&mut ledger, &cut, "total-cut", "number");
    }
    // What is open under one epoch says nothing about another's.
    ledger.cut(0);
    let mut total = federation.open_total(ledger.ledger.state(), 0, Credits(500), &mut ledger.rng);
    total.key.epoch = Epoch(2);
    refused(
        &mut ledger,
        &Entry::TotalsOpened(total),
        "total-cut",
        "number",
    );
}

/// A ledger with the usual times, some days after a period that ended at the returned time.
fn with_times() -> (Founded, Timestamp) {
    let mut rng = StdRng::seed_from_u64(44);
    let mut federation = Federation::generate(&mut rng).expect("a good name");
    federation.cuts = CutTimes::USUAL;
    let end = (federation.period().last_day() as u64 + 1) * DAY * 1_000 - 14 * 3_600_000;
    let ledger = Founded::empty_for(federation, rng).found();
    (ledger, Timestamp::from_millis(end))
}

#[test]
fn cuts_have_their_times() {
    let (mut ledger, end) = with_times();
    let federation = ledger.federation.clone();
    assert!(
        ledger.time > end + Duration::from_secs(15 * DAY),
        "the period ended long ago"
    );
    // A later period, which ends while the test looks.
    let mut period = federation.period();
    while Timestamp::from_millis((period.last_day() as u64 + 1) * DAY * 1_000) <= ledger.time {
        period.index.0 += 1;
    }
    let over = (period.last_day() as u64 + 1) * DAY * 1_000 - 14 * 3_600_000;
    let first = Timestamp::from_millis(over) + Duration::from_secs(15 * DAY);
    let key = TotalsKey {
        period,
        ..federation.totals_key(Output::Credits)
    };
    let earn = |ledger: &mut Founded, time: Timestamp| {
        let batch = federation.batch_of(period, 5, &mut ledger.rng);
        let proof = federation.prove(ledger.ledger.state(), &batch, &mut ledger.rng);
        let entry = federation.sign_batch(&batch, &proof.expect("a proof"));
        ledger.submit_at(&entry, time).expect("accepted");
    };
    let cut = |number| {
        let cut = federation.cut_key(key, number);
        federation.sign(&cut, &federation.supervisor)
    };
    let second = Duration::from_secs(1);
    earn(&mut ledger, Timestamp::from_millis(over) + second);
    let early = Timestamp::from_millis(first.as_millis() - 1);
    ledger.refused_at(&cut(0), early, "total-cut", "period");
    ledger.submit_at(&cut(0), first).expect("in time");
    earn(&mut ledger, first + second);
    let next = first + Duration::from_secs(30 * DAY);
    let early = Timestamp::from_millis(next.as_millis() - 1);
    ledger.refused_at(&cut(1), early, "total-cut", "period");
    ledger.submit_at(&cut(1), next).expect("in time");
}

#[test]
fn a_large_distributor_and_a_small_one_wait_for_each_other() {
    let mut ledger = Founded::new();
    let small = second_distributor(&mut ledger);
    earn(&mut ledger, 16);
    earn_by(&mut ledger, &small, 1);
    let federation = ledger.federation.clone();
    // The large one would subtract its own claims.
    refused(&mut ledger, &federation.cut(0), "total-too-few", "");
    earn_by(&mut ledger, &small, 2);
    refused(&mut ledger, &federation.cut(0), "total-too-few", "");
    earn_by(&mut ledger, &small, 1);
    ledger.cut(0);
    let total = federation.open_total(ledger.ledger.state(), 0, Credits(2_000), &mut ledger.rng);
    ledger
        .supervise(&Entry::TotalsOpened(total))
        .expect("opened");
}

/// A sum that could pass 2^48 is not found any more, so an interval ends before.
#[test]
fn an_interval_ends_by_itself_before_it_is_too_large_to_open() {
    let mut ledger = Founded::empty();
    let mut entries = ledger.federation.founding_entries(&mut ledger.rng);
    let mut scale = ledger.federation.scale(1);
    scale.max_credits = Credits((1 << 48) / 16);
    let proposed = ledger
        .federation
        .sign(&Entry::ScaleProposed(scale), &ledger.federation.issuer);
    entries[7] = ledger.federation.approval(1, proposed.id());
    entries[6] = proposed;
    for entry in &entries {
        ledger.submit(entry).expect("founding");
    }
    for claims in [10, 6, 5] {
        earn(&mut ledger, claims);
    }
    let key = ledger.federation.totals_key(Output::Credits);
    let intervals = ledger.ledger.state().totals().intervals(&key);
    let claims: Vec<_> = intervals
        .expect("rows in memory")
        .iter()
        .map(|(number, interval)| (*number, interval.claims))
        .collect();
    assert_eq!(claims, [(0, 16), (1, 5)]);
    ledger.cut(1);
    ledger.cut(0);
    for (number, sum) in [(0, 1_600), (1, 500)] {
        let state = ledger.ledger.state();
        let total = ledger
            .federation
            .open_total(state, number, Credits(sum), &mut ledger.rng);
        ledger
            .supervise(&Entry::TotalsOpened(total))
            .expect("opened");
    }
    assert!(MAX_CREDITS < Credits((1 << 48) / 16));
}

/// The second scale of a ledger, which reads the same records.
fn twin_scale(ledger: &mut Founded) -> ScaleId {
    let id = ScaleId::new("cycling-grams").expect("a good name");
    let mut scale = ledger.federation.scale(1);
    scale.id = id.clone();
    scale.asset = AssetId(2);
    scale.manifest = "[scale]\nid = \"cycling-grams\"\n".to_owned();
    let issuer = ledger.federation.issuer.clone();
    let proposal = ledger
        .act(&issuer, &Entry::ScaleProposed(scale))
        .expect("proposed")
        .id;
    let approved = ScaleApproved {
        id: id.clone(),
        version: ScaleVersion(1),
        proposal,
    };
    ledger
        .supervise(&acts::approved(approved))
        .expect("approved");
    id
}

/// Claims of the other scale over deeds of these batches, from the first on, and fresh ones.
fn earn_twin(ledger: &mut Founded, twin: &ScaleId, deeds: &[EarnBatch], own: usize) {
    let distributor = ledger.federation.distributor.clone();
    let claimed: Vec<_> = deeds.iter().flat_map(|batch| &batch.claims).collect();
    let all = claimed.len() + own;
    let mut batch = ledger.federation.batch(all, &mut ledger.rng);
    for (claim, deed) in batch.claims.iter_mut().zip(claimed) {
        claim.public.c = deed.public.c;
        claim.source_signature = deed.source_signature;
    }
    batch.scale = twin.clone();
    batch.terms.asset = AssetId(2);
    submit(ledger, batch, &distributor);
}

fn twin_key(federation: &Federation) -> TotalsKey {
    TotalsKey {
        asset: AssetId(2),
        ..federation.totals_key(Output::Credits)
    }
}

/// Two cuts of five deeds each under the first scale.
fn two_scales() -> (Founded, ScaleId, Vec<EarnBatch>) {
    let mut ledger = Founded::new();
    let twin = twin_scale(&mut ledger);
    let distributor = ledger.federation.distributor.clone();
    let mut batches = Vec::new();
    for number in 0..2 {
        let batch = ledger.federation.batch(5, &mut ledger.rng);
        batches.push(batch.clone());
        submit(&mut ledger, batch, &distributor);
        ledger.cut(number);
    }
    (ledger, twin, batches)
}

#[test]
fn the_same_deeds_under_another_scale_are_opened_too() {
    let (mut ledger, twin, batches) = two_scales();
    earn_twin(&mut ledger, &twin, &batches, 0);
    let key = twin_key(&ledger.federation);
    let cut = ledger.federation.cut_key(key, 0);
    ledger.supervise(&cut).expect("the same ten deeds");
    let state = ledger.ledger.state();
    let total = ledger
        .federation
        .open_key(state, key, 0, Sum(1_000), &mut ledger.rng);
    ledger
        .supervise(&Entry::TotalsOpened(total))
        .expect("opened");
}

/// Far from each opened set, and one deed from both together.
#[test]
fn a_sum_that_differs_from_a_union_by_one_deed_is_not_opened() {
    // One more.
    let (mut ledger, twin, batches) = two_scales();
    earn_twin(&mut ledger, &twin, &batches, 1);
    let cut = ledger.federation.cut_key(twin_key(&ledger.federation), 0);
    refused(&mut ledger, &cut, "total-too-few", "");
    // Others come, until there are four more.
    earn_twin(&mut ledger, &twin, &[], 2);
    refused(&mut ledger, &cut, "total-too-few", "");
    earn_twin(&mut ledger, &twin, &[], 1);
    ledger.supervise(&cut).expect("four more deeds");
    // One less.
    let (mut ledger, twin, mut batches) = two_scales();
    let left_out = batches[1].claims.pop().expect("five claims");
    earn_twin(&mut ledger, &twin, &batches, 0);
    let cut = ledger.federation.cut_key(twin_key(&ledger.federation), 0);
    refused(&mut ledger, &cut, "total-too-few", "");
    // It comes later, in a batch of its own.
    let mut rest = batches[1].clone();
    rest.claims = vec![left_out];
    earn_twin(&mut ledger, &twin, &[rest], 0);
    ledger.supervise(&cut).expect("all ten deeds");
}

/// The deeds of a period that began with one scale were never compared with another's.
#[test]
fn a_scale_that_comes_later_does_not_open_that_period() {
    let mut ledger = Founded::new();
    earn(&mut ledger, 5);
    let twin = twin_scale(&mut ledger);
    earn_twin(&mut ledger, &twin, &[], 9);
    let cut = ledger.federation.cut_key(twin_key(&ledger.federation), 0);
    refused(&mut ledger, &cut, "total-overlaps", "asset");
    ledger.cut(0);
    earn(&mut ledger, 5);
    ledger.cut(1);
    refused(&mut ledger, &cut, "total-overlaps", "asset");
}
