//! Following a log, and refusing a changed log or leaves that it did not sign.

use std::time::Duration;

use merits_replica::{ArchiveError, Replica, ReplicaError};
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Evidence, LogSigner},
};

use crate::log::{Log, key, origin};

#[test]
fn it_follows_and_survives_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    (10..20).for_each(|number| log.admit(number, 2_000));
    log.feed(&mut replica).expect("ten more");
    assert_eq!(replica.size(), 11);
    assert!(matches!(
        log.open(directory.path()),
        Err(ReplicaError::Archive(ArchiveError::InUse { .. }))
    ));
    drop(replica);

    let replica = log.open(directory.path()).expect("the same replica");
    assert_eq!(replica.size(), 11);
    assert_eq!(
        replica.state().expect("a state").digest(),
        log.sequencer.state().digest(),
        "following gives the coordinator's state"
    );
    let replayed = replica.replay(&mut rand::rng()).expect("all of it holds");
    assert_eq!(replayed.digest(), log.sequencer.state().digest());
    assert_eq!(replica.leaves().count(), 11);
    for leaf in replica.leaves() {
        let (index, leaf) = leaf.expect("readable");
        assert_eq!(replica.leaf(index).expect("readable"), Some(leaf.clone()));
        let receipt = replica.receipt(&leaf.entry.id()).expect("readable");
        let receipt = receipt.expect("a receipt of its own");
        assert_eq!(receipt.verify(&log.key).expect("verifies").index(), index);
    }
}

/// What takes long needs the copy for reading only, and is taken once.
#[test]
fn an_update_is_verified_beside_readers() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    log.admit(10, 2_000);
    let update = || replica.update(&log.checkpoint()).expect("signed");
    let (first, second) = (update(), update());
    let before = replica.state().expect("a state").digest();
    let rng = &mut rand::rng();
    let mut growth = replica.begin(first).expect("one at a time");
    growth.push(log.leaves(1), rng).expect("written");
    growth.end(rng).expect("written");
    // Written leaves are not visible before the update is accepted.
    assert_eq!((replica.size(), replica.leaves().count()), (1, 1));
    assert_eq!(replica.state().expect("a state").digest(), before);
    replica.accept(growth, rng).expect("committed");
    assert_eq!(replica.size(), 2);
    let twice = replica.begin(second);
    assert!(
        matches!(twice, Err(ReplicaError::WrongLeaves { count: 2 })),
        "{twice:?}"
    );
    replica.replay(&mut rand::rng()).expect("all of it holds");
}

/// An update that the rules refuse leaves the copy as it was.
#[test]
fn a_refused_update_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    let before = replica.state().expect("a state").digest();
    // The log itself signs a leaf that its rules refuse: the same party again, a second later.
    let mut leaf = merits_verifier::entry::Leaf::from_bytes(&log.leaves(0)[0]).expect("a leaf");
    leaf.time += Duration::from_secs(1);
    let mut tree = merits_ledger::tree::Frontier::new();
    for bytes in [&log.leaves(0)[0], &leaf.to_bytes()] {
        tree.push(merits_verifier::log::leaf_hash(bytes));
    }
    let forged = merits_verifier::log::Checkpoint {
        origin: origin(),
        size: 2,
        root: tree.root(),
    };
    let forged = forged
        .sign(&LogSigner::new(origin(), key(2)))
        .expect("own key");
    let update = replica.update(&forged.to_string()).expect("signed");
    let refused = replica.finish(update, [leaf.to_bytes()], &mut rand::rng());
    assert!(matches!(refused, Err(ReplicaError::Invalid(_))));
    assert_eq!(replica.size(), 1);
    assert_eq!(replica.state().expect("a state").digest(), before);
    log.admit(10, 2_000);
    log.feed(&mut replica).expect("the honest log goes on");
}

/// The log signs a tree whose last leaf holds a wrong digest of the state, or none: the leaf is named, and the copy stays
/// as it was.
#[test]
fn a_checkpoint_over_a_wrong_or_missing_state_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    log.admit(10, 2_000);
    let leaves = log.leaves(0);
    let state_of = |leaf: &[u8]| Leaf::from_bytes(leaf).expect("a leaf").state;
    for (state, said) in [
        (
            Some([7; 32]),
            "leaf 1: it says that the state before it has the digest 0707",
        ),
        // That of another size.
        (
            state_of(&leaves[0]),
            "leaf 1: it says that the state before it",
        ),
        (
            None,
            "leaf 1: it is the last leaf under a checkpoint, and it lacks",
        ),
    ] {
        let mut leaf = Leaf::from_bytes(&leaves[1]).expect("a leaf");
        leaf.state = state;
        let mut tree = merits_ledger::tree::Frontier::new();
        for bytes in [&leaves[0], &leaf.to_bytes()] {
            tree.push(merits_verifier::log::leaf_hash(bytes));
        }
        let forged = merits_verifier::log::Checkpoint {
            origin: origin(),
            size: 2,
            root: tree.root(),
        };
        let forged = forged.sign(&LogSigner::new(origin(), key(2)));
        let forged = forged.expect("own key").to_string();
        for replica in [&mut replica, &mut in_memory(&log)] {
            let before = replica.size();
            let update = replica.update(&forged).expect("signed");
            let new = [leaves[0].clone(), leaf.to_bytes()];
            let new = new.into_iter().skip(usize::try_from(before).expect("few"));
            let refused = replica.finish(update, new, &mut rand::rng());
            let refused = refused.expect_err("no honest log");
            assert!(matches!(refused, ReplicaError::Invalid(_)), "{refused}");
            assert!(refused.to_string().contains(said), "{refused}");
            assert_eq!(replica.size(), before);
        }
    }
    log.feed(&mut replica).expect("the honest log goes on");
}

fn in_memory(log: &Log) -> Replica {
    Replica::in_memory(log.key.clone(), log.policy.clone())
}

#[test]
fn other_leaves_than_the_signed_ones_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.admit(10, 2_000);
    // Leaves that no rules allow are not the log's fault as long as it did not sign them, wherever they
    // stand; nor are too few.
    let mut swapped = log.leaves(0);
    swapped.swap(0, 1);
    let mut strange = log.leaves(0);
    strange[0] = b"no leaf".to_vec();
    for leaves in [swapped, strange, log.leaves(1), Vec::new()] {
        let update = replica.update(&log.checkpoint()).expect("signed");
        let refused = replica.finish(update, leaves, &mut rand::rng());
        assert!(
            matches!(refused, Err(ReplicaError::WrongLeaves { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(replica.state().expect("a state").size(), 0);
    let stranger = LogSigner::new(origin(), key(3));
    let forged = merits_verifier::log::Checkpoint {
        origin: origin(),
        size: 5,
        root: merits_verifier::log::empty_root(),
    }
    .sign(&stranger)
    .expect("signed by a stranger");
    assert!(matches!(
        replica.update(&forged.to_string()),
        Err(ReplicaError::Checkpoint(_))
    ));
}

#[test]
fn a_rewritten_log_is_convicted_and_one_that_went_back_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    log.admit(10, 2_000);
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("two leaves");

    let mut other = Log::founded();
    assert!(matches!(
        other.feed(&mut replica),
        Err(ReplicaError::WentBack { seen: 2, found: 1 })
    ));
    other.admit(11, 2_000);
    let error = other
        .feed(&mut replica)
        .expect_err("another history of the same length");
    let ReplicaError::Rewritten { evidence, .. } = error else {
        panic!("expected a conviction, got {error}");
    };
    let text = std::fs::read_to_string(evidence).expect("evidence");
    assert_eq!(
        text.matches("\u{2014} ledger.test/replica").count(),
        2,
        "both signatures are kept"
    );
    let evidence = Evidence::parse(&text).expect("evidence");
    assert!(evidence.judge(&log.key).is_ok(), "it convicts");
    // The verified copy stays usable.
    assert_eq!(replica.size(), 2);
    log.admit(12, 3_000);
    log.feed(&mut replica).expect("the honest log goes on");
}
