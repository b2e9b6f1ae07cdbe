//! View-key epochs: what is refused, and the order of epochs.

use std::time::Duration;

use crate::founded::Founded;
use merits_ledger::entry::{Entry, ViewKeyEpochOpened};
use merits_ledger::state::EpochStanding;
use merits_ledger_fixture::{Federation, START};
use merits_primitives::{
    calendar::Timestamp,
    ids::Epoch,
    jubjub::{Point, Scalar},
};
use rand::{SeedableRng, rngs::StdRng};

const HOUR: Duration = Duration::from_secs(3_600);
const MOMENT: Duration = Duration::from_millis(1);

/// The second epoch, active an hour after the start; the first is accepted an hour longer.
fn second(federation: &Federation, rng: &mut StdRng) -> ViewKeyEpochOpened {
    // Fresh secrets: keys are never used twice.
    let with = federation.with_fresh_halves(rng);
    with.epoch(Epoch(2), START + HOUR, START + 2 * HOUR, rng)
}

#[test]
fn an_epoch_is_pending_active_in_grace_and_retired() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(1);
    let batches: Vec<_> = (0..3).map(|_| ledger.earn(1)).collect();
    let opened = second(&federation, &mut rng);
    ledger
        .supervise(&Entry::ViewKeyEpochOpened(opened))
        .expect("opened");

    let epochs = ledger.ledger.state().epochs();
    let standing = |time| {
        (
            epochs.standing(Epoch(1), time),
            epochs.standing(Epoch(2), time),
        )
    };
    use EpochStanding::{Active, Grace, Pending, Retired};
    assert_eq!(
        standing(START + HOUR - MOMENT),
        (Some(Active), Some(Pending))
    );
    assert_eq!(standing(START + HOUR), (Some(Grace), Some(Active)));
    assert_eq!(standing(START + 2 * HOUR), (Some(Grace), Some(Active)));
    assert_eq!(
        standing(START + 2 * HOUR + MOMENT),
        (Some(Retired), Some(Active))
    );
    assert_eq!(epochs.standing(Epoch(3), START), None);
    assert_eq!(epochs.standing(Epoch(0), START), None);

    assert!(ledger.submit(&batches[0]).is_ok(), "under the active epoch");
    assert!(
        ledger.submit_at(&batches[1], START + 2 * HOUR).is_ok(),
        "within the grace time"
    );
    ledger.refused_at(
        &batches[2],
        START + 2 * HOUR + MOMENT,
        "epoch-not-accepted",
        "epoch",
    );
}

/// Both epochs are accepted, and the batch names another one than it was encrypted under.
#[test]
fn a_batch_proven_under_another_accepted_epochs_keys_is_refused() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(6);
    let opened = second(&federation, &mut rng);
    let active = opened.active_from;
    ledger
        .supervise(&Entry::ViewKeyEpochOpened(opened))
        .expect("opened");
    let mut batch = federation.batch(1, &mut rng);
    let proof = federation
        .prove(ledger.ledger.state(), &batch, &mut rng)
        .expect("proven under epoch 1");
    let honest = federation.sign_batch(&batch, &proof);
    batch.epoch = Epoch(2);
    let relabelled = federation.sign_batch(&batch, &proof);
    ledger.refused_at(&relabelled, active, "proof-invalid", "proof");
    ledger.submit_at(&honest, active).expect("in its grace");
}

#[test]
fn a_batch_under_a_pending_or_unknown_epoch_is_refused() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(1);
    let unknown = ledger.changed_batch(1, |_, batch| batch.epoch = Epoch(2));
    ledger.refused(&unknown, "epoch-unknown", "epoch");
    let opened = second(&federation, &mut rng);
    ledger
        .supervise(&Entry::ViewKeyEpochOpened(opened))
        .expect("opened");
    let pending = ledger.changed_batch(1, |_, batch| batch.epoch = Epoch(2));
    ledger.refused(&pending, "epoch-not-accepted", "epoch");
}

fn refuse(change: impl FnOnce(&Federation, &mut ViewKeyEpochOpened), code: &str, field: &str) {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(1);
    let mut opened = second(&federation, &mut rng);
    change(&federation, &mut opened);
    let entry = federation.sign(&Entry::ViewKeyEpochOpened(opened), &federation.supervisor);
    ledger.refused(&entry, code, field);
}

#[test]
fn each_fault_of_an_epoch_has_its_refusal() {
    refuse(
        |_, opened| opened.epoch = Epoch(3),
        "out-of-sequence",
        "epoch",
    );
    refuse(|_, opened| opened.active_from = START, "epoch-times", "");
    refuse(
        |_, opened| opened.previous_accepted_until = START,
        "epoch-times",
        "",
    );
    refuse(
        |federation, opened| opened.witness.holder = federation.source.id,
        "role-missing",
        "",
    );
    // Proofs bind half and holder, so exchanged halves prove nothing.
    refuse(
        |_, opened| {
            std::mem::swap(&mut opened.supervisor.claim, &mut opened.witness.claim);
        },
        "possession-invalid",
        "possession of the view key's half",
    );
    refuse(
        |_, opened| {
            std::mem::swap(&mut opened.supervisor.total, &mut opened.witness.total);
        },
        "possession-invalid",
        "possession of the totals key's half",
    );
}

#[test]
fn possession_of_another_epoch_or_log_proves_nothing() {
    refuse(
        |federation, opened| {
            let mut rng = StdRng::seed_from_u64(2);
            let fresh = second(federation, &mut rng);
            let old = federation.with_fresh_halves(&mut rng);
            let other_epoch = old.epoch(Epoch(3), fresh.active_from, Timestamp::FIRST, &mut rng);
            opened.supervisor = other_epoch.supervisor;
        },
        "possession-invalid",
        "possession of the view key's half",
    );
}

#[test]
fn halves_that_cancel_out_are_refused_although_both_are_known() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(3);
    let opened = federation.cancelling_epoch(Epoch(2), START + HOUR, START + HOUR, &mut rng);
    let entry = federation.sign(&Entry::ViewKeyEpochOpened(opened), &federation.supervisor);
    ledger.refused(&entry, "view-key-identity", "");
}

#[test]
fn keys_of_an_earlier_epoch_are_not_used_again() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(4);
    let opened = federation.epoch(Epoch(2), START + HOUR, START + HOUR, &mut rng);
    let entry = federation.sign(&Entry::ViewKeyEpochOpened(opened), &federation.supervisor);
    ledger.refused(&entry, "key-taken", "");
}

/// Points that no key may be do not even decode: the bytes of an entry hold x and y.
#[test]
fn points_off_the_curve_outside_the_subgroup_or_neutral_are_named() {
    use merits_primitives::{Fr, field};
    use merits_verifier::codec::Canonical;
    use merits_verifier::entry::SignedEntry;

    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(5);
    let statement = second(&federation, &mut rng).to_bytes();
    // epoch (4), two times (16), holder (32): then the half of A.
    let at = 52;
    let xy = |x: Fr, y: Fr| [field::to_bytes(&x), field::to_bytes(&y)].concat();
    let base = Point::mul_base(&Scalar::from(5u64)).expect("not zero");
    let (zero, one) = (Fr::from(0u64), Fr::from(1u64));
    for (bytes, code) in [
        (xy(base.x(), base.x()), "point-not-on-curve"),
        (xy(zero, -one), "point-outside-subgroup"),
        (xy(zero, one), "point-identity"),
        (vec![0xff; 64], "point-not-canonical"),
    ] {
        let mut altered = statement.clone();
        altered[at..at + 64].copy_from_slice(&bytes);
        let entry = SignedEntry::sign(
            federation.origin.clone(),
            0x0201,
            federation.supervisor.id,
            altered,
            vec![],
            &federation.supervisor.key,
        );
        ledger.refused(&entry, code, "half of the view key");
    }
}
