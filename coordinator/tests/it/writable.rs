//! Files that cannot be written: reported before anything is served, and later refused without
//! losing anything.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::Arc,
};

use merits_coordinator::{Config, Coordinator, StartError, SystemClock};
use merits_proto::Reason;
use merits_sqlite::FileError;
use sqlx::{ConnectOptions as _, Connection as _};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::{
    federation::{Founding, Node},
    needs::until,
};

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A stopped ledger whose mark has a folder of its own.
async fn stopped(founding: &Founding, dir: &Path) -> Config {
    let marks = dir.join("marks");
    fs::create_dir(&marks).unwrap();
    let config = Config {
        high_water_mark: marks.join("ledger.mark"),
        ..founding.config(dir)
    };
    let node = Node::founded(founding, config.clone()).await;
    node.coordinator.shutdown().await.unwrap();
    config
}

async fn refused(config: &Config) -> StartError {
    Coordinator::start(config.clone(), Arc::new(SystemClock))
        .await
        .unwrap_err()
}

/// Regression: the coordinator reported that it serves, and the first submission ended it.
#[tokio::test]
async fn a_database_that_cannot_be_written_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(150);
    let config = stopped(&founding, dir.path()).await;
    let database = config.database();
    for (path, closed) in [(&database, 0o400), (&config.data_dir, 0o500)] {
        let before = fs::metadata(path).unwrap().mode() & 0o777;
        set(path, closed);
        let error = refused(&config).await;
        set(path, before);
        let text = error.to_string();
        assert!(
            matches!(error, StartError::Store(FileError::NotWritable { .. })),
            "{text}"
        );
        for part in [
            "ledger.sqlite",
            "owner",
            "chmod",
            &format!("mode {closed:o}"),
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
    }
    // Files that others may replace, including the mark.
    let marks = config.high_water_mark.parent().unwrap();
    for folder in [&config.data_dir, marks] {
        let before = fs::metadata(folder).unwrap().mode() & 0o777;
        set(folder, 0o777);
        let error = refused(&config).await;
        let text = error.to_string();
        assert!(
            text.contains("chmod go-w") && text.contains("mode 777"),
            "{text}"
        );
        set(folder, 0o1777);
        let node = Node::start(config.clone()).await;
        node.coordinator.shutdown().await.unwrap();
        set(folder, before);
    }
    // Only root can give files away.
    if chown(&database, Some(1), None).is_ok() {
        let error = refused(&config).await;
        assert!(
            matches!(
                error,
                StartError::Store(FileError::OtherUser { owner: 1, .. })
            ),
            "{error}"
        );
        chown(&database, Some(0), None).unwrap();
    }
    let node = Node::start(config).await;
    node.coordinator.shutdown().await.unwrap();
}

/// A mark that cannot be raised is found before anything is shown.
#[tokio::test]
async fn a_mark_that_cannot_be_replaced_is_found_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(151);
    let config = stopped(&founding, dir.path()).await;
    // In place of the mark, which nobody can replace by a rename then.
    let aside = dir.path().join("mark-aside");
    fs::rename(&config.high_water_mark, &aside).unwrap();
    fs::create_dir(&config.high_water_mark).unwrap();
    let error = refused(&config).await;
    assert!(matches!(error, StartError::Mark(_)), "{error}");
    let mark = config.high_water_mark.display().to_string();
    assert!(error.to_string().contains(&mark), "{error}");
    fs::remove_dir(&config.high_water_mark).unwrap();
    fs::rename(&aside, &config.high_water_mark).unwrap();
    let node = Node::start(config).await;
    node.coordinator.shutdown().await.unwrap();
}

/// Regression: under the umask 002 they were 0664, and the database 0644.
#[tokio::test]
async fn what_a_coordinator_keeps_is_its_owners() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(152);
    let config = stopped(&founding, dir.path()).await;
    let marks = config.high_water_mark.parent().unwrap();
    let files = || -> Vec<PathBuf> {
        [config.data_dir.as_path(), marks]
            .into_iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect()
    };
    let widened = files();
    assert!(widened.len() >= 6, "{widened:?}");
    for path in widened.iter().filter(|path| !path.ends_with("log.key")) {
        set(path, 0o664);
    }
    let mut node = Node::start(config.clone()).await;
    node.client.submit(&founding.entries[0]).await.unwrap();
    for path in files() {
        let mode = fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    node.coordinator.shutdown().await.unwrap();
}

/// Regression: a full disk ended the coordinator at the first submission.
#[tokio::test]
async fn a_write_that_fails_is_refused_told_and_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(153);
    let config = founding.config(dir.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    let acknowledged = founding.earn(2);
    node.client.submit(&acknowledged).await.unwrap();
    let before = node.client.checkpoint().await;
    let health = node.client.clone();
    until(&health, ServingStatus::Serving).await;

    // As SQLite ends a transaction by itself when the disk is full.
    let mut disk = merits_sqlite::durable(&config.database())
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql(
        "CREATE TRIGGER full BEFORE INSERT ON leaf
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
    )
    .execute(&mut disk)
    .await
    .unwrap();
    set(&config.database(), 0o400);
    let entries = [founding.earn(2), founding.earn(2)];
    for entry in &entries {
        let fault = node.client.submit(entry).await.unwrap_err();
        assert_eq!(fault.reason, Reason::CannotWrite, "{fault:?}");
        assert_eq!(fault.code, tonic::Code::Unavailable);
        assert!(
            fault.may_retry() && fault.signed_refusal.is_empty(),
            "{fault:?}"
        );
        let path = dir.path().display().to_string();
        assert!(!fault.message.contains(&path), "{}", fault.message);
    }
    until(&health, ServingStatus::NotServing).await;
    // The stored log is still served.
    assert_eq!(node.client.checkpoint().await, before);
    assert!(
        node.client
            .submit(&acknowledged)
            .await
            .unwrap()
            .already_present
    );

    sqlx::raw_sql("DROP TRIGGER full")
        .execute(&mut disk)
        .await
        .unwrap();
    disk.close().await.unwrap();
    set(&config.database(), 0o600);
    for entry in &entries {
        let answer = node.client.submit_when_it_can(entry).await;
        assert!(!answer.already_present, "it was not taken before");
    }
    until(&health, ServingStatus::Serving).await;
    let after = node.client.checkpoint_after(&before).await;
    assert_eq!(after.size, before.size + 2);
    node.coordinator.shutdown().await.unwrap();
    let mut node = Node::start(config).await;
    assert_eq!(node.client.checkpoint().await, after);
    node.coordinator.shutdown().await.unwrap();
}
