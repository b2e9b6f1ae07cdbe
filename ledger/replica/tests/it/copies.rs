//! The copy between two runs: the contents of its folder, and which are refused.

use merits_ledger::rows::StateDigest;
use merits_replica::{ArchiveError, ReplicaError};

use crate::log::{Log, alter};

/// The stored state is trusted when a copy is opened. Contradictions are refused, and a replay
/// finds the rest.
#[test]
fn an_altered_or_shortened_copy_is_refused() {
    let altered = |sql: &str, opens: bool| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = Log::founded();
        log.admit(10, 2_000);
        let mut replica = log.open(directory.path()).expect("a new replica");
        log.feed(&mut replica).expect("two leaves");
        drop(replica);
        alter(directory.path(), sql);
        match log.open(directory.path()) {
            Err(error) => {
                assert!(!opens, "{sql}: {error}");
                error
            }
            Ok(replica) => {
                assert!(opens, "{sql}: opened");
                replica.replay(&mut rand::rng()).expect_err(sql)
            }
        }
    };
    let fault = altered(
        "UPDATE leaf SET leaf = substr(leaf, 1, 20) WHERE idx = 1",
        true,
    );
    assert!(matches!(fault, ReplicaError::Invalid(_)), "{fault}");
    let fault = altered("DELETE FROM leaf WHERE idx = 0", false);
    assert!(
        matches!(
            fault,
            ReplicaError::Archive(ArchiveError::Truncated {
                found: 1,
                expected: 2,
                ..
            })
        ),
        "{fault}"
    );
    for sql in [
        "UPDATE node SET hash = zeroblob(32) WHERE level = 1",
        "UPDATE log SET root = zeroblob(32)",
        "UPDATE state SET size = 1",
    ] {
        let fault = altered(sql, false);
        assert!(matches!(fault, ReplicaError::Altered(_)), "{sql}: {fault}");
    }
    // An entry that could not be found, or another one in its place; nodes that only receipts need, and one of no
    // leaves.
    for sql in [
        "UPDATE leaf SET entry_id = zeroblob(32) WHERE idx = 0",
        "UPDATE node SET hash = zeroblob(32) WHERE level = 0 AND idx = 0",
        "DELETE FROM node WHERE level = 0 AND idx = 0",
        "INSERT INTO node VALUES (3, 7, zeroblob(32))",
    ] {
        let fault = altered(sql, true);
        assert!(matches!(fault, ReplicaError::Altered(_)), "{sql}: {fault}");
    }
    // A sum of the state that is none is found at the start.
    let fault = altered("UPDATE state SET digest = zeroblob(2080)", false);
    let said = fault.to_string();
    assert!(
        said.contains("state.digest is damaged. Something else changed it: move"),
        "{said}"
    );
    // A party that nobody admitted, keys that may serve twice, a value that nobody used, the sum of no rows.
    let of_no_rows = hex::encode(StateDigest::default().to_stored());
    for sql in [
        "INSERT INTO row SELECT tbl, zeroblob(32), value FROM row WHERE tbl = 2 LIMIT 1",
        "DELETE FROM row WHERE tbl = 3",
        "INSERT INTO used VALUES (1, zeroblob(32), 0)",
        &format!("UPDATE state SET digest = x'{of_no_rows}'"),
    ] {
        let fault = altered(sql, true);
        assert!(
            matches!(fault, ReplicaError::StateAltered(_)),
            "{sql}: {fault}"
        );
    }
}

/// A hole in an open copy is an error that comes once, never the end of its leaves.
#[test]
fn a_missing_leaf_is_not_the_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    log.admit(10, 2_000);
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("two leaves");
    alter(directory.path(), "DELETE FROM leaf WHERE idx = 1");
    let mut leaves = replica.leaves();
    assert!(matches!(leaves.next(), Some(Ok((0, _)))));
    let hole = leaves.next();
    assert!(
        matches!(hole, Some(Err(ReplicaError::Altered(_)))),
        "{hole:?}"
    );
    assert!(leaves.next().is_none());
    assert!(replica.leaves_from(2).next().is_none());
    let one = replica.leaf(1);
    assert!(matches!(one, Err(ReplicaError::Altered(_))), "{one:?}");
    assert!(matches!(replica.leaf(2), Ok(None)));
}

/// Regression: the folder was copied without `copy.sqlite-wal`, and the copy was empty.
#[test]
fn a_closed_copy_is_one_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let (copy, other) = (
        directory.path().join("copy"),
        directory.path().join("other"),
    );
    let mut log = Log::founded();
    let mut replica = log.open(&copy).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    log.admit(10, 2_000);
    log.feed(&mut replica).expect("another");
    let wal = || std::fs::metadata(copy.join("copy.sqlite-wal")).map_or(0, |file| file.len());
    assert!(wal() > 0, "what is to be folded");
    // A caller that holds the state holds the file open.
    let state = replica.state().expect("a state").clone();
    drop(replica);
    assert_eq!(wal(), 0);
    std::fs::create_dir(&other).expect("made");
    std::fs::copy(copy.join("copy.sqlite"), other.join("copy.sqlite")).expect("copied");
    let replica = log.open(&other).expect("the file is the copy");
    assert_eq!(replica.size(), 2);
    replica.replay(&mut rand::rng()).expect("all of it holds");
    assert_eq!(state.digest(), replica.state().expect("a state").digest());
}

/// A crash after the commit leaves the checkpoint before in its file.
#[test]
fn the_checkpoints_file_is_made_good() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    let shown = directory.path().join("checkpoint.txt");
    log.feed(&mut replica).expect("one leaf");
    let before = std::fs::read(&shown).expect("a checkpoint");
    log.admit(10, 2_000);
    log.feed(&mut replica).expect("another");
    drop(replica);
    let newest = std::fs::read(&shown).expect("a checkpoint");
    assert_ne!(newest, before);
    std::fs::write(&shown, &before).expect("written");
    drop(log.open(directory.path()).expect("the same replica"));
    assert_eq!(std::fs::read(&shown).expect("a checkpoint"), newest);
    std::fs::remove_file(&shown).expect("deleted");
    drop(log.open(directory.path()).expect("the same replica"));
    assert_eq!(std::fs::read(&shown).expect("a checkpoint"), newest);
}

/// A state that another version stored is computed again from the leaves, and following continues.
#[test]
fn a_state_of_another_version_is_made_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    log.admit(10, 2_000);
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("two leaves");
    drop(replica);
    alter(
        directory.path(),
        "UPDATE state SET version = 0, digest = zeroblob(2080); DELETE FROM row",
    );
    let mut replica = log.open(directory.path()).expect("made anew");
    log.admit(11, 3_000);
    log.feed(&mut replica).expect("goes on");
    assert_eq!(
        replica.state().expect("a state").digest(),
        log.sequencer.state().digest()
    );
    replica.replay(&mut rand::rng()).expect("all of it holds");
}

#[test]
fn a_copy_of_an_earlier_program_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("leaves.bin"), "leaves").expect("written");
    let refused = Log::founded().open(directory.path());
    assert!(matches!(
        refused,
        Err(ReplicaError::Archive(ArchiveError::Earlier { .. }))
    ));
}

#[test]
fn a_copy_belongs_to_one_set_of_founding_facts() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    drop(replica);
    log.policy.anchor_seconds += 1;
    let error = log.open(directory.path()).expect_err("another ledger");
    assert!(
        error.to_string().contains("`anchor_seconds` is 1"),
        "{error}"
    );
    log.policy.anchor_seconds -= 1;
    assert_eq!(log.open(directory.path()).expect("the same").size(), 1);
}
