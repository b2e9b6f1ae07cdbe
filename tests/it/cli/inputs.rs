//! What a command reads has a limit, and its kind is judged before anything is read.
//!
//! None of these commands may wait or take memory: that the tests end is a part of them.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

use crate::cli::{
    run::{Ran, merits, root},
    signing::{DAYS, rows, sign, source, write},
};

/// A folder with a file of 3 GB that takes no room, and a pipe that nobody writes into.
fn traps() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let large = File::create(directory.path().join("large")).expect("made");
    large.set_len(3 << 30).expect("set");
    let made = Command::new("mkfifo")
        .arg(directory.path().join("pipe"))
        .status();
    assert!(made.expect("mkfifo runs").success());
    directory
}

/// The command refuses each trap with words.
#[track_caller]
fn refuses_traps(directory: &Path, command: impl Fn(&str) -> Ran) {
    for (trap, says) in [
        ("large", "bytes"),
        ("pipe", "a pipe"),
        ("/dev/zero", "a device"),
    ] {
        let ran = command(trap);
        assert_eq!(ran.code, Some(1), "{directory:?}: {ran:#?}");
        assert!(ran.stderr.contains(says), "{ran:#?}");
        assert!(ran.stderr.contains(trap), "{ran:#?}");
    }
}

#[test]
fn what_is_read_whole_has_a_limit_and_is_a_file() {
    let directory = traps();
    let here = directory.path();
    let kit = root().join("tests/it/cli/federation/kit");
    let kit = kit.to_str().expect("text");
    let line = |line: &str, trap: &str| {
        let words: Vec<&str> = line
            .split_whitespace()
            .map(|word| match word {
                "TRAP" => trap,
                "KIT" => kit,
                word => word,
            })
            .collect();
        merits(here, &words)
    };
    for command in [
        "verify TRAP --kit KIT",
        "verify attest --image TRAP --kit KIT --for office --nonce 1",
        "scale check TRAP",
        "scale explain TRAP",
        "kit --config TRAP --output new-kit",
        "coordinator serve --config TRAP",
        "supervisor serve --config TRAP",
        "source apply --config TRAP --output application",
        "distributor status --config TRAP",
        "exchange serve --config TRAP",
        "wallet create --dir wal --ledger TRAP",
        "wallet restore --backup TRAP --dir wal",
        "setup --r1cs TRAP --insecure-dev --out new.zkey",
    ] {
        // A circuit is read piece by piece: a large file is not a circuit.
        if command.starts_with("setup") {
            for trap in ["pipe", "/dev/zero"] {
                line(command, trap).refuses(&[trap]);
            }
            continue;
        }
        refuses_traps(here, |trap| line(command, trap));
    }
    let names = fs::read_dir(here).expect("readable").count();
    assert_eq!(names, 2, "nothing was made");
}

#[test]
fn records_are_no_device_and_no_folder() {
    let source = source(DAYS);
    let here = source.path();
    write(here, "steps.csv", &rows());
    for input in ["/dev/zero", "scale"] {
        sign(here, &format!("--input {input} --output bundle")).refuses(&[input]);
    }
    sign(here, "--input steps.csv --links /dev/zero --output bundle").refuses(&["/dev/zero"]);
    assert!(!here.join("bundle").exists());
}
