//! A ledger in a SQLite file passes the conformance tests for stores.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use merits_ledger::{
    Conflict, Governing, State, Unique, UniqueSet,
    rows::{Rows, StateDigest, Table},
    storage::{
        Commit, Founded, Head, Pending, Storage as _, StorageGroup as _, StorageReader as _,
        StoredLeaf,
    },
    tree::{Frontier, Node},
};
use merits_ledger_fixture::{Citizen, Stage, conformance};
use merits_ledger_sqlite::{Ledger, Reader, SqliteFile, StateFile, TABLES, Writer};
use merits_primitives::ids::{Credits, EntryId};
use merits_sqlite::Schema;
use merits_verifier::log::empty_root;
use sqlx::ConnectOptions as _;
use tempfile::TempDir;

const SCHEMA: Schema = Schema {
    what: "test's ledger",
    application_id: 7,
    version: 1,
    tables: TABLES,
};

/// A store in a folder that goes with it.
async fn made(dir: &TempDir) -> Ledger {
    let mut ledger = unfounded(dir).await;
    let founded = Founded {
        origin: "store.test".to_owned(),
        log_key: [1; 32],
        facts: Vec::new(),
        size: 0,
        root: empty_root(),
        checkpoint: "empty".to_owned(),
    };
    ledger.found(&founded).await.unwrap();
    ledger
}

async fn unfounded(dir: &TempDir) -> Ledger {
    let path = dir.path().join("ledger.sqlite");
    let options = merits_sqlite::durable(&path).create_if_missing(true);
    let mut db = options.connect().await.unwrap();
    SCHEMA.create(&mut db).await.unwrap();
    let writer = Writer::new(db);
    let readers = merits_sqlite::durable(&path).read_only(true);
    let pool = merits_sqlite::pool(3).connect_with(readers).await.unwrap();
    Ledger::new(Reader::new(pool), writer)
}

#[tokio::test]
async fn sqlite_passes_the_conformance_suite() {
    let dirs: Vec<TempDir> = (0..20).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut next = dirs.iter();
    conformance::run(|| unfounded(next.next().unwrap())).await;
}

#[tokio::test]
async fn files_pass_the_conformance_suite_of_places() {
    let dir = tempfile::tempdir().unwrap();
    let outputs = dir.path().join("backups");
    std::fs::create_dir(&outputs).unwrap();
    // A backup says whose it is.
    let schema = Schema {
        application_id: 0x4d45_5254,
        ..SCHEMA
    };
    let mut number = 0;
    let place = || {
        number += 1;
        let folder = dir.path().join(number.to_string());
        std::fs::create_dir(&folder).unwrap();
        SqliteFile::new(folder.join("ledger.sqlite"), schema)
    };
    conformance::run_places(place, &outputs).await;
}

/// A writer stops at the first error, and the server with it: nobody knows what is durable. Whether a full
/// disk ends the transaction or only the statement is SQLite's choice, and a connection whose transaction it
/// ended is not to be used again. The file is as it was.
#[tokio::test]
async fn a_full_disk_is_an_error_and_the_file_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    made(&dir).await;
    let path = dir.path().join("ledger.sqlite");
    let mut db = merits_sqlite::durable(&path).connect().await.unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&mut db)
        .await
        .unwrap();
    let limit = format!("PRAGMA max_page_count = {}", pages + 2);
    sqlx::raw_sql(sqlx::AssertSqlSafe(limit))
        .execute(&mut db)
        .await
        .unwrap();
    let mut writer = Writer::new(db);
    let group = writer.begin().await.unwrap();
    let head = Head {
        size: 10_000,
        root: empty_root(),
        checkpoint: "never".to_owned(),
        digest: StateDigest::default(),
    };
    let node = |index| (Node { level: 0, index }, [0; 32]);
    let commit = Commit {
        head,
        nodes: (0..10_000).map(node).collect(),
        rows: Vec::new(),
    };
    let said = group.commit(commit).await.unwrap_err();
    assert!(said.to_string().contains("full"), "{said}");
    drop(writer);

    let mut db = merits_sqlite::inspecting(&path).connect().await.unwrap();
    let (size, note, nodes): (i64, String, i64) =
        sqlx::query_as("SELECT size, checkpoint, (SELECT count(*) FROM node) FROM log")
            .fetch_one(&mut db)
            .await
            .unwrap();
    assert_eq!((size, note.as_str(), nodes), (0, "empty", 0));
    let db = merits_sqlite::durable(&path).connect().await.unwrap();
    Writer::new(db).begin().await.unwrap();
}

fn leaf<'l>(index: u64, id: u8, uniques: &'l [Unique]) -> StoredLeaf<'l> {
    StoredLeaf {
        index,
        id: EntryId([id; 32]),
        bytes: b"leaf",
        uniques,
        blobs: &[],
    }
}

/// Another leaf at an index that is taken is a fault of the program or of the file, and no repetition.
#[tokio::test]
async fn an_index_that_is_taken_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = made(&dir).await;
    let mut group = ledger.begin().await.unwrap();
    assert_eq!(group.append(leaf(0, 1, &[])).await.unwrap(), Ok(()));
    let error = group.append(leaf(0, 2, &[])).await.unwrap_err();
    assert!(error.to_string().contains("leaf.idx"), "{error}");
    assert_eq!(group.find(&EntryId([2; 32])).await.unwrap(), None);
    // The refusals left the group as it was.
    assert_eq!(group.append(leaf(1, 2, &[])).await.unwrap(), Ok(()));
}

/// What leaves that go in together are answered names the value that another leaf used, not what was inserted of the
/// same leaf before it.
#[tokio::test]
async fn leaves_that_go_in_together_name_the_value_that_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = made(&dir).await;
    let note = |value: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&value.to_be_bytes());
        Unique {
            set: UniqueSet::Note,
            value: bytes,
            claim: None,
        }
    };
    let first = [note(7)];
    // More than one statement inserts, and the value that is taken is in the last.
    let mut many: Vec<Unique> = (1_000..3_000).map(note).collect();
    many.push(note(7));
    let twice = [note(8), note(8)];
    for (uniques, taken) in [(&many[..], note(7)), (&twice[..], note(8))] {
        let mut group = ledger.begin().await.unwrap();
        let both = [leaf(0, 1, &first), leaf(1, 2, uniques)];
        let refused = group.append_all(&both).await.unwrap();
        assert_eq!(refused, Err((1, Conflict(taken))));
        drop(group);
        assert_eq!(ledger.find(&EntryId([1; 32])).await.unwrap(), None);
    }
    let mut group = ledger.begin().await.unwrap();
    let twice = [leaf(0, 1, &[]), leaf(1, 1, &[])];
    let Err((1, Conflict(again))) = group.append_all(&twice).await.unwrap() else {
        panic!("an entry was appended twice");
    };
    assert_eq!(again.set, UniqueSet::Entry);
}

/// A page ends where it is full, and nothing is left open behind its end: the next page follows, and the
/// write-ahead log can be folded.
#[tokio::test]
async fn a_page_leaves_nothing_open() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = made(&dir).await;
    let path = dir.path().join("ledger.sqlite");
    let mut db = merits_sqlite::durable(&path).connect().await.unwrap();
    sqlx::raw_sql(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299)
         INSERT INTO leaf SELECT i, randomblob(32), randomblob(5000 + i) FROM n",
    )
    .execute(&mut db)
    .await
    .unwrap();
    let mut lengths = Vec::new();
    loop {
        let page = ledger.leaves(lengths.len() as u64, 300, 20_000).await;
        let page = page.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 4, "{} leaves", page.len());
        lengths.extend(page.iter().map(Vec::len));
    }
    assert_eq!(lengths, (5_000..5_300).collect::<Vec<_>>());
    assert_eq!(ledger.leaves(0, 300, 1).await.unwrap().len(), 1);
    let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert_eq!(busy, 0);
}

/// A town's log goes into the file entry by entry; at each step the file has the rows and the digest
/// that memory has, and what governs is loaded from it.
#[tokio::test]
async fn a_state_in_the_file_is_the_state_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = made(&dir).await;
    let mut town = Stage::new(rand::rng()).unwrap();
    for number in 1..=2 {
        town.earner(&Citizen::new(number)).unwrap();
    }
    let citizen = Citizen::new(3);
    let note = town.earner(&citizen).unwrap();
    let offer = town.offer(Credits(30), 5).unwrap();
    town.redeem(&citizen, &[note], offer).unwrap();

    let policy = town.federation.policy();
    let mut memory = State::new(policy.clone());
    let mut stored = Governing::new(policy.clone());
    let mut frontier = Frontier::new();
    let mut digest = StateDigest::default();
    for leaf in town.ledger.store().leaves() {
        let (authentic, time, verified) = judged(&memory, leaf);
        let mut group = ledger.begin().await.unwrap();
        let mut pending = Pending::new();
        pending
            .read(&mut group, &stored, [authentic.submission()])
            .await
            .unwrap();
        let effects = stored
            .check(&authentic, time, verified.as_ref(), pending.view())
            .unwrap();
        let appended = group.append(StoredLeaf {
            index: effects.index(),
            id: effects.id(),
            bytes: effects.leaf(),
            uniques: effects.uniques(),
            blobs: &[],
        });
        assert_eq!(appended.await.unwrap(), Ok(()));
        pending.take(&effects);
        let nodes = frontier.push(effects.leaf_hash());
        let finished = pending.finish(&mut group, &digest, &[]).await.unwrap();
        digest = finished.digest.clone();
        let head = Head {
            size: frontier.size(),
            root: frontier.root(),
            checkpoint: "a note".to_owned(),
            digest: finished.digest,
        };
        let rows = finished.rows;
        group.commit(Commit { head, nodes, rows }).await.unwrap();
        stored.commit(&effects).unwrap();

        let same = memory.check(&authentic, time, verified.as_ref()).unwrap();
        assert_eq!(same.rows(), effects.rows());
        memory.commit(&same).unwrap();
        assert_eq!(digest, memory.rows().digest().unwrap());
    }
    let path = dir.path().join("ledger.sqlite");
    let db = merits_sqlite::inspecting(&path).connect().await.unwrap();
    let file = StateFile::new(db);
    for table in Table::ALL {
        let all = |rows: &dyn Rows| rows.range(table, &[], 100_000).unwrap();
        assert_eq!(all(&file), all(memory.rows()), "{table}");
    }
    let loaded = Governing::load(policy, &file).unwrap();
    let opened = State::stored(loaded, std::sync::Arc::new(file));
    assert_eq!(opened.digest().unwrap(), memory.digest().unwrap());
    assert_eq!(
        opened.conservation().unwrap(),
        memory.conservation().unwrap()
    );
    assert_eq!(
        opened.notes().leaves(1, 2).unwrap(),
        memory.notes().leaves(1, 2).unwrap()
    );
}

fn judged(
    state: &State,
    leaf: &[u8],
) -> (
    merits_ledger::Authentic,
    merits_primitives::calendar::Timestamp,
    Option<merits_ledger::VerifiedProof>,
) {
    use merits_verifier::codec::Canonical as _;
    let leaf = merits_verifier::entry::Leaf::from_bytes(leaf).unwrap();
    let submission = merits_ledger::Submission::from_signed(leaf.entry, state.origin()).unwrap();
    let authentic = state.authenticate(submission).unwrap();
    let job = state.job(authentic.submission()).unwrap();
    let keys = merits_ledger::Groth16Keys::new();
    let verified = job.map(|job| job.verify(state, &keys).unwrap());
    (authentic, leaf.time, verified)
}
