//! Copies that cannot be written.

use merits_replica::{ArchiveError, ReplicaError};

use crate::log::Log;

/// On a full disk SQLite ends the transaction by itself, and its connection counts as inside it for
/// ever.
#[test]
fn a_full_disk_needs_no_restart() {
    use sqlx::ConnectOptions as _;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("copy.sqlite");
    let run = |sql: &'static str| {
        merits_ledger::storage::wait(async {
            let mut db = merits_sqlite::durable(&path)
                .connect()
                .await
                .expect("opens");
            sqlx::raw_sql(sql).execute(&mut db).await.expect("runs");
        });
    };
    let mut log = Log::founded();
    let mut replica = log.open(directory.path()).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    log.admit(10, 2_000);
    run("CREATE TRIGGER full BEFORE INSERT ON row
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END");
    assert!(matches!(
        log.feed(&mut replica),
        Err(ReplicaError::Archive(ArchiveError::Database { .. }))
    ));
    // It knows that the log is longer, and does not present the older state as the newest.
    assert!(matches!(
        replica.state(),
        Err(ReplicaError::Unwritten { .. })
    ));
    assert!(log.feed(&mut replica).is_err());
    assert_eq!((replica.size(), replica.leaves().count()), (1, 1));
    run("DROP TRIGGER full");
    log.feed(&mut replica).expect("there is room");
    assert_eq!(replica.state().expect("a state").size(), 2);
    log.admit(11, 3_000);
    log.feed(&mut replica).expect("it goes on");
    replica.replay(&mut rand::rng()).expect("all of it holds");
}

/// Regression: a copy whose folder was deleted while it was open continued, and had a hole at its
/// next start.
#[test]
fn a_copy_that_cannot_be_written_answers_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let copy = directory.path().join("copy");
    let mut log = Log::founded();
    let mut replica = log.open(&copy).expect("a new replica");
    log.feed(&mut replica).expect("one leaf");
    // The checkpoint cannot be replaced: the leaves are there, and the copy waits.
    let blocked = copy.join("checkpoint.txt");
    std::fs::remove_file(&blocked).expect("removed");
    std::fs::create_dir(&blocked).expect("made");
    log.admit(10, 2_000);
    assert!(matches!(
        log.feed(&mut replica),
        Err(ReplicaError::Archive(ArchiveError::Io { .. }))
    ));
    assert!(matches!(
        replica.state(),
        Err(ReplicaError::Unwritten { .. })
    ));
    assert_eq!(replica.size(), 1);
    std::fs::remove_dir(&blocked).expect("deleted");
    replica.settle().expect("it can be written now");
    assert_eq!(replica.size(), 2);
    log.admit(11, 3_000);
    log.feed(&mut replica).expect("it goes on");
    drop(replica);
    let mut replica = log.open(&copy).expect("no hole");
    assert_eq!(replica.size(), 3);

    // The folder is deleted, and made again by somebody: this copy's file is not the one in it.
    std::fs::remove_dir_all(&copy).expect("deleted");
    log.admit(12, 4_000);
    assert!(log.feed(&mut replica).is_err());
    std::fs::create_dir(&copy).expect("made");
    assert!(log.feed(&mut replica).is_err());
    std::fs::write(copy.join("copy.sqlite"), "").expect("made");
    let error = log.feed(&mut replica).expect_err("another file");
    assert!(error.to_string().contains("start this program again"));
    assert!(!copy.join("checkpoint.txt").exists());
    assert!(replica.state().is_err());
    drop(replica);
    let mut replica = log.open(&copy).expect("an empty copy");
    log.feed(&mut replica).expect("all of it");
    assert_eq!(replica.size(), 4);
}
