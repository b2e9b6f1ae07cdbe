//! After a fold the file alone is the store.

use std::fs;

use merits_sqlite::{FileError, durable, fold, inspecting};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{add, count, store};

/// Regression: a reader that closes after the writer leaves everything in the write-ahead log.
#[tokio::test]
async fn what_readers_leave_in_the_log_is_folded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let writer = store(&path, 60).await;
    let mut reader = durable(&path).read_only(true).connect().await.unwrap();
    assert_eq!(count(&mut reader).await, 60);
    writer.close().await.unwrap();
    reader.close().await.unwrap();
    let alone = dir.path().join("alone.sqlite");
    fs::copy(&path, &alone).unwrap();
    let mut copy = inspecting(&alone).connect().await.unwrap();
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut copy)
        .await
        .unwrap();
    assert_eq!(tables, 0, "the copy shows why folding is needed");

    fold(&path).await.unwrap();
    fs::copy(&path, &alone).unwrap();
    let mut copy = inspecting(&alone).connect().await.unwrap();
    assert_eq!(count(&mut copy).await, 60);
}

#[tokio::test]
async fn a_reader_in_a_snapshot_is_named_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let mut writer = store(&path, 1).await;
    let mut reader = durable(&path).read_only(true).connect().await.unwrap();
    let mut snapshot = reader.begin().await.unwrap();
    assert_eq!(count(&mut snapshot).await, 1);
    add(&mut writer, 1).await;
    writer.close().await.unwrap();
    let error = fold(&path).await.unwrap_err();
    assert!(matches!(error, FileError::NotFolded { .. }), "{error}");
    snapshot.rollback().await.unwrap();
    reader.close().await.unwrap();
    fold(&path).await.unwrap();
    let mut db = inspecting(&path).connect().await.unwrap();
    assert_eq!(count(&mut db).await, 2);
}

#[tokio::test]
async fn nothing_is_made_where_nothing_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    fold(&path).await.unwrap();
    assert!(!path.exists());
}
