//! A copy in memory does what a copy on disk does.

use merits_ledger::{Blob, Entry, Role, Roles, UniqueSet, entry::PartyAdmitted, named_blobs, tree};
use merits_ledger_fixture::{Federation, LargeScale};
use merits_primitives::calendar::Timestamp;
use merits_replica::{Replica, ReplicaError};
use merits_verifier::codec::Canonical as _;

use crate::log::{Log, key, origin};

fn in_memory(log: &Log) -> Replica {
    Replica::in_memory(log.key.clone(), log.policy.clone())
}

#[test]
fn it_answers_as_a_copy_on_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut file = log.open(directory.path()).expect("a new replica");
    let mut memory = in_memory(&log);
    assert_eq!(memory.size(), 0);
    for number in 10..20 {
        log.admit(number, 2_000);
        for replica in [&mut file, &mut memory] {
            log.feed(replica).expect("the log is good");
        }
    }
    assert_eq!(memory.size(), 11);
    let digest = log.sequencer.state().digest();
    assert_eq!(memory.state().expect("a state").digest(), digest);
    let replayed = memory.replay(&mut rand::rng()).expect("all of it holds");
    assert_eq!(replayed.digest(), digest);
    let on_disk: Vec<_> = file.leaves().map(|leaf| leaf.expect("readable")).collect();
    let here: Vec<_> = memory.leaves().map(|leaf| leaf.expect("there")).collect();
    assert_eq!(here, on_disk);
    for (index, leaf) in here {
        let id = leaf.entry.id();
        assert_eq!(memory.find(&id).expect("there"), Some(index));
        let used = memory.used(UniqueSet::Entry, &id.0);
        assert_eq!(used.expect("there"), Some(index));
        let receipt = memory.receipt(&id).expect("there").expect("a receipt");
        assert_eq!(receipt.verify(&log.key).expect("verifies").index(), index);
    }
}

#[test]
fn a_dropped_or_refused_update_changes_nothing() {
    let mut log = Log::founded();
    let mut replica = in_memory(&log);
    log.feed(&mut replica).expect("one leaf");
    let before = replica.state().expect("a state").digest();
    log.admit(10, 2_000);
    let update = replica.update(&log.checkpoint()).expect("signed");
    let mut growth = replica.begin(update.clone()).expect("begins");
    growth
        .push(log.leaves(1), &mut rand::rng())
        .expect("written");
    drop(growth);
    let refused = replica.finish(update, [b"no leaf".to_vec()], &mut rand::rng());
    assert!(
        matches!(refused, Err(ReplicaError::WrongLeaves { .. })),
        "{refused:?}"
    );
    assert_eq!((replica.size(), replica.leaves().count()), (1, 1));
    assert_eq!(replica.state().expect("a state").digest(), before);
    log.feed(&mut replica).expect("the honest log goes on");
    replica.replay(&mut rand::rng()).expect("all of it holds");
}

/// A copy in memory has no file to show, so the copy itself has the evidence.
#[test]
fn a_rewritten_log_is_convicted_and_the_evidence_is_kept() {
    let mut log = Log::founded();
    log.admit(10, 2_000);
    let mut replica = in_memory(&log);
    log.feed(&mut replica).expect("two leaves");
    let mut other = Log::founded();
    let refused = other.feed(&mut replica);
    assert!(
        matches!(refused, Err(ReplicaError::WentBack { seen: 2, found: 1 })),
        "{refused:?}"
    );
    other.admit(11, 2_000);
    let error = other.feed(&mut replica).expect_err("another history");
    let ReplicaError::Rewritten { evidence, .. } = error else {
        panic!("expected a conviction, got {error}");
    };
    let text = replica.evidence(&evidence).expect("evidence");
    let signatures = text.matches("\u{2014} ledger.test/replica").count();
    assert_eq!(signatures, 2, "both signatures are kept");
    // What was verified stays usable.
    log.admit(12, 3_000);
    log.feed(&mut replica).expect("the honest log goes on");
}

/// What a follower asks before it fetches leaves, whatever its transport.
#[test]
fn an_update_that_is_not_shown_to_continue_the_copy_is_refused() {
    let mut log = Log::founded();
    let mut replica = in_memory(&log);
    log.feed(&mut replica).expect("one leaf");
    (10..15).for_each(|number| log.admit(number, 2_000));
    let update = replica.update(&log.checkpoint()).expect("signed");
    let store = log.sequencer.store();
    let proof = tree::consistency_proof(store, update.from(), update.until());
    let proof = proof.expect("of the log");
    replica
        .require_consistency(&update, &proof)
        .expect("the log goes on");
    let mut spoilt = proof.clone();
    spoilt[0][0] ^= 1;
    for proof in [&spoilt[..], &proof[1..], &[]] {
        let refused = replica.require_consistency(&update, proof);
        let Err(ReplicaError::NotShown { evidence, .. }) = refused else {
            panic!("expected a refusal, got {refused:?}");
        };
        assert!(replica.evidence(&evidence).is_some());
    }
}

/// An update belongs to the copy that began it.
#[test]
fn an_update_of_another_copy_is_not_taken() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = Log::founded();
    let mut file = log.open(directory.path()).expect("a new replica");
    let mut memory = in_memory(&log);
    let update = file.update(&log.checkpoint()).expect("signed");
    let rng = &mut rand::rng();
    let mut growth = file.begin(update).expect("begins");
    growth.push(log.leaves(0), rng).expect("written");
    let refused = memory.accept(growth, rng);
    assert!(
        matches!(refused, Err(ReplicaError::Archive(_))),
        "{refused:?}"
    );
    assert_eq!(memory.size(), 0);
}

/// A log whose newest leaf names a blob, and that blob.
fn with_blob() -> (Log, Blob) {
    let mut log = Log::founded();
    let roles = Roles::new(&[Role::Issuer]);
    let issuer = PartyAdmitted::apply(&origin(), "issuer", roles, &key(20), [20; 32]);
    let party = issuer.party(&origin());
    log.append(issuer, Timestamp::from_millis(2_000));
    let rng = &mut rand::rng();
    let federation = Federation::generate(rng).expect("good names");
    let LargeScale { proposed, blob, .. } = federation.large_scale(rng);
    let entry = Entry::ScaleProposed(proposed).sign(&origin(), party, None, &key(20));
    let time = Timestamp::from_millis(3_000);
    log.sequencer
        .submit_with(&entry.to_bytes(), vec![blob.clone()], time)
        .expect("the rules allow it");
    (log, blob)
}

/// The leaves are the log's, so nothing that comes beside them may accuse it.
#[test]
fn a_blob_that_is_withheld_or_swapped_does_not_accuse_the_log() {
    let (log, blob) = with_blob();
    let mut replica = in_memory(&log);
    let rng = &mut rand::rng();
    let foreign = Blob::new(vec![7; 9]).expect("small");
    let beside = |given: &[Blob]| -> Vec<_> {
        let leaves = log.leaves(0).into_iter();
        leaves
            .map(|leaf| match named_blobs::named_by(&leaf).len() {
                0 => (leaf, Vec::new()),
                _ => (leaf, given.to_vec()),
            })
            .collect()
    };
    let last = log.sequencer.state().size() - 1;
    let update = replica.update(&log.checkpoint()).expect("signed");
    for given in [
        vec![],
        vec![foreign.clone()],
        vec![blob.clone(), foreign.clone()],
        vec![blob.clone(), blob.clone()],
    ] {
        let refused = replica.finish_with(update.clone(), beside(&given), rng);
        assert!(
            matches!(refused, Err(ReplicaError::Blobs { index, .. }) if index == last),
            "{refused:?}"
        );
        assert_eq!(replica.size(), 0, "nothing was taken");
    }
    let refused = replica.finish(update.clone(), log.leaves(0), rng);
    assert!(
        matches!(refused, Err(ReplicaError::Blobs { .. })),
        "{refused:?}"
    );
    // Beside a leaf that names none.
    let mut leaves = beside(std::slice::from_ref(&blob));
    leaves[0].1.push(foreign);
    let refused = replica.finish_with(update.clone(), leaves, rng);
    assert!(
        matches!(refused, Err(ReplicaError::Blobs { index: 0, .. })),
        "{refused:?}"
    );
    // An update goes on with the right blob after the wrong one.
    let mut growth = replica.begin(update).expect("begins");
    for (leaf, blobs) in beside(&[blob]) {
        if !blobs.is_empty() {
            let refused = growth.push_with(leaf.clone(), Vec::new(), rng);
            assert!(matches!(refused, Err(ReplicaError::Blobs { .. })));
        }
        growth.push_with(leaf, blobs, rng).expect("written");
    }
    replica.accept(growth, rng).expect("the log is good");
    let digest = log.sequencer.state().digest().expect("rows in memory");
    let copied = replica.state().expect("a state").digest();
    assert_eq!(copied.expect("rows in memory"), digest);
}
