//! What programs keep is a regular file with a mode of its own, whatever stands under its name and whatever the umask
//! is; and an error about a file says what to do.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use crate::cli::{
    founding::Ledger,
    run::{Ran, edit},
    servers::{SERVERS, Server, with_servers},
    signing::{DAYS, rows, sign, source, write},
};

/// Runs `merits` from a shell, which does something before.
fn after(before: &str, directory: &Path, command: &str) -> Ran {
    let output = Command::new("sh")
        .args(["-c", &format!("{before} \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_merits"))
        .args(command.split_whitespace())
        .current_dir(directory)
        .env_remove("MERITS_LOG")
        .output()
        .expect("the shell starts");
    Ran {
        line: command.to_owned(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Puts a pipe and a folder in the place of a file; the server names each, and says what to do. One that waits is
/// ended, which its exit code tells.
#[track_caller]
fn refuses_in_place_of(directory: &Path, role: &str, name: &str) {
    let (path, away) = (directory.join(name), directory.join("away"));
    fs::rename(&path, &away).unwrap_or_else(|error| panic!("{name}: {error}"));
    let serve = format!("{role} serve --config {role}.toml");
    for found in ["a pipe", "a folder"] {
        if found == "a pipe" {
            let made = Command::new("mkfifo").arg(&path).status();
            assert!(made.expect("mkfifo runs").success());
        } else {
            fs::remove_file(&path).expect("the pipe");
            fs::create_dir(&path).expect("made");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("set");
        let ran = after("exec timeout 120", directory, &serve);
        // Servers say on standard error what they do, too.
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        for part in [name, &format!("it is {found}, and a file is expected")] {
            assert!(ran.stderr.contains(part), "{part:?} is not in {ran:#?}");
        }
        assert!(!ran.stderr.contains("chmod 600"), "{ran:#?}");
        assert_eq!(ran.stdout, "", "{ran:#?}");
    }
    fs::remove_dir(&path).expect("the folder");
    fs::rename(&away, &path).expect("moved back");
}

/// Regression: a pipe as a journal was read for ever, and a folder was told `chmod 600`.
#[test]
fn what_is_no_file_is_named_and_not_waited_for() {
    let mut ledger = with_servers();
    for role in SERVERS {
        let stopped = Server::start(ledger.path(), role).stop();
        assert!(stopped.success(), "{role}");
    }
    let here = ledger.path().to_owned();
    for (role, names) in [
        (
            "witness",
            &[
                "witness-journal.jsonl",
                "witness.mark",
                "witness.mark.lock",
                "witness.mark.journal",
                "witness.key",
                "witness-sealing.key",
                "witness-replica/lock",
                "witness-replica/copy.sqlite",
                "witness-replica/checkpoint.txt",
                "witness-replica/marked",
            ][..],
        ),
        ("supervisor", &["supervisor-journal.jsonl"][..]),
        ("exchange", &["exchange.sqlite", "exchange-store.key"][..]),
        ("evaluator", &["evaluator-voprf.key"][..]),
    ] {
        for name in names {
            refuses_in_place_of(&here, role, name);
        }
    }
    ledger.stop();
    for name in [
        "coordinator.mark",
        "coordinator.mark.lock",
        "coordinator-data/coordinator.lock",
        "coordinator-data/ledger.sqlite",
        "coordinator-data/log.key",
        "coordinator-data/last-seen",
    ] {
        refuses_in_place_of(&here, "coordinator", name);
    }
}

/// Regression: a full disk left empty keys and half a wallet under their names, and every later attempt was refused
/// because of them. No file of this shell's commands may have a byte, as if the disk were full.
#[test]
fn a_disk_without_room_leaves_nothing_under_the_names() {
    const FULL: &str = "trap '' XFSZ && ulimit -f 0 && exec";
    let ledger = Ledger::found();
    let here = ledger.path();
    for (command, made) in [
        (
            "sponsor apply --config sponsor.toml --output sponsor.application",
            "sponsor.key",
        ),
        ("wallet create --dir wal --ledger sponsor.toml", "wal"),
    ] {
        // The coordinator runs, and writes its own.
        let others = || {
            let mut all = everything(here);
            all.retain(|path| !path.to_string_lossy().contains("coordinator"));
            all.sort();
            all
        };
        let before = others();
        let full = after(FULL, here, command);
        assert_eq!(full.code, Some(1), "{full:#?}");
        assert_eq!(others(), before, "{full:#?}");
        let ran = after("exec", here, command);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(here.join(made).exists(), "{ran:#?}");
    }
}

/// Everything in a folder, and in those within it.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(everything(&path));
        }
        found.push(path);
    }
    found
}

/// Regression: a backup of mode 000, and folders that their owner could not enter.
#[test]
fn no_umask_takes_the_owners_rights() {
    for umask in ["0777", "0577"] {
        let ledger = Ledger::found_under(umask);
        let here = ledger.path();
        edit(
            &here.join("sponsor.toml"),
            "\"sponsor.key\"",
            "\"keys/own/sponsor.key\"",
        );
        for command in [
            "sponsor apply --config sponsor.toml --output sponsor.application",
            // The keys are read again.
            "sponsor apply --config sponsor.toml --output again.application",
            "coordinator backup --config coordinator.toml --output ledger.backup",
            "kit --config sponsor.toml --output kit",
            "scale new tariff --template tariff",
            "wallet create --dir wal --ledger sponsor.toml",
            "wallet identity --dir wal",
        ] {
            let ran = after(&format!("umask {umask} && exec"), here, command);
            assert_eq!(ran.code, Some(0), "{umask}: {ran:#?}");
        }
        let all = everything(here);
        for path in &all {
            let made = fs::metadata(path).expect("there");
            let (mode, owners) = (
                made.mode() & 0o777,
                if made.is_dir() { 0o700 } else { 0o600 },
            );
            assert_eq!(
                mode & 0o700,
                owners,
                "{umask}: {}: {mode:o}",
                path.display()
            );
        }
        let is_kept = |name: &str| {
            [".key", ".mark", ".mark.lock"]
                .iter()
                .any(|end| name.ends_with(end))
                || name.contains(".sqlite")
                || name.starts_with("ledger.backup")
        };
        let mut kept = Vec::new();
        for path in all {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            if is_kept(&name) {
                let mode = fs::metadata(&path).expect("there").mode() & 0o777;
                assert_eq!(mode, 0o600, "{umask}: {}: {mode:o}", path.display());
                kept.push(name);
            }
        }
        for name in [
            "ledger.sqlite",
            "ledger.sqlite-wal",
            "ledger.sqlite-shm",
            "log.key",
            "coordinator.mark",
            "coordinator.mark.lock",
            "ledger.backup",
            "ledger.backup.checkpoint",
            "copy.sqlite",
            "sponsor.key",
            "seed.key",
        ] {
            assert!(kept.iter().any(|kept| kept == name), "{name}: {kept:?}");
        }
    }
}

/// Regression: "No such file or directory (os error 2)", and nothing else.
#[test]
fn a_missing_file_or_folder_says_what_to_do() {
    let source = source(DAYS);
    let here = source.path();
    write(here, "steps.csv", &rows());
    let none = "there is no such file: see that the name is right";
    let missing = sign(here, "--input steps.csv --links none --output bundle");
    missing.refuses(&["links none", none]);
    assert!(!missing.stderr.contains("os error"), "{missing:#?}");
    let missing = sign(here, "--input none --output bundle");
    missing.refuses(&["none", none]);
    assert!(!missing.stderr.contains("os error"), "{missing:#?}");

    let ledger = Ledger::found();
    ledger
        .merits("wallet create --dir mine --ledger sponsor.toml")
        .succeeds("merits wallet backup");
    let folder = "its folder is not there: make it first";
    for (command, name, says) in [
        (
            "coordinator backup --config coordinator.toml --output nodir/x",
            "nodir/x",
            folder,
        ),
        (
            "sponsor apply --config sponsor.toml --output nodir/x",
            "nodir/x",
            folder,
        ),
        (
            "wallet register --dir mine --output nodir/x",
            "nodir/x",
            folder,
        ),
        ("verify none --kit none", "none", none),
        ("scale check none", "none", none),
        (
            "coordinator serve --config none",
            "none",
            "there is no such file",
        ),
        ("exchange serve --config none", "none", none),
        (
            "setup --r1cs none --insecure-dev --out x.zkey",
            "none",
            none,
        ),
        ("wallet restore --backup none --dir other", "none", none),
        (
            "wallet create --dir sponsor.toml/wal --ledger sponsor.toml",
            "sponsor.toml/wal",
            "a part of its path is a file",
        ),
    ] {
        let ran = ledger.merits(command);
        ran.refuses(&[name, says]);
        assert!(!ran.stderr.contains("os error"), "{ran:#?}");
    }
}
