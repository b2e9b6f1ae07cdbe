//! Backups of a running coordinator, and what a restore refuses.

use std::{fs, path::Path, sync::Arc};

use merits_coordinator::{
    BackupError, Config, Coordinator, StartError, SystemClock, backup, fsck, restore,
};
use merits_sqlite::FileError;

use crate::federation::{Founding, Node};

/// A running coordinator with its founding entries.
async fn running(founding: &Founding, dir: &Path) -> (Config, Node) {
    let config = founding.config(dir);
    let node = Node::founded(founding, config.clone()).await;
    (config, node)
}

/// Another machine: the same facts, the same key, nothing else.
fn elsewhere(founding: &Founding, dir: &Path, config: &Config) -> Config {
    let other = founding.config(dir);
    fs::create_dir_all(&other.data_dir).unwrap();
    fs::copy(config.log_key_file(), other.log_key_file()).unwrap();
    other
}

#[tokio::test]
async fn a_backup_of_a_running_coordinator_is_restored_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(60);
    let (config, mut node) = running(&founding, dir.path()).await;
    for _ in 0..3 {
        node.client.submit(&founding.earn(4)).await.unwrap();
    }
    let before = node.client.checkpoint().await;
    let output = dir.path().join("ledger.backup");
    let kept = backup(&config, &output, &mut rand::rng()).await.unwrap();
    assert_eq!(kept.checkpoint, before);
    // It goes on, and is not disturbed; no second backup takes the first one's place.
    node.client.submit(&founding.earn(4)).await.unwrap();
    let error = backup(&config, &output, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not overwritten"), "{error}");
    let newest = node.client.checkpoint().await;
    node.coordinator.shutdown().await.unwrap();

    let other = tempfile::tempdir().unwrap();
    let restored = elsewhere(&founding, other.path(), &config);
    // Without a word it would be a lost ledger.
    let error = Coordinator::start(restored.clone(), Arc::new(SystemClock))
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::Lost { .. }), "{error}");
    let own = kept.checkpoint_file.clone();
    restore(&restored, &output, &own, &mut rand::rng())
        .await
        .unwrap();
    assert!(fsck(&restored, &mut rand::rng()).await.unwrap().is_clean());
    let mut node = Node::start(restored.clone()).await;
    assert_eq!(node.client.checkpoint().await, before);
    node.coordinator.shutdown().await.unwrap();

    // Nothing is overwritten.
    let error = restore(&restored, &output, &own, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            BackupError::Ledger(StartError::Store(FileError::Exists { .. }))
        ),
        "{error}"
    );

    // A checkpoint that somebody has since then.
    let third = tempfile::tempdir().unwrap();
    let behind = elsewhere(&founding, third.path(), &config);
    let error = restore(&behind, &output, &config.high_water_mark, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(
        matches!(error, BackupError::Behind { found, needed, .. }
            if (found, needed) == (before.size, newest.size)),
        "{error}"
    );
    assert!(!behind.database().exists() && !behind.high_water_mark.exists());

    // The mark of this machine, whatever checkpoint is named.
    fs::copy(&config.high_water_mark, &behind.high_water_mark).unwrap();
    let error = restore(&behind, &output, &own, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(matches!(error, BackupError::Behind { .. }), "{error}");
    assert!(!behind.database().exists());
}

#[tokio::test]
async fn what_is_no_backup_of_this_ledger_is_not_put_back() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut founding = Founding::new(61);
    let (config, mut node) = running(&founding, one.path()).await;
    node.client.submit(&founding.earn(4)).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    // Another ledger of the same facts: another key.
    let (strange, node) = running(&founding, two.path()).await;
    node.coordinator.shutdown().await.unwrap();
    let good = one.path().join("good");
    let kept = backup(&config, &good, &mut rand::rng()).await.unwrap();
    let foreign = two.path().join("foreign");
    let foreign_kept = backup(&strange, &foreign, &mut rand::rng()).await.unwrap();

    let third = tempfile::tempdir().unwrap();
    let target = elsewhere(&founding, third.path(), &config);
    let bytes = fs::read(&good).unwrap();
    let bad = third.path().join("bad");
    let own = &kept.checkpoint_file;
    let put = |input: std::path::PathBuf, checkpoint: std::path::PathBuf| {
        let target = target.clone();
        async move {
            let put = restore(&target, &input, &checkpoint, &mut rand::rng()).await;
            let error = put.unwrap_err();
            assert!(!target.database().exists(), "{error}");
            assert!(!target.high_water_mark.exists(), "{error}");
            error
        }
    };
    // An empty file, a text, a truncated copy, one with a page of noise.
    let mut noisy = bytes.clone();
    let middle = noisy.len() / 2;
    noisy[middle..middle + 4_096].fill(0xa5);
    for wrong in [
        &b""[..],
        &b"not a database".repeat(99),
        &bytes[..bytes.len() / 2],
        &noisy,
    ] {
        fs::write(&bad, wrong).unwrap();
        put(bad.clone(), own.clone()).await;
    }
    let error = put(foreign.clone(), own.clone()).await;
    assert!(
        matches!(error, BackupError::Ledger(StartError::OtherLogKey { .. })),
        "{error}"
    );
    let error = put(good.clone(), foreign_kept.checkpoint_file.clone()).await;
    assert!(matches!(error, BackupError::Checkpoint { .. }), "{error}");
    let error = put(good.clone(), third.path().join("no-such-file")).await;
    assert!(matches!(error, BackupError::Checkpoint { .. }), "{error}");
    // Facts of another ledger.
    let changed = Config {
        anchor_seconds: target.anchor_seconds + 1,
        ..target.clone()
    };
    let error = restore(&changed, &good, own, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("anchor_seconds"), "{error}");
    // A leftover log of another database would be played into the restored one.
    let wal = target.data_dir.join("ledger.sqlite-wal");
    fs::write(&wal, "leftover").unwrap();
    put(good.clone(), own.clone()).await;
    fs::remove_file(&wal).unwrap();
    restore(&target, &good, own, &mut rand::rng())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_damaged_or_older_ledger_gives_no_backup() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(62);
    let (config, mut node) = running(&founding, dir.path()).await;
    let older = dir.path().join("older");
    backup(&config, &older, &mut rand::rng()).await.unwrap();
    node.client.submit(&founding.earn(4)).await.unwrap();
    node.coordinator.shutdown().await.unwrap();

    let newest = fs::read(config.database()).unwrap();
    fs::copy(&older, config.database()).unwrap();
    let output = dir.path().join("ledger.backup");
    let error = backup(&config, &output, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(matches!(error, BackupError::Behind { .. }), "{error}");
    fs::write(config.database(), newest).unwrap();

    use sqlx::Connection as _;
    let url = format!("sqlite://{}", config.database().display());
    let mut db = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM node WHERE level = 0 AND idx = 1")
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
    let error = backup(&config, &output, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(matches!(error, BackupError::Unsound { .. }), "{error}");
    assert!(!output.exists());
    let left = fs::read_dir(dir.path()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("part")
    });
    assert_eq!(left.count(), 0);
}
