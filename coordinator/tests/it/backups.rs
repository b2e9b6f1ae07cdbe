//! Backups of a running coordinator, and the refusals of a restore.

use std::{fs, path::Path, sync::Arc};

use merits_coordinator::{
    BackupError, Config, Coordinator, StartError, SystemClock, backup, fsck, raise_mark, restore,
};
use merits_replica::MarkError;
use merits_sqlite::FileError;

use crate::federation::{Founding, Node};

/// A running coordinator with its founding entries.
pub(crate) async fn running(founding: &Founding, dir: &Path) -> (Config, Node) {
    let config = founding.config(dir);
    let node = Node::founded(founding, config.clone()).await;
    (config, node)
}

/// Another machine: the same facts, the same key, nothing else.
pub(crate) fn elsewhere(founding: &Founding, dir: &Path, config: &Config) -> Config {
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
    let older = dir.path().join("older.checkpoint");
    fs::copy(&config.high_water_mark, &older).unwrap();
    for _ in 0..3 {
        node.client.submit(&founding.earn(4)).await.unwrap();
    }
    let before = node.client.checkpoint().await;
    let output = dir.path().join("ledger.backup");
    let kept = backup(&config, &output, &mut rand::rng()).await.unwrap();
    assert_eq!(kept.checkpoint, before);
    // It continues undisturbed, and a second backup does not replace the first.
    node.client.submit(&founding.earn(4)).await.unwrap();
    let error = backup(&config, &output, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not overwritten"), "{error}");
    let newest = node.client.checkpoint().await;
    node.coordinator.shutdown().await.unwrap();

    let other = tempfile::tempdir().unwrap();
    let restored = elsewhere(&founding, other.path(), &config);
    // Without a confirmation it would be a lost ledger.
    let error = Coordinator::start(restored.clone(), Arc::new(SystemClock))
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::Lost { .. }), "{error}");
    let own = kept.checkpoint_file.clone();
    // The backup's own checkpoint shows nothing about later entries, and nothing else here does.
    let error = restore(&restored, &output, &own, false, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(
        matches!(error, BackupError::OwnCheckpoint { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("--nothing-newer"), "{error}");
    // An older one shows even less; it used to be accepted nevertheless.
    let error = restore(&restored, &output, &older, false, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(
        matches!(error, BackupError::OwnCheckpoint { .. }),
        "{error}"
    );
    assert!(!restored.database().exists() && !restored.high_water_mark.exists());
    restore(&restored, &output, &own, true, &mut rand::rng())
        .await
        .unwrap();
    assert!(fsck(&restored, &mut rand::rng()).await.unwrap().is_clean());
    let mut node = Node::start(restored.clone()).await;
    assert_eq!(node.client.checkpoint().await, before);
    node.coordinator.shutdown().await.unwrap();

    // Nothing is overwritten.
    let error = restore(&restored, &output, &own, false, &mut rand::rng())
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
    let newer = config.high_water_mark.as_path();
    let error = restore(&behind, &output, newer, true, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(
        matches!(error, BackupError::Behind { found, needed, .. }
            if (found, needed) == (before.size, newest.size)),
        "{error}"
    );
    assert!(!behind.database().exists() && !behind.high_water_mark.exists());

    // The mark of this machine counts, whatever checkpoint is named.
    fs::copy(&config.high_water_mark, &behind.high_water_mark).unwrap();
    let error = restore(&behind, &output, &own, true, &mut rand::rng())
        .await
        .unwrap_err();
    assert!(matches!(error, BackupError::Behind { .. }), "{error}");
    assert!(!behind.database().exists());

    // A mark that the backup reaches is enough.
    fs::copy(&own, &behind.high_water_mark).unwrap();
    restore(&behind, &output, &own, false, &mut rand::rng())
        .await
        .unwrap();
}

/// Regression: the error was SQLite's text, such as "(code: 26) file is not a database".
#[tokio::test]
async fn what_is_no_whole_backup_is_named_as_what_it_is() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let founding = Founding::new(66);
    let (config, node) = running(&founding, one.path()).await;
    let good = one.path().join("ledger.backup");
    let kept = backup(&config, &good, &mut rand::rng()).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    let restored = elsewhere(&founding, two.path(), &config);
    let whole = fs::read(&good).unwrap();
    let given = two.path().join("given.backup");
    for (bytes, said) in [
        (None, "there is no file"),
        (Some(&b""[..]), "is not a SQLite database (it is empty)"),
        (Some(b"a text\n"), "is not a SQLite database (it is a text)"),
        (Some(&whole[..whole.len() / 2]), "ends early"),
        (Some(&whole[..40]), "ends early"),
    ] {
        if let Some(bytes) = bytes {
            fs::write(&given, bytes).unwrap();
        }
        let own = &kept.checkpoint_file;
        let error = restore(&restored, &given, own, true, &mut rand::rng()).await;
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains(said) && text.contains("given.backup"),
            "{text}"
        );
        assert!(!text.contains("code:"), "{text}");
        assert!(!restored.database().exists() && !restored.high_water_mark.exists());
    }
    // A file that is not a checkpoint.
    for (path, said) in [
        (two.path().join("nowhere"), "there is no such file"),
        (two.path().to_owned(), "is a folder"),
        (good.clone(), "it is not text"),
    ] {
        let error = restore(&restored, &good, &path, true, &mut rand::rng()).await;
        let text = error.unwrap_err().to_string();
        assert!(text.contains(said) && !text.contains("os error"), "{text}");
    }
    // An editor's byte order mark changes nothing, also in the high-water mark.
    let own = &kept.checkpoint_file;
    let marked = |path: &Path| format!("\u{feff}{}", fs::read_to_string(path).unwrap());
    let edited = two.path().join("edited.checkpoint");
    fs::write(&edited, marked(own)).unwrap();
    restore(&restored, &good, &edited, true, &mut rand::rng())
        .await
        .unwrap();
    let mark = &restored.high_water_mark;
    fs::write(mark, marked(mark)).unwrap();
    let node = Node::start(restored.clone()).await;
    node.coordinator.shutdown().await.unwrap();
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
            let put = restore(&target, &input, &checkpoint, true, &mut rand::rng()).await;
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
    // SQLite would apply a leftover log of another database to the restored one.
    let wal = target.data_dir.join("ledger.sqlite-wal");
    fs::write(&wal, "leftover").unwrap();
    put(good.clone(), own.clone()).await;
    fs::remove_file(&wal).unwrap();
    restore(&target, &good, own, true, &mut rand::rng())
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
    assert!(
        matches!(error, BackupError::Unsound { live: true, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("restore an older"), "{error}");
    assert!(!output.exists() && !dir.path().join("ledger.backup.checkpoint").exists());
    let left = fs::read_dir(dir.path()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("part")
    });
    assert_eq!(left.count(), 0);
}

/// Regression: with a mistyped setting, a sound ledger was replayed by the wrong rules, and the
/// result said "restore a backup".
#[tokio::test]
async fn other_founding_facts_are_named_and_nothing_is_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(63);
    let (config, mut node) = running(&founding, dir.path()).await;
    node.client.submit(&founding.earn(4)).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    let good = dir.path().join("good");
    let kept = backup(&config, &good, &mut rand::rng()).await.unwrap();
    let third = tempfile::tempdir().unwrap();
    let target = elsewhere(&founding, third.path(), &config);
    type Change = fn(&mut Config);
    let changes: [(&str, Change); 4] = [
        ("origin", |config| {
            config.origin = "other.example/merits".into()
        }),
        ("authority", |config| config.authority = "ab".repeat(32)),
        ("anchor_seconds", |config| {
            config.anchor_seconds = config.anchor_seconds.saturating_add(1);
        }),
        ("tickets", |config| config.tickets = !config.tickets),
    ];
    for (name, change) in changes {
        let (mut here, mut there) = (config.clone(), target.clone());
        change(&mut here);
        change(&mut there);
        let output = dir.path().join("never");
        let own = kept.checkpoint_file.as_path();
        let rng = &mut rand::rng();
        let ledger = |error| match error {
            BackupError::Ledger(error) => error,
            other => panic!("{name}: {other}"),
        };
        let errors = [
            (config.database(), fsck(&here, rng).await.unwrap_err()),
            (
                config.database(),
                ledger(backup(&here, &output, rng).await.unwrap_err()),
            ),
            (
                config.database(),
                ledger(raise_mark(&here, own).await.unwrap_err()),
            ),
            (
                good.clone(),
                ledger(restore(&there, &good, own, true, rng).await.unwrap_err()),
            ),
        ];
        for (path, error) in errors {
            let said = error.to_string();
            let StartError::OtherFacts { database, facts } = error else {
                panic!("{name}: {said}");
            };
            assert_eq!((database, facts.len()), (path, 1), "{said}");
            assert_eq!(facts[0].name, name, "{said}");
            assert!(
                !said.contains("restore") && !said.contains("rules"),
                "{said}"
            );
        }
        assert!(!output.exists() && !target.database().exists());
    }
    assert!(fsck(&config, &mut rand::rng()).await.unwrap().is_clean());
}

/// Regression: a mark was replaced by any larger checkpoint that the log's key had signed, even by
/// one of another history than the database's.
#[tokio::test]
async fn a_mark_is_raised_within_one_history_only() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(64);
    let (config, node) = running(&founding, dir.path()).await;
    node.coordinator.shutdown().await.unwrap();
    let mark = config.high_water_mark.clone();
    let size = founding.entries.len() as u64;
    let older = fs::read(config.database()).unwrap();
    let at_older = dir.path().join("older.checkpoint");
    fs::copy(&mark, &at_older).unwrap();
    // Two histories after it, as when an operator serves an older copy.
    let mut histories = Vec::new();
    for count in [2, 3] {
        fs::write(config.database(), &older).unwrap();
        fs::copy(&at_older, &mark).unwrap();
        let mut node = Node::start(config.clone()).await;
        for _ in 0..count {
            node.client.submit(&founding.earn(2)).await.unwrap();
        }
        node.coordinator.shutdown().await.unwrap();
        let kept = dir.path().join(format!("{count}.checkpoint"));
        fs::copy(&mark, &kept).unwrap();
        histories.push((fs::read(config.database()).unwrap(), kept));
    }
    let [(one, at_one), (two, at_two)] = <[_; 2]>::try_from(histories).unwrap();
    let set = |database: &[u8], marked: Option<&Path>| {
        fs::write(config.database(), database).unwrap();
        match marked {
            Some(marked) => {
                fs::copy(marked, &mark).unwrap();
            }
            None => {
                let _ = fs::remove_file(&mark);
            }
        }
    };
    let marked = || fs::read_to_string(&mark).ok();
    let text = |path: &Path| Some(fs::read_to_string(path).unwrap());

    // The database continues the new checkpoint, but not the existing mark.
    set(&two, Some(&at_one));
    let error = raise_mark(&config, &at_two).await.unwrap_err();
    assert!(matches!(error, BackupError::OtherHistory { .. }), "{error}");
    assert_eq!(marked(), text(&at_one));
    // It continues neither of them any more.
    set(&two, None);
    let error = raise_mark(&config, &at_one).await.unwrap_err();
    assert!(matches!(error, BackupError::OtherHistory { .. }), "{error}");
    assert_eq!(marked(), None);
    // It does not reach the mark, so it cannot tell whether another one continues that.
    set(&older, Some(&at_one));
    let error = raise_mark(&config, &at_two).await.unwrap_err();
    assert!(
        matches!(error, BackupError::Behind { found, needed, .. } if (found, needed) == (size, size + 2)),
        "{error}"
    );
    assert_eq!(marked(), text(&at_one));
    // A mark is not lowered.
    set(&one, Some(&at_one));
    let error = raise_mark(&config, &at_older).await.unwrap_err();
    assert!(
        matches!(error, BackupError::Lower { mark, found, .. } if (mark, found) == (size + 2, size)),
        "{error}"
    );
    assert_eq!(marked(), text(&at_one));
    // A checkpoint that an older copy does not reach prevents serving it.
    set(&older, Some(&at_older));
    let raised = raise_mark(&config, &at_one).await.unwrap();
    assert_eq!((raised.checkpoint.size, raised.stored), (size + 2, size));
    let error = Coordinator::start(config.clone(), Arc::new(SystemClock))
        .await
        .unwrap_err();
    assert!(
        matches!(error, StartError::Mark(MarkError::Below { .. })),
        "{error}"
    );
    // The mark was lost, and a party has the checkpoint.
    set(&one, None);
    let raised = raise_mark(&config, &at_one).await.unwrap();
    assert_eq!(raised.stored, raised.checkpoint.size);
    assert_eq!(marked(), text(&at_one));
    Node::start(config.clone())
        .await
        .coordinator
        .shutdown()
        .await
        .unwrap();
}

/// fsck says what to do about the mark if the mark is at fault, and "restore" if the data is.
#[tokio::test]
async fn a_finding_about_the_mark_is_no_damage_of_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(65);
    let (config, node) = running(&founding, dir.path()).await;
    node.coordinator.shutdown().await.unwrap();
    fs::rename(&config.high_water_mark, dir.path().join("lost")).unwrap();
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    let said = report.to_string();
    assert!(!report.is_clean());
    assert!(said.contains("merits coordinator mark"), "{said}");
    assert!(
        !said.contains("damaged") && !said.contains("restore"),
        "{said}"
    );
    fs::write(&config.high_water_mark, "no checkpoint").unwrap();
    let said = fsck(&config, &mut rand::rng()).await.unwrap().to_string();
    assert!(
        !said.contains("damaged") && !said.contains("restore"),
        "{said}"
    );
    fs::rename(dir.path().join("lost"), &config.high_water_mark).unwrap();

    use sqlx::Connection as _;
    let url = format!("sqlite://{}", config.database().display());
    let mut db = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM node WHERE level = 0 AND idx = 1")
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
    let said = fsck(&config, &mut rand::rng()).await.unwrap().to_string();
    assert!(said.ends_with("damaged, restore a backup"), "{said}");
}
