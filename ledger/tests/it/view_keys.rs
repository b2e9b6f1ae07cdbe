//! View-key epochs: what is refused, and the order of epochs.

use std::time::Duration;

use crate::founded::Founded;
use merits_ledger::entry::{
    EPOCH_PROPOSED, Entry, EpochProposed, ProposalTerms, ViewKeyEpochOpened,
};
use merits_ledger::state::EpochStanding;
use merits_ledger::{CheckError, Groth16Keys, Refusal, Submission};
use merits_ledger_fixture::{Federation, START};
use merits_primitives::{
    ids::{Epoch, Origin},
    jubjub::{Point, Scalar},
};
use merits_verifier::{EncodedProof, ProofSystem, schnorr};
use rand::{SeedableRng, rngs::StdRng};

const HOUR: Duration = Duration::from_secs(3_600);
const MOMENT: Duration = Duration::from_millis(1);

/// The second epoch, active an hour after the start; the first is accepted an hour longer.
fn second(federation: &Federation, rng: &mut StdRng) -> (ViewKeyEpochOpened, schnorr::Proof) {
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
    let (opened, proof) = second(&federation, &mut rng);
    let entry = federation.sign_epoch(opened, &proof);
    ledger.submit(&entry).expect("opened");

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
    let (opened, proof) = second(&federation, &mut rng);
    let active = opened.active_from;
    let entry = federation.sign_epoch(opened, &proof);
    ledger.submit(&entry).expect("opened");
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
    let (opened, proof) = second(&federation, &mut rng);
    let entry = federation.sign_epoch(opened, &proof);
    ledger.submit(&entry).expect("opened");
    let pending = ledger.changed_batch(1, |_, batch| batch.epoch = Epoch(2));
    ledger.refused(&pending, "epoch-not-accepted", "epoch");
}

fn refuse(change: impl FnOnce(&Federation, &mut ViewKeyEpochOpened), code: &str, field: &str) {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(1);
    let (mut opened, proof) = second(&federation, &mut rng);
    change(&federation, &mut opened);
    let entry = federation.sign_epoch(opened, &proof);
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
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(2);
    let with = federation.with_fresh_halves(&mut rng);
    let from = START + HOUR;
    let what = "possession of the view key's half";
    // The proof of the same halves, for another epoch and for another log.
    let (opened, good) = with.epoch(Epoch(2), from, from, &mut rng);
    let (_, other_epoch) = with.epoch(Epoch(3), from, from, &mut rng);
    let mut elsewhere = with.clone();
    elsewhere.origin = Origin::new("other.example/log").expect("a good name");
    let (same, other_log) = elsewhere.epoch(Epoch(2), from, from, &mut rng);
    assert_eq!(opened, same);
    for proof in [other_epoch, other_log] {
        let entry = federation.sign_epoch(opened.clone(), &proof);
        ledger.refused(&entry, "possession-invalid", what);
    }
    let entry = federation.sign_epoch(opened, &good);
    ledger.submit(&entry).expect("opened");
}

/// The proof is not in the statement any more, so an entry could come without it, with half of it, or with that of
/// another system.
#[test]
fn an_epoch_without_its_whole_proof_is_refused() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(8);
    let (opened, proof) = second(&federation, &mut rng);
    let entry = Entry::EpochProposed(EpochProposed {
        opened: opened.clone(),
        terms: ProposalTerms::AT_ONCE,
    });
    let supervisor = federation.supervisor.clone();
    let sign = |proof: Option<EncodedProof>| {
        entry.sign(&federation.origin, supervisor.id, proof, &supervisor.key)
    };
    let of_bytes = |bytes: &[u8]| {
        let system = ProofSystem::SchnorrBabyJubjub;
        Some(EncodedProof::new(system, bytes.to_vec()).expect("not too long"))
    };
    let bytes = proof.to_bytes();
    ledger.refused(&sign(None), "proof-malformed", "proof");
    ledger.refused(&sign(of_bytes(&bytes[..255])), "proof-malformed", "proof");
    ledger.refused(&sign(of_bytes(&[0xff; 256])), "proof-malformed", "proof");
    // Two of the four, and a fifth.
    ledger.refused(&sign(of_bytes(&bytes[..128])), "proof-invalid", "proof");
    let five = [&bytes[..], &bytes[..64]].concat();
    ledger.refused(&sign(of_bytes(&five)), "proof-invalid", "proof");
    let groth16 = federation.trapdoor.prove(&[], &mut rng).expect("a proof");
    let groth16 = sign(Some((&groth16).into()));
    ledger.refused(&groth16, "other-proof-system", "proof");
    // The halves of both sides in the other order.
    let swapped = [&bytes[128..], &bytes[..128]].concat();
    let what = "possession of the view key's half";
    ledger.refused(&sign(of_bytes(&swapped)), "possession-invalid", what);
    // A party that verified nothing may not say that it did, and neither may one that verified
    // other points.
    let state = ledger.ledger.state().clone();
    let keys = Groth16Keys::new();
    let submission = |signed| Submission::from_signed(signed, &federation.origin).expect("good");
    let good = submission(federation.sign_epoch(opened, &proof));
    let job = state.job(&good).expect("in order").expect("it has a proof");
    assert_eq!(job.system(), ProofSystem::SchnorrBabyJubjub);
    let verified = job.verify(&state, &keys).expect("it holds");
    let (other, proof) = second(&federation, &mut rng);
    let other = submission(federation.sign_epoch(other, &proof));
    let job = state
        .job(&other)
        .expect("in order")
        .expect("it has a proof");
    let of_another = job.verify(&state, &keys).expect("it holds");
    let authentic = state.authenticate(good).expect("signed");
    for wrong in [None, Some(&of_another)] {
        let refused = state.check(&authentic, ledger.time, wrong);
        assert!(matches!(
            refused,
            Err(CheckError::Refused(Refusal::NotVerified))
        ));
    }
    let taken = state.check(&authentic, ledger.time, Some(&verified));
    assert!(taken.is_ok(), "{taken:?}");
}

#[test]
fn halves_that_cancel_out_are_refused_although_both_are_known() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(3);
    let (opened, proof) =
        federation.cancelling_epoch(Epoch(2), START + HOUR, START + HOUR, &mut rng);
    let entry = federation.sign_epoch(opened, &proof);
    ledger.refused(&entry, "view-key-identity", "");
}

#[test]
fn keys_of_an_earlier_epoch_are_not_used_again() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut rng = StdRng::seed_from_u64(4);
    let (opened, proof) = federation.epoch(Epoch(2), START + HOUR, START + HOUR, &mut rng);
    let entry = federation.sign_epoch(opened, &proof);
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
    let (opened, proof) = second(&federation, &mut rng);
    let terms = ProposalTerms::AT_ONCE;
    let statement = EpochProposed { opened, terms }.to_bytes();
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
            EPOCH_PROPOSED,
            federation.supervisor.id,
            altered,
            Some((&proof).into()),
            &federation.supervisor.key,
        );
        ledger.refused(&entry, code, "half of the view key");
    }
}
