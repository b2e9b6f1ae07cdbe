//! A ledger is founded only on request. Anything missing, older or foreign is refused by name, and
//! nothing is made in its place.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use merits_coordinator::{Config, Coordinator, StartError, SystemClock, fsck, raise_mark};
use merits_proto::Reason;
use merits_replica::{JoinError, LedgerConfig, MarkError};

use crate::federation::{Founding, Node, table};

async fn start(config: &Config) -> Result<Coordinator, StartError> {
    Coordinator::start(config.clone(), Arc::new(SystemClock)).await
}

async fn found(config: &Config) -> Result<Coordinator, StartError> {
    Coordinator::found(config.clone(), Arc::new(SystemClock)).await
}

/// A stopped ledger with its founding entries.
async fn stopped(founding: &Founding, dir: &Path) -> Config {
    let config = founding.config(dir);
    let node = Node::founded(founding, config.clone()).await;
    node.coordinator.shutdown().await.unwrap();
    config
}

/// Every file below a folder, with its content.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !["lock", "-shm", "-wal"]
            .iter()
            .any(|end| path.to_string_lossy().ends_with(end))
        {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn nothing_is_founded_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let config = Founding::new(70).config(dir.path());
    let error = start(&config).await.unwrap_err();
    assert!(matches!(error, StartError::NotFounded { .. }), "{error}");
    assert!(error.to_string().contains("--found"), "{error}");
    assert_eq!(files(dir.path()), [], "nothing was made");
    assert!(!config.data_dir.exists());

    // An empty file, as after a full disk, is not a ledger either.
    fs::create_dir(&config.data_dir).unwrap();
    fs::write(config.database(), "").unwrap();
    let error = start(&config).await.unwrap_err();
    assert!(matches!(error, StartError::NotFounded { .. }), "{error}");
    found(&config).await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn a_ledger_is_founded_once() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(71);
    let config = stopped(&founding, dir.path()).await;
    let before = files(dir.path());
    let error = found(&config).await.unwrap_err();
    assert!(
        matches!(error, StartError::AlreadyFounded { .. }),
        "{error}"
    );
    assert_eq!(files(dir.path()), before);
    start(&config).await.unwrap().shutdown().await.unwrap();
}

/// Regression: an empty or older database beside an existing key was served without a warning.
#[tokio::test]
async fn a_database_that_is_gone_is_not_founded_again() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(72);
    let config = stopped(&founding, dir.path()).await;
    let kept = files(dir.path());
    let (key, mark) = (config.log_key_file(), config.high_water_mark.clone());
    // The whole database, or an empty one in its place; with key and mark, with either alone.
    for (empty, left) in [
        (false, vec![&key, &mark]),
        (true, vec![&key, &mark]),
        (false, vec![&key]),
        (false, vec![&mark]),
        (true, vec![&mark]),
    ] {
        for path in [&config.database(), &key, &mark] {
            let _ = fs::remove_file(path);
        }
        for path in &left {
            let content = &kept.iter().find(|(known, _)| known == *path).unwrap().1;
            fs::write(path, content).unwrap();
            private(path);
        }
        if empty {
            fs::write(config.database(), "").unwrap();
        }
        let before = files(dir.path());
        for error in [
            start(&config).await.unwrap_err(),
            found(&config).await.unwrap_err(),
        ] {
            assert!(matches!(error, StartError::Lost { .. }), "{error}");
            assert!(error.to_string().contains("restore"), "{error}");
        }
        assert_eq!(files(dir.path()), before, "nothing was made");
    }
}

/// Regression: what lay elsewhere, or had something else in its place, was told as lost.
#[tokio::test]
async fn a_place_that_is_something_else_is_told_as_that() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(73);
    let config = stopped(&founding, dir.path()).await;
    let away = dir.path().join("away");
    for place in [&config.data_dir, &config.database()] {
        fs::rename(place, &away).unwrap();
        for says in ["it is a pipe", "a link to nothing", "lead in a circle"] {
            match says {
                "it is a pipe" => {
                    let made = std::process::Command::new("mkfifo").arg(place).status();
                    assert!(made.unwrap().success());
                }
                "a link to nothing" => {
                    std::os::unix::fs::symlink(dir.path().join("nothing"), place).unwrap();
                }
                _ => std::os::unix::fs::symlink(place, place).unwrap(),
            }
            for error in [
                start(&config).await.unwrap_err(),
                found(&config).await.unwrap_err(),
            ] {
                let said = error.to_string();
                let named = said.contains(&place.display().to_string());
                assert!(named && said.contains(says), "{said}");
            }
            fs::remove_file(place).unwrap();
        }
        fs::rename(&away, place).unwrap();
    }
    let coordinator = start(&config).await.unwrap();
    coordinator.shutdown().await.unwrap();
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_missing_key_beside_a_log_is_an_error_and_not_a_new_key() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(73);
    let config = stopped(&founding, dir.path()).await;
    let elsewhere = dir.path().join("log.key.copy");
    fs::rename(config.log_key_file(), &elsewhere).unwrap();
    let error = start(&config).await.unwrap_err();
    assert!(matches!(error, StartError::LogKeyMissing { .. }), "{error}");
    assert!(!config.log_key_file().exists());
    fs::rename(&elsewhere, config.log_key_file()).unwrap();
    start(&config).await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn another_logs_key_is_not_this_logs() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let founding = Founding::new(74);
    let config = stopped(&founding, one.path()).await;
    let other = stopped(&founding, other.path()).await;
    let config = Config {
        log_key: Some(other.log_key_file()),
        high_water_mark: other.high_water_mark,
        ..config
    };
    let error = start(&config).await.unwrap_err();
    assert!(matches!(error, StartError::OtherLogKey { .. }), "{error}");
}

/// An interrupted founding is reported, and can be repeated after its files are deleted.
#[tokio::test]
async fn a_founding_that_was_cut_off_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(75);
    let config = stopped(&founding, dir.path()).await;
    fs::write(config.data_dir.join("founding"), "").unwrap();
    for error in [
        start(&config).await.unwrap_err(),
        found(&config).await.unwrap_err(),
    ] {
        let StartError::FoundingInterrupted { made, .. } = error else {
            panic!("{error}");
        };
        assert!(made.contains(&config.log_key_file()));
    }
    // A failed founding leaves nothing.
    let fresh = tempfile::tempdir().unwrap();
    let config = founding.config(fresh.path());
    let lost = Config {
        high_water_mark: fresh.path().join("not-there/mark"),
        ..config.clone()
    };
    assert!(found(&lost).await.is_err());
    let no_key = Config {
        log_key: Some(fresh.path().join("not-there/log.key")),
        ..config.clone()
    };
    assert!(found(&no_key).await.is_err());
    assert_eq!(files(fresh.path()), []);
    found(&config).await.unwrap().shutdown().await.unwrap();
}

#[tokio::test]
async fn an_older_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(76);
    let config = stopped(&founding, dir.path()).await;
    let older = fs::read(config.database()).unwrap();
    let mut node = Node::start(config.clone()).await;
    node.client.submit(&founding.earn(4)).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    let newest = fs::read(config.database()).unwrap();

    fs::write(config.database(), &older).unwrap();
    let error = start(&config).await.unwrap_err();
    let size = founding.entries.len() as u64;
    assert!(
        matches!(
            error,
            StartError::Mark(MarkError::Below { mark, found, .. }) if mark == size + 1 && found == size
        ),
        "{error}"
    );
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    assert!(
        report.findings.iter().any(|f| f.place == "mark"),
        "{report}"
    );

    // The same length with another history: entries for which nobody has receipts.
    let mark = fs::read(&config.high_water_mark).unwrap();
    fs::remove_file(&config.high_water_mark).unwrap();
    let error = start(&config).await.unwrap_err();
    assert!(matches!(error, StartError::MarkMissing { .. }), "{error}");
    raise_to(&config, &older).await;
    let mut node = Node::start(config.clone()).await;
    node.client.submit(&founding.earn(3)).await.unwrap();
    node.coordinator.shutdown().await.unwrap();
    fs::write(&config.high_water_mark, &mark).unwrap();
    let error = start(&config).await.unwrap_err();
    assert!(
        matches!(error, StartError::Mark(MarkError::Contradicts { .. })),
        "{error}"
    );
    let report = fsck(&config, &mut rand::rng()).await.unwrap();
    assert!(
        report.findings.iter().any(|f| f.place == "mark"),
        "{report}"
    );

    fs::write(config.database(), &newest).unwrap();
    assert!(fsck(&config, &mut rand::rng()).await.unwrap().is_clean());
    start(&config).await.unwrap().shutdown().await.unwrap();
}

/// Makes the mark from the checkpoint in a database, as an operator does who forks the log.
async fn raise_to(config: &Config, database: &[u8]) {
    use sqlx::{Connection as _, SqliteConnection};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.sqlite");
    fs::write(&path, database).unwrap();
    let url = format!("sqlite://{}", path.display());
    let mut db = SqliteConnection::connect(&url).await.unwrap();
    let note: String = sqlx::query_scalar("SELECT checkpoint FROM log")
        .fetch_one(&mut db)
        .await
        .unwrap();
    let file = dir.path().join("checkpoint.txt");
    fs::write(&file, note).unwrap();
    raise_mark(config, &file).await.unwrap();
}

#[tokio::test]
async fn the_mark_is_what_was_handed_out_and_lies_outside_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(77);
    let config = founding.config(dir.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    for _ in 0..3 {
        node.client.submit(&founding.earn(2)).await.unwrap();
        let newest = node.client.checkpoint().await;
        let mark = fs::read_to_string(&config.high_water_mark).unwrap();
        assert_eq!(mark.lines().nth(1), Some(newest.size.to_string().as_str()));
    }
    // A second server cannot use the same mark.
    let other = tempfile::tempdir().unwrap();
    let second = Config {
        high_water_mark: config.high_water_mark.clone(),
        ..founding.config(other.path())
    };
    assert!(matches!(
        found(&second).await.unwrap_err(),
        StartError::Lost { .. }
    ));
    node.coordinator.shutdown().await.unwrap();

    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&config.data_dir, &link).unwrap();
    for inside in [
        config.data_dir.join("mark"),
        config.data_dir.join("../data/mark"),
        link.join("mark"),
    ] {
        let config = Config {
            high_water_mark: inside,
            ..config.clone()
        };
        let error = start(&config).await.unwrap_err();
        assert!(
            matches!(error, StartError::Mark(MarkError::Inside { .. })),
            "{error}"
        );
    }
    // A mark that is not a checkpoint of this log.
    let text = fs::read_to_string(&config.high_water_mark).unwrap();
    for wrong in ["", "12\n", &text.replacen('1', "2", 1)] {
        fs::write(&config.high_water_mark, wrong).unwrap();
        let error = start(&config).await.unwrap_err();
        assert!(
            matches!(error, StartError::Mark(MarkError::Malformed { .. })),
            "{error}"
        );
    }
}

/// Regression: `anchor_seconds` and other facts were changed, and the start did not report it.
#[tokio::test]
async fn each_founding_fact_that_was_changed_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(78);
    let config = stopped(&founding, dir.path()).await;
    type Change = fn(&mut Config);
    let changes: [(&str, Change); 6] = [
        ("board", |config| {
            let second = "ab".repeat(32);
            config.board = format!(
                "ordinary 1; trust 2; delay 0; consents 0; supervisors {second}; witnesses"
            );
        }),
        ("anchor_seconds", |config| {
            config.anchor_seconds = config.anchor_seconds.saturating_add(1);
        }),
        ("least_claims_per_total", |config| {
            config.least_claims_per_total += 1;
        }),
        ("tickets", |config| config.tickets = !config.tickets),
        ("allow_dev_keys", |config| config.allow_dev_keys = false),
        ("authority", |config| config.authority = "ab".repeat(32)),
    ];
    for (name, change) in changes {
        let mut changed = config.clone();
        change(&mut changed);
        let error = start(&changed).await.unwrap_err();
        let StartError::OtherFacts { facts, .. } = &error else {
            panic!("{name}: {error}");
        };
        assert_eq!(facts.len(), 1, "{error}");
        assert_eq!(facts[0].name, name);
        let said = error.to_string();
        assert!(said.contains(facts[0].founded.as_ref().unwrap()), "{said}");
        assert!(!said.contains("backup"), "{said}");
    }
    start(&config).await.unwrap().shutdown().await.unwrap();
}

/// Regression: after 60 acknowledged entries and a graceful stop, `ledger.sqlite` had 4 KiB.
#[tokio::test]
async fn after_a_stop_the_file_alone_is_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(79);
    let config = founding.config(dir.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    for _ in 0..60 {
        node.client.submit(&founding.earn(1)).await.unwrap();
    }
    let before = node.client.checkpoint().await;
    node.coordinator.shutdown().await.unwrap();
    let wal = config.data_dir.join("ledger.sqlite-wal");
    assert!(fs::metadata(&wal).map_or(0, |file| file.len()) == 0);
    // The files of a careless backup: the database and the key.
    let other = tempfile::tempdir().unwrap();
    let copied = founding.config(other.path());
    fs::create_dir(&copied.data_dir).unwrap();
    fs::copy(config.database(), copied.database()).unwrap();
    fs::copy(config.log_key_file(), copied.log_key_file()).unwrap();
    fs::copy(&config.high_water_mark, &copied.high_water_mark).unwrap();
    let mut node = Node::start(copied).await;
    assert_eq!(node.client.checkpoint().await, before);
    node.coordinator.shutdown().await.unwrap();
}

/// A coordinator that cannot raise its high-water mark publishes nothing newer, and continues when
/// it can.
#[tokio::test]
async fn a_coordinator_without_its_mark_hands_out_nothing_and_goes_on_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(80);
    let marks = dir.path().join("marks");
    fs::create_dir(&marks).unwrap();
    let config = Config {
        high_water_mark: marks.join("ledger.mark"),
        ..founding.config(dir.path())
    };
    let mut node = Node::founded(&founding, config.clone()).await;
    let before = node.client.checkpoint().await;
    fs::remove_dir_all(&marks).unwrap();
    let entry = founding.earn(2);
    for _ in 0..2 {
        let fault = node.client.submit(&entry).await.unwrap_err();
        assert!(fault.signed_refusal.is_empty(), "{fault:?}");
        assert_eq!(fault.reason, Reason::CannotWrite);
        assert!(fault.may_retry() && fault.leaves_open(), "{fault:?}");
        assert_eq!(node.client.checkpoint().await, before, "it is not shown");
    }
    fs::create_dir(&marks).unwrap();
    // The entry is durable although nobody was told. Asked again, the coordinator returns its
    // receipt.
    let answer = node.client.submit_when_it_can(&entry).await;
    assert!(answer.already_present);
    assert!(node.client.checkpoint_after(&before).await.size > before.size);
    let other = founding.earn(2);
    assert!(!node.client.submit(&other).await.unwrap().already_present);

    // A coordinator that stops in that state reports why, and folds too.
    fs::remove_dir_all(&marks).unwrap();
    let last = founding.earn(2);
    assert!(node.client.submit(&last).await.is_err());
    let error = node.coordinator.shutdown().await.unwrap_err();
    assert!(error.to_string().contains("high-water mark"), "{error}");
    let wal = config.data_dir.join("ledger.sqlite-wal");
    assert!(fs::metadata(&wal).map_or(0, |file| file.len()) == 0);
}

/// A difference in a follower's table is reported by name, before anything is fetched.
#[tokio::test]
async fn a_followers_founding_facts_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(81);
    let node = Node::founded(&founding, founding.config(dir.path())).await;
    let policy = founding.federation.policy();
    let right = table(&node, &policy, dir.path());
    let wrong = LedgerConfig {
        anchor_seconds: right.anchor_seconds.saturating_add(1),
        ..right.clone()
    };
    let error = wrong.follow().await.unwrap_err();
    assert!(
        matches!(&error, JoinError::OtherFacts(facts) if facts.len() == 1),
        "{error}"
    );
    assert!(error.to_string().contains("anchor_seconds"), "{error}");
    assert!(!right.replica.exists());
    let follower = right.follow().await.unwrap();
    follower.sync().await.unwrap();
    node.coordinator.shutdown().await.unwrap();
}

/// A start that is refused leaves no folder, no lock and no key behind.
#[tokio::test]
async fn a_refused_founding_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let good = Founding::new(79).config(dir.path());
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = dir.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o770)).unwrap();
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Config));
    let changes: [Change<'_>; 5] = [
        ("cannot listen", &|config| {
            config.listen = taken.local_addr().unwrap();
        }),
        ("the folder that it guards", &|config| {
            config.high_water_mark = config.data_dir.join("mark");
        }),
        ("is not a folder", &|config| {
            config.high_water_mark = dir.path().join("nowhere/mark");
        }),
        ("folder for the log key", &|config| {
            config.log_key = Some(open.join("log.key"));
        }),
        ("folder for the log key", &|config| {
            config.log_key = Some(dir.path().join("nowhere/log.key"));
        }),
    ];
    for (why, change) in changes {
        let mut config = good.clone();
        change(&mut config);
        let error = found(&config).await.unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
        assert!(!config.data_dir.exists(), "{why}");
        assert_eq!(files(dir.path()), [], "{why}");
    }
    found(&good).await.unwrap().shutdown().await.unwrap();

    // A mark or a key in a folder that is made for the data is not a fault.
    let mut config = good.clone();
    config.data_dir = dir.path().join("new/data");
    config.high_water_mark = dir.path().join("new/ledger.mark");
    config.log_key = Some(dir.path().join("new/log.key"));
    found(&config).await.unwrap().shutdown().await.unwrap();
}
