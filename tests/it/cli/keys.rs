//! Key files: a secret that others could read, or of another kind, is not used; and nothing that
//! depends on a lost one is made again.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use crate::cli::{
    configuration::valid_log_key,
    founding::Ledger,
    run::{Ran, SAMPLE_LOG_KEY, edit, merits, samples_directory},
};

fn init(directory: &Path) -> Ran {
    merits(
        directory,
        &[
            "supervisor",
            "init",
            "--name",
            "city-supervisor",
            "--origin",
            "ledger.example.org/merits",
        ],
    )
}

#[test]
fn the_same_keys_and_name_give_the_same_party() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let first = init(directory.path());
    assert_eq!(first.succeeds("").stdout.trim().len(), 64, "{first:?}");
    assert_eq!(init(directory.path()).stdout, first.stdout);
    let other = merits(
        directory.path(),
        &[
            "supervisor",
            "init",
            "--name",
            "city-supervisor",
            "--origin",
            "other.example.org/merits",
        ],
    );
    assert_ne!(
        other.succeeds("").stdout,
        first.stdout,
        "an id belongs to one ledger"
    );
    for key in ["supervisor.key", "supervisor-sealing.key"] {
        let mode = fs::metadata(directory.path().join(key))
            .expect("made")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

/// Under the umask of many systems a folder is the group's too, and keys in such a folder are refused.
#[test]
fn the_first_command_does_not_refuse_the_folder_that_it_made() {
    let directory = samples_directory();
    let config = directory.path().join("distributor.toml");
    edit(&config, SAMPLE_LOG_KEY, &valid_log_key());
    edit(
        &config,
        "\"distributor.key\"",
        "\"keys/own/distributor.key\"",
    );
    for output in ["application.json", "again.json"] {
        let ran = Command::new("sh")
            .args(["-c", "umask 002 && exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_merits"))
            .args(["distributor", "apply", "--config", "distributor.toml"])
            .args(["--output", output])
            .current_dir(directory.path())
            .output()
            .expect("the command starts");
        assert!(ran.status.success(), "{ran:?}");
    }
    for folder in ["keys", "keys/own"] {
        let made = fs::metadata(directory.path().join(folder)).expect("made");
        assert_eq!(made.permissions().mode() & 0o777, 0o700, "{folder}");
    }
    // One that somebody else made so is named, with what to do.
    let keys = directory.path().join("keys/own");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o775)).expect("set");
    let apply = [
        "distributor",
        "apply",
        "--config",
        "distributor.toml",
        "--output",
        "third.json",
    ];
    let ran = merits(directory.path(), &apply);
    ran.refuses(&["its folder", "keys/own has mode 775", "chmod go-w"]);
}

/// Regression: they were 0664, and the database 0644.
#[test]
fn what_a_ledger_keeps_is_its_owners_whatever_the_umask_is() {
    let ledger = Ledger::found();
    let path = ledger.path();
    let ran = Command::new("sh")
        .args(["-c", "umask 002 && exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_merits"))
        .args(["coordinator", "backup", "--config", "coordinator.toml"])
        .args(["--output", "ledger.backup"])
        .current_dir(path)
        .output()
        .expect("the command starts");
    assert!(ran.status.success(), "{ran:?}");
    let files = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect()
    };
    let mut kept = files(&path.join("coordinator-data"));
    kept.extend(files(path).into_iter().filter(|file| {
        let name = file
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        name.starts_with("coordinator.mark") || name.starts_with("ledger.backup")
    }));
    for name in [
        "ledger.sqlite",
        "ledger.sqlite-wal",
        "ledger.backup.checkpoint",
    ] {
        assert!(
            kept.iter().any(|file| file.ends_with(name)),
            "{name}: {kept:?}"
        );
    }
    assert!(kept.len() >= 8, "{kept:?}");
    for file in kept {
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let folder = fs::metadata(path.join("coordinator-data")).expect("made");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

/// Regression: "else make a new one", of a key without which the ledger ends.
#[test]
fn a_log_key_that_others_may_read_or_that_is_damaged_says_what_to_do() {
    let mut ledger = Ledger::found();
    ledger.stop();
    let key = ledger.path().join("coordinator-data/log.key");
    let serve = "coordinator serve --config coordinator.toml";
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
    ledger
        .merits(serve)
        .refuses(&["log.key has mode 644", "chmod 600", "would end this ledger"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
    let text = fs::read_to_string(&key).expect("a key");
    for (left, said) in [("", "is empty"), (&text[..text.len() / 2], "is damaged")] {
        fs::write(&key, left).expect("written");
        ledger
            .merits(serve)
            .refuses(&["log.key", said, "put it back from your backup"]);
    }
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    init(directory.path()).succeeds("");
    let key = directory.path().join("supervisor.key");
    let secret = fs::read_to_string(&key).expect("a key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("set");
    let ran = init(directory.path());
    ran.refuses(&["supervisor.key", "644", "600"]);
    let digits = secret.split_whitespace().last().expect("digits");
    assert!(!ran.stderr.contains(digits), "the error shows the secret");
}

#[test]
fn a_damaged_key_or_one_of_another_kind_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    init(directory.path()).succeeds("");
    let (signing, sealing) = (
        directory.path().join("supervisor.key"),
        directory.path().join("supervisor-sealing.key"),
    );
    let good = fs::read(&signing).expect("a key");
    fs::write(&signing, fs::read(&sealing).expect("a key")).expect("written");
    init(directory.path()).refuses(&["supervisor.key", "party-ed25519"]);
    fs::write(&signing, &good[..good.len() - 3]).expect("written");
    init(directory.path()).refuses(&["supervisor.key", "party-ed25519"]);
}

#[test]
fn a_lost_key_beside_a_store_is_not_made_anew() {
    let directory = samples_directory();
    let config = directory.path().join("distributor.toml");
    edit(&config, SAMPLE_LOG_KEY, &valid_log_key());
    let status = ["distributor", "status", "--config", "distributor.toml"];
    merits(directory.path(), &status).refuses(&["distributor.sqlite", "merits distributor run"]);
    fs::write(
        directory.path().join("distributor.sqlite"),
        "SQLite format 3\0",
    )
    .expect("written");
    merits(directory.path(), &status).refuses(&["does not exist", "backup"]);
    assert!(!directory.path().join("store.key").exists());
}

/// A ledger has one evaluator's key for its life.
#[test]
fn an_evaluators_lost_key_is_not_made_anew() {
    let ledger = Ledger::found();
    ledger
        .merits("evaluator apply --config evaluator.toml --output evaluator.application")
        .succeeds("wrote");
    ledger
        .merits("supervisor admit --config supervisor.toml evaluator.application")
        .succeeds("admitted");
    let announce = "evaluator announce --config evaluator.toml";
    ledger.merits(announce).succeeds("announced");
    ledger.merits(announce).succeeds("already");
    let key = ledger.path().join("evaluator-voprf.key");
    fs::remove_file(&key).expect("made by the first");
    ledger
        .merits(announce)
        .refuses(&["does not exist", "evaluator-voprf.key", "backup"]);
    assert!(!key.exists());
}
