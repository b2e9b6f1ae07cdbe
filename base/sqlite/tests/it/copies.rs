//! Copies while the store is in use, and files that are never overwritten.

use std::{fs, os::unix::fs::MetadataExt as _};

use merits_sqlite::{FileError, Staged, inspecting};
use sqlx::ConnectOptions as _;

use super::{add, count, store};

#[tokio::test]
async fn a_copy_is_whole_while_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let backup = dir.path().join("backup.sqlite");
    let mut writer = store(&path, 20).await;
    let staged = Staged::copy_of(&path, &backup).await.unwrap();
    assert!(
        !backup.exists(),
        "it has its name only when it is put in place"
    );
    add(&mut writer, 5).await;
    staged.put_in_place().unwrap();
    assert_eq!(fs::metadata(&backup).unwrap().mode() & 0o777, 0o600);
    let mut copy = inspecting(&backup).connect().await.unwrap();
    assert_eq!(count(&mut copy).await, 20);
    assert_eq!(count(&mut writer).await, 25);
    assert_eq!(left_over(dir.path()), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_overwritten_and_no_leftover_log_is_applied() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let _writer = store(&path, 3).await;
    for taken in [
        "backup.sqlite",
        "backup.sqlite-wal",
        "backup.sqlite-journal",
    ] {
        let taken = dir.path().join(taken);
        fs::write(&taken, "mine").unwrap();
        let error = Staged::copy_of(&path, &dir.path().join("backup.sqlite"))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, FileError::Exists { path } if *path == taken),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
        fs::remove_file(&taken).unwrap();
    }
    // Taken while the copy was made.
    let backup = dir.path().join("backup.sqlite");
    let staged = Staged::copy_of(&path, &backup).await.unwrap();
    fs::write(&backup, "mine").unwrap();
    let error = staged.put_in_place().unwrap_err();
    assert!(matches!(error, FileError::Exists { .. }), "{error}");
    assert_eq!(fs::read_to_string(&backup).unwrap(), "mine");
    assert_eq!(left_over(dir.path()), Vec::<String>::new());
}

/// Regression: an empty file of this name was left and blocked the next attempt to make the copy.
#[tokio::test]
async fn a_copy_that_cannot_get_its_name_leaves_nothing_under_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let _writer = store(&path, 3).await;
    let backup = dir.path().join("backup.sqlite");
    let staged = Staged::copy_of(&path, &backup).await.unwrap();
    // A folder cannot take the name of a file.
    let part = staged.path().to_owned();
    fs::remove_file(&part).unwrap();
    fs::create_dir(&part).unwrap();
    let error = staged.put_in_place().unwrap_err();
    assert!(matches!(error, FileError::Io { .. }), "{error}");
    assert!(!backup.exists());
    fs::remove_dir(&part).unwrap();
    let staged = Staged::copy_of(&path, &backup).await.unwrap();
    staged.put_in_place().unwrap();
}

#[tokio::test]
async fn a_damaged_store_gives_no_copy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let writer = store(&path, 4_000).await;
    sqlx::Connection::close(writer).await.unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4_096].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let error = Staged::copy_of(&path, &dir.path().join("backup.sqlite"))
        .await
        .unwrap_err();
    assert!(matches!(error, FileError::Damaged { .. }), "{error}");
    assert_eq!(left_over(dir.path()), Vec::<String>::new());
}

/// Regression: a user's file with the name of the destination and `.part` was deleted.
#[tokio::test]
async fn no_file_of_somebody_elses_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let _writer = store(&path, 3).await;
    let theirs = dir.path().join("backup.sqlite.part");
    fs::write(&theirs, "theirs").unwrap();
    let backup = dir.path().join("backup.sqlite");
    for put in [false, true] {
        let staged = Staged::copy_of(&path, &backup).await.unwrap();
        assert_eq!(fs::metadata(staged.path()).unwrap().mode() & 0o777, 0o600);
        if put {
            staged.put_in_place().unwrap();
        } else {
            drop(staged);
        }
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
        assert_eq!(left_over(dir.path()), ["backup.sqlite.part"]);
    }
    let mut copy = inspecting(&backup).connect().await.unwrap();
    assert_eq!(count(&mut copy).await, 3);
}

/// Parts of copies.
fn left_over(dir: &std::path::Path) -> Vec<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".part"))
        .collect()
}
