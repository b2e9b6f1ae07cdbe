//! fsck finds a damaged database, and a start refuses the damage that it can detect.

use std::{fs, path::Path, sync::Arc, time::Duration};

use crate::federation::{Founding, Node};
use merits_coordinator::{Config, Coordinator, StartError, SystemClock, fsck};
use sqlx::{Connection as _, SqliteConnection};

/// What finds a damage without `fsck`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// A start refuses it.
    Start,
    /// A coordinator that serves stops because of it.
    Serving,
    /// Nothing.
    Fsck,
}
use Found::{Fsck, Serving, Start};

/// SQL, the table in which fsck finds it, and what finds it without fsck.
const DAMAGES: [(&str, &str, Found); 23] = [
    (
        // The last byte of the last leaf, in its signature.
        "UPDATE leaf SET leaf = CAST(substr(leaf, 1, length(leaf) - 1) || x'ff' AS BLOB) \
         WHERE idx = (SELECT max(idx) FROM leaf)",
        "rules",
        // A start trusts the stored state, as it trusts the key's file.
        Fsck,
    ),
    (
        "UPDATE leaf SET leaf = substr(leaf, 1, 20) WHERE idx = 3",
        "leaf",
        Fsck,
    ),
    (
        "UPDATE leaf SET entry_id = zeroblob(32) WHERE idx = 2",
        "leaf",
        Fsck,
    ),
    ("DELETE FROM leaf WHERE idx = 4", "leaf", Serving),
    (
        "DELETE FROM leaf WHERE idx = (SELECT max(idx) FROM leaf)",
        "log",
        Start,
    ),
    ("DELETE FROM used WHERE rowid_free = 0", "used", Fsck),
    ("UPDATE used SET idx = idx - 1 WHERE kind = 2", "used", Fsck),
    ("INSERT INTO used VALUES (1, zeroblob(32), 5)", "used", Fsck),
    ("INSERT INTO used VALUES (9, zeroblob(32), 5)", "used", Fsck),
    (
        "UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND idx = 0",
        "node",
        Fsck,
    ),
    (
        "UPDATE node SET hash = zeroblob(32) WHERE level = 3 AND idx = 0",
        "node",
        Start,
    ),
    ("DELETE FROM node WHERE level = 0 AND idx = 1", "node", Fsck),
    (
        "INSERT INTO node VALUES (0, 999, zeroblob(32))",
        "node",
        Fsck,
    ),
    ("UPDATE log SET size = size + 1", "log", Start),
    // 40: notes of an entry; 54: the sums of an interval; 33: people.
    (
        "UPDATE row SET value = zeroblob(36) WHERE tbl = 40",
        "row",
        // A start reads the last notes.
        Start,
    ),
    (
        "DELETE FROM row WHERE tbl = 40 AND key = (SELECT min(key) FROM row WHERE tbl = 40)",
        "row",
        Serving,
    ),
    ("DELETE FROM row WHERE tbl = 54", "row", Fsck),
    (
        "INSERT INTO row VALUES (33, zeroblob(32), zeroblob(9))",
        "row",
        Fsck,
    ),
    (
        "INSERT INTO row VALUES (99, zeroblob(32), zeroblob(9))",
        "row",
        Fsck,
    ),
    // What governs is read whole.
    (
        "UPDATE row SET value = zeroblob(9) WHERE tbl = 5",
        "row",
        Start,
    ),
    ("DELETE FROM row WHERE tbl = 1", "row", Start),
    ("UPDATE state SET size = size - 1", "state", Start),
    ("UPDATE state SET digest = zeroblob(2080)", "state", Start),
];

#[tokio::test]
async fn every_damage_is_found() {
    let clean = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(30);
    let config = founding.config(clean.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    for _ in 0..3 {
        node.client.submit(&founding.earn(5)).await.unwrap();
    }
    node.coordinator.shutdown().await.unwrap();
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.leaves, report.used), (11, 30));

    for (damage, place, found) in DAMAGES {
        // Any one note of the used values.
        let damage = damage.replace(
            "WHERE rowid_free = 0",
            "WHERE (kind, value) = (SELECT kind, value FROM used ORDER BY value LIMIT 1)",
        );
        let dir = tempfile::tempdir().unwrap();
        let config = founding.config(dir.path());
        copy(clean.path(), dir.path());
        copy(&clean.path().join("data"), &config.data_dir);
        apply(&config, &damage).await;
        let report = fsck(&config, &mut rand::rng()).await.unwrap();
        assert!(
            report.findings.iter().any(|finding| finding.place == place),
            "{damage}: {report}"
        );
        match Coordinator::start(config, Arc::new(SystemClock)).await {
            Ok(mut coordinator) if found == Serving => {
                let stops = tokio::time::timeout(Duration::from_secs(60), coordinator.failed());
                let why = stops.await.expect("it stops by itself");
                assert!(
                    matches!(why, Err(StartError::Damaged(_))),
                    "{damage}: {why:?}"
                );
            }
            Ok(coordinator) => {
                coordinator.shutdown().await.unwrap();
                assert_eq!(found, Fsck, "{damage}: started");
            }
            Err(StartError::Damaged(_)) => {
                assert_eq!(found, Start, "{damage}: refused to start");
            }
            Err(other) => panic!("{damage}: {other}"),
        }
    }
}

/// A leaf with a wrong digest of the state, with that of another size, and the last one without any, are named.
#[tokio::test]
async fn a_wrong_or_missing_digest_of_the_state_is_named() {
    let clean = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(35);
    let config = founding.config(clean.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    for _ in 0..2 {
        node.client.submit(&founding.earn(3)).await.unwrap();
    }
    node.coordinator.shutdown().await.unwrap();
    // A flag, then the digest, follow the time of eight bytes.
    let digest = |new: &str, index: &str| {
        format!(
            "UPDATE leaf SET leaf = CAST(substr(leaf, 1, 8) || {new} || substr(leaf, 42) AS BLOB) WHERE idx = {index}"
        )
    };
    let sevens = format!("x'01{}'", "07".repeat(32));
    let another = "(SELECT substr(leaf, 9, 33) FROM leaf WHERE idx = 3)";
    for (damage, said) in [
        (
            digest(&sevens, "4"),
            "leaf 4: it says that the state before it has the digest 0707",
        ),
        (
            digest(another, "4"),
            "leaf 4: it says that the state before it",
        ),
        (
            digest("x'00'", "(SELECT max(idx) FROM leaf)"),
            "leaf 9: it is the last leaf under a checkpoint, and it lacks",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let config = founding.config(dir.path());
        copy(clean.path(), dir.path());
        copy(&clean.path().join("data"), &config.data_dir);
        apply(&config, &damage).await;
        let report = fsck(&config, &mut rand::rng()).await.unwrap();
        let found = |finding: &&merits_coordinator::Finding| finding.place == "rules";
        let found = report.findings.iter().find(found).map(|found| &found.what);
        assert!(found.is_some_and(|what| what.contains(said)), "{report}");
    }
}

/// Regression: a trigger whose name begins as those of SQLite's own tables was not seen.
#[tokio::test]
async fn a_trigger_of_somebody_else_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(34);
    let config = founding.config(dir.path());
    let node = Node::founded(&founding, config.clone()).await;
    node.coordinator.shutdown().await.unwrap();
    apply(
        &config,
        "PRAGMA writable_schema = ON; \
         INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) \
         VALUES ('trigger', 'sqlite_evil', 'used', 0, \
         'CREATE TRIGGER sqlite_evil AFTER INSERT ON used BEGIN DELETE FROM row; END')",
    )
    .await;
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.what.contains("trigger \"sqlite_evil\"")),
        "{report}"
    );
}

/// Altered facts in the database look the same as an altered setting. Both are reported with both
/// values, before anything is replayed.
#[tokio::test]
async fn altered_founding_facts_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(32);
    let config = founding.config(dir.path());
    let node = Node::founded(&founding, config.clone()).await;
    node.coordinator.shutdown().await.unwrap();
    apply(
        &config,
        "UPDATE founding SET value = '1' WHERE fact = 'least_claims_per_total'",
    )
    .await;
    let started = Coordinator::start(config.clone(), Arc::new(SystemClock)).await;
    for error in [
        fsck(&config, &mut rand::rng()).await.unwrap_err(),
        started.unwrap_err(),
    ] {
        assert!(matches!(error, StartError::OtherFacts { .. }), "{error}");
        assert!(
            error.to_string().contains("least_claims_per_total"),
            "{error}"
        );
    }
}

/// A state in another layout is computed again from the log and equals the old one.
#[tokio::test]
async fn a_state_of_another_version_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(33);
    let config = founding.config(dir.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    node.client.submit(&founding.earn(5)).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    apply(
        &config,
        "UPDATE state SET version = 0, digest = zeroblob(2080); \
         DELETE FROM row WHERE tbl = 40; UPDATE row SET value = zeroblob(1) WHERE tbl = 2",
    )
    .await;
    assert!(!fsck(&config, &mut rand::rng()).await.unwrap().is_clean());
    let mut node = Node::start(config.clone()).await;
    node.client.submit(&founding.earn(4)).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_checkpoint_of_another_key_is_found() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let founding = Founding::new(31);
    for dir in [&one, &other] {
        let node = Node::founded(&founding, founding.config(dir.path())).await;
        node.coordinator.shutdown().await.unwrap();
    }
    let config = founding.config(one.path());
    let attach = format!(
        "ATTACH '{}' AS other; UPDATE log SET checkpoint = (SELECT checkpoint FROM other.log)",
        founding.config(other.path()).database().display()
    );
    apply(&config, &attach).await;
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    let found = report
        .findings
        .iter()
        .find(|finding| finding.place == "log")
        .unwrap();
    assert!(found.what.contains("checkpoint"), "{report}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

async fn apply(config: &Config, damage: &str) {
    let url = format!("sqlite://{}", config.database().display());
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(damage.to_owned()))
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
}
