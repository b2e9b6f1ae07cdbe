//! Wrong files for a command, and failures in terms that operators understand.

use std::fs;

use merits_sqlite::{
    DatabaseError, FileError, Staged, StoreKind, durable, examine, keep_private, restrict,
};
use sqlx::{ConnectOptions as _, Connection as _};

use super::store;

/// Regression: "(code: 26) file is not a database", "(code: 14) unable to open database file".
#[tokio::test]
async fn a_wrong_file_is_explained_without_sqlites_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    store(&path, 2_000).await.close().await.unwrap();
    examine(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let file = dir.path().join("given");
    let target = dir.path().join("target");
    let half = format!("ends early: {} bytes of {}", whole.len() / 2, whole.len());
    for (bytes, said) in [
        (&b""[..], "is not a SQLite database (it is empty)"),
        (b"id,day\n1,2\n", "is not a SQLite database (it is a text)"),
        (
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0],
            "is not a SQLite database (it begins with",
        ),
        (&whole[..10], "ends early: 10 bytes of 512"),
        (&whole[..50], "ends early: 50 bytes of 512"),
        (&whole[..whole.len() / 2], &half),
    ] {
        fs::write(&file, bytes).unwrap();
        let text = Staged::copy_of(&file, &target)
            .await
            .unwrap_err()
            .to_string();
        assert!(text.contains(said), "{said:?} is not in {text}");
        assert!(text.contains("given"), "{text}");
        assert!(!text.contains("code"), "{text}");
        let required = StoreKind::Ledger.require(&file).await.unwrap_err();
        assert_eq!(required.to_string(), text);
        assert!(!target.exists());
    }
    fs::remove_file(&file).unwrap();
    let missing = Staged::copy_of(&file, &target).await.unwrap_err();
    assert!(matches!(missing, FileError::Missing { .. }), "{missing}");
    let folder = Staged::copy_of(dir.path(), &target).await.unwrap_err();
    assert!(folder.to_string().contains("it is a folder"), "{folder}");
    assert!(!folder.to_string().contains("chmod"), "{folder}");
    // This must end: a pipe without a writer would block for ever.
    let pipe = dir.path().join("pipe.sqlite");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for said in [
        Staged::copy_of(&pipe, &target).await.unwrap_err(),
        StoreKind::Ledger.require(&pipe).await.unwrap_err(),
        restrict(&pipe).unwrap_err(),
        keep_private(&pipe).unwrap_err(),
    ] {
        let said = said.to_string();
        assert!(said.contains("pipe.sqlite: it is a pipe"), "{said}");
    }
    // The files that SQLite keeps beside a store are checked, too.
    let beside = dir.path().join("beside.sqlite");
    restrict(&beside).unwrap();
    fs::rename(&pipe, dir.path().join("beside.sqlite-wal")).unwrap();
    let said = keep_private(&beside).unwrap_err().to_string();
    assert!(said.contains("beside.sqlite-wal: it is a pipe"), "{said}");
    // Data in the write-ahead log is not missing.
    let path = dir.path().join("busy.sqlite");
    let _open = store(&path, 2_000).await;
    examine(&path).unwrap();
}

#[tokio::test]
async fn one_stores_file_is_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let given = |name: &str, tables: &'static str| {
        let path = dir.path().join(name);
        async move {
            let options = durable(&path).create_if_missing(true);
            let mut db = options.connect().await.unwrap();
            sqlx::raw_sql(tables).execute(&mut db).await.unwrap();
            db.close().await.unwrap();
            path
        }
    };
    let kinds = [
        (
            StoreKind::Ledger,
            given(
                "ledger",
                "CREATE TABLE node (level, idx); PRAGMA application_id = 0x4d455254",
            )
            .await,
        ),
        (
            StoreKind::Copy,
            given(
                "copy",
                "CREATE TABLE node (level, idx); PRAGMA application_id = 0x4d455252",
            )
            .await,
        ),
        (
            StoreKind::Vouchers,
            given(
                "vouchers",
                "CREATE TABLE node (id); CREATE TABLE voucher (id)",
            )
            .await,
        ),
        (
            StoreKind::Records,
            given("records", "CREATE TABLE node (id); CREATE TABLE deed (id)").await,
        ),
    ];
    for (wanted, _) in &kinds {
        for (kind, path) in &kinds {
            let required = wanted.require(path).await;
            if wanted == kind {
                required.unwrap();
                continue;
            }
            let error = required.unwrap_err();
            let text = error.to_string();
            assert!(
                matches!(error, FileError::Foreign { found: Some(found), .. } if found == *kind),
                "{text}"
            );
            assert!(
                text.contains(&format!("holds {kind}; expected: ")),
                "{text}"
            );
        }
        let other = given("other", "CREATE TABLE IF NOT EXISTS thing (id)").await;
        let text = wanted.require(&other).await.unwrap_err().to_string();
        assert!(text.contains("a database of another program"), "{text}");
    }
}

#[tokio::test]
async fn a_full_disk_and_a_damaged_page_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let mut db = store(&path, 1_000).await;
    sqlx::raw_sql("PRAGMA max_page_count = 1")
        .execute(&mut db)
        .await
        .unwrap();
    let grown = sqlx::query("INSERT INTO thing (value) VALUES (hex(zeroblob(100000)))")
        .execute(&mut db)
        .await;
    let error = DatabaseError::from(grown.unwrap_err());
    assert_eq!(error.to_string(), "the disk is full; make room");
    assert!(!error.is_lasting(), "room can be made");
    db.close().await.unwrap();

    let mut bytes = fs::read(&path).unwrap();
    bytes[4_096..8_192].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let mut db = durable(&path).connect().await.unwrap();
    let read = sqlx::query("SELECT sum(length(value)) FROM thing")
        .fetch_one(&mut db)
        .await;
    let error = DatabaseError::from(read.err().unwrap());
    assert_eq!(error.to_string(), "the file is damaged; restore a backup");
    assert!(error.is_lasting());
    assert!(
        std::error::Error::source(&error).is_none(),
        "nothing follows on the screen"
    );
}
