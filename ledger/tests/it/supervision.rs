//! Openings leave a trace. Totals are opened once, over enough claims, and anybody can check them.

use std::time::Duration;

use crate::founded::Founded;
use merits_ledger::entry::{
    Entry, OpeningCompleted, OpeningContent, OpeningRequested, OpeningRevealed, TotalPartials,
    TotalsOpened,
};
use merits_ledger::{CheckError, Groth16Keys, Refusal, Submission};
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, EntryId, Epoch, Output, ScaleId},
    sum::Sum,
};

fn content() -> OpeningContent {
    OpeningContent {
        entry: EntryId([4; 32]),
        claim: 2,
        basis: "court order 12/26".to_owned(),
        nonce: [8; 32],
    }
}

fn request(ledger: &Founded, deadline: Timestamp) -> OpeningRequested {
    OpeningRequested {
        commitment: content().commitment(&ledger.federation.origin),
        scale: ledger.federation.scale_id(),
        deadline,
    }
}

#[test]
fn an_opening_is_requested_completed_and_revealed_once_each() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let deadline = ledger.time + Duration::from_secs(60);
    let requested = Entry::OpeningRequested(request(&ledger, deadline));
    ledger.refused(
        &federation.sign(&requested, &federation.witness),
        "role-missing",
        "",
    );
    let request = ledger.supervise(&requested).expect("requested").id;

    let complete = |result| Entry::OpeningCompleted(OpeningCompleted { request, result });
    let reveal = |content| Entry::OpeningRevealed(OpeningRevealed { request, content });
    ledger.supervise(&complete([1; 32])).expect("completed");
    let twice = federation.sign(&complete([2; 32]), &federation.supervisor);
    ledger.refused(&twice, "request-standing", "");
    let mut other = content();
    other.claim = 3;
    let wrong = federation.sign(&reveal(other), &federation.supervisor);
    ledger.refused(&wrong, "reveal-mismatch", "");

    let overdue = |ledger: &Founded, time| {
        let openings = ledger.ledger.state().openings();
        openings.overdue(time).expect("rows in memory").len()
    };
    assert_eq!(overdue(&ledger, deadline), 0);
    assert_eq!(overdue(&ledger, deadline + Duration::from_millis(1)), 1);
    ledger.supervise(&reveal(content())).expect("revealed");
    assert_eq!(overdue(&ledger, deadline + Duration::from_millis(1)), 0);
    let openings = ledger.ledger.state().openings();
    let opening = openings.get(&request).expect("rows in memory");
    let opening = opening.expect("it is there");
    assert_eq!(
        (opening.result, opening.revealed.clone()),
        (Some([1; 32]), Some(content()))
    );
}

#[test]
fn requests_have_a_known_scale_and_a_deadline_ahead() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let sign =
        |requested| federation.sign(&Entry::OpeningRequested(requested), &federation.supervisor);
    let past = sign(request(&ledger, ledger.time));
    ledger.refused(&past, "deadline", "deadline");
    let far = sign(request(&ledger, Timestamp::LAST));
    ledger.refused(&far, "deadline", "deadline");
    let mut unknown = request(&ledger, ledger.time + Duration::from_secs(60));
    unknown.scale = ScaleId::new("no-such-scale").expect("a good name");
    ledger.refused(&sign(unknown), "scale-unknown", "scale");
    let orphan = Entry::OpeningCompleted(OpeningCompleted {
        request: EntryId([6; 32]),
        result: [0; 32],
    });
    ledger.refused(
        &federation.sign(&orphan, &federation.supervisor),
        "request-unknown",
        "",
    );
}

/// Two batches of 4 and 3 claims, a cut, and one of 2 claims. Each claim is worth 100.
fn three_batches() -> Founded {
    let mut ledger = Founded::new();
    for claims in [4, 3] {
        let batch = ledger.earn(claims);
        ledger.submit(&batch).expect("a good batch");
    }
    ledger.cut(0);
    let batch = ledger.earn(2);
    ledger.submit(&batch).expect("a good batch");
    ledger
}

fn total(ledger: &mut Founded, number: u32, sum: u64) -> TotalsOpened {
    ledger
        .federation
        .open_total(ledger.ledger.state(), number, Credits(sum), &mut ledger.rng)
}

fn partials(total: &mut TotalsOpened) -> &mut TotalPartials {
    total.partials.as_mut().expect("the T1 do not cancel out")
}

fn refused_total(ledger: &mut Founded, opened: TotalsOpened, code: &str, field: &str) {
    let entry = ledger
        .federation
        .sign(&Entry::TotalsOpened(opened), &ledger.federation.supervisor);
    ledger.refused(&entry, code, field);
}

#[test]
fn a_total_opens_a_cut_once() {
    let mut ledger = three_batches();
    let first = total(&mut ledger, 0, 700);
    ledger
        .supervise(&Entry::TotalsOpened(first.clone()))
        .expect("opened");
    let key = ledger.federation.totals_key(Output::Credits);
    let totals = ledger.ledger.state().totals();
    let opened = totals.opened(&key).expect("rows in memory");
    assert_eq!(
        (opened[0].claims, opened[0].batches, opened[0].sum),
        (7, 2, Sum(700))
    );
    let unopened = totals.unopened(&key).expect("rows in memory");
    let unopened: Vec<_> = unopened
        .iter()
        .map(|(number, interval)| (*number, interval.claims))
        .collect();
    assert_eq!(unopened, [(1, 2)]);
    // The same interval with another sum.
    let mut again = first;
    again.sum = Sum(701);
    refused_total(&mut ledger, again, "total-set", "number");
    // Two claims are too few: 4 is this ledger's least.
    let rest = total(&mut ledger, 1, 200);
    refused_total(&mut ledger, rest, "total-cut", "number");
    let cut = ledger.federation.cut(1);
    let cut = ledger.federation.sign(&cut, &ledger.federation.supervisor);
    ledger.refused(&cut, "total-too-few", "");
}

#[test]
fn a_wrong_sum_cut_or_partial_is_refused() {
    let mut ledger = three_batches();
    let wrong = total(&mut ledger, 0, 701);
    refused_total(&mut ledger, wrong, "sum-wrong", "sum");
    let good = total(&mut ledger, 0, 700);
    let change = |change: &dyn Fn(&mut TotalsOpened)| {
        let mut altered = good.clone();
        change(&mut altered);
        altered
    };
    let uncut = change(&|total| total.number = 1);
    refused_total(&mut ledger, uncut, "total-cut", "number");
    let none = change(&|total| total.number = 2);
    refused_total(&mut ledger, none, "total-cut", "number");
    let other = change(&|total| total.key.epoch = Epoch(2));
    refused_total(&mut ledger, other, "total-cut", "number");
    // Partials for the first cut prove nothing about the second.
    let batch = ledger.earn(5);
    ledger.submit(&batch).expect("a good batch");
    ledger.cut(1);
    let moved = change(&|total| total.number = 1);
    refused_total(&mut ledger, moved, "partial-invalid", "supervisor");
    let exchanged = change(&|total| {
        let partials = partials(total);
        std::mem::swap(&mut partials.supervisor, &mut partials.witness);
    });
    refused_total(&mut ledger, exchanged, "partial-foreign", "supervisor");
    let unproven = change(&|total| {
        let partials = partials(total);
        partials.witness[0].image = partials.supervisor[0].image;
    });
    refused_total(&mut ledger, unproven, "partial-invalid", "witness");
    ledger
        .supervise(&Entry::TotalsOpened(good))
        .expect("unchanged, it is accepted");
}

/// The rules verify no proof themselves. They take this very total, verified over this cut, and no other.
#[test]
fn the_rules_take_a_verified_total_only() {
    let mut ledger = three_batches();
    let batch = ledger.earn(5);
    ledger.submit(&batch).expect("a good batch");
    ledger.cut(1);
    let (first, second) = (total(&mut ledger, 0, 700), total(&mut ledger, 1, 700));
    let (state, federation) = (ledger.ledger.state(), &ledger.federation);
    let verified = |total: &TotalsOpened| {
        let entry = Entry::TotalsOpened(total.clone());
        let signed = federation.sign(&entry, &federation.supervisor);
        let submission = Submission::from_signed(signed, state.origin()).expect("an entry");
        let authentic = state.authenticate(submission).expect("the supervisor's");
        let job = state.job(authentic.submission()).expect("a cut");
        let verified = job
            .expect("it has proofs")
            .verify(state, &Groth16Keys::new());
        (authentic, verified.expect("both partials hold"))
    };
    let (authentic, of_first) = verified(&first);
    let (_, of_second) = verified(&second);
    // Without rows there is no question.
    let question = state.question(authentic.submission());
    assert!(question.expect("a supervisor").is_none());
    let check = |with| state.check(&authentic, ledger.time, with);
    for with in [None, Some(&of_second)] {
        let refusal = check(with).expect_err("not this total");
        assert!(
            matches!(refusal, CheckError::Refused(Refusal::NotVerified)),
            "{refusal:?}"
        );
    }
    let _effects = check(Some(&of_first)).expect("verified");
}

/// A partial for one claim's ciphertext, offered as the total's: its proof is about another
/// point than the sum of the batches' T1.
#[test]
fn a_claims_ciphertext_is_no_total() {
    let mut ledger = three_batches();
    let good = total(&mut ledger, 0, 700);
    let leaf = ledger.ledger.leaf(8).expect("the first batch");
    let merits_ledger::Entry::EarnBatch(batch) =
        Entry::decode(leaf.entry.kind, &leaf.entry.statement)
            .expect("a known kind")
            .expect("well-formed")
    else {
        panic!("leaf 8 is the first batch")
    };
    let ephemeral = merits_primitives::jubjub::Point::from_y(batch.claims[0].public.ey.0)
        .expect("an ephemeral key");
    let key = ledger.federation.totals_key(Output::Credits);
    let interval = ledger.ledger.state().totals().interval(&key, 0);
    let cut = interval.expect("rows in memory").and_then(|it| it.cut);
    let cut = cut.expect("a cut");
    let mut forged = good.clone();
    partials(&mut forged).witness =
        vec![
            ledger
                .federation
                .witness_partial(&ephemeral, cut, &mut ledger.rng),
        ];
    refused_total(&mut ledger, forged, "partial-invalid", "witness");
}
