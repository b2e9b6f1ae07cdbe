//! Where standard output cannot be written, a command ends its work and says so.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::cli::{
    run::root,
    signing::{DAYS, rows, source, write},
};

fn onto(directory: &Path, stdout: Stdio, stderr: Stdio, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_merits"))
        .args(arguments.split_whitespace())
        .current_dir(directory)
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .expect("the command starts")
        .wait_with_output()
        .expect("it ends")
}

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it")
        .into()
}

/// Regression: each of these ended by a panic, with exit code 101.
#[test]
fn a_full_disk_behind_the_standard_output_is_told() {
    for arguments in [
        "scale explain params/scales/reading",
        "scale check params/scales/reading",
        "verify tests/it/cli/federation/batch.receipt --kit tests/it/cli/federation/kit --allow-dev-keys",
        "--help",
        "scale --help",
    ] {
        let ran = onto(root(), full(), Stdio::piped(), arguments);
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{arguments}: {said}");
        assert!(said.contains("standard output cannot be written"), "{said}");
        assert!(said.contains("there is no room on its disk"), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    // With nobody to tell it to.
    let ran = onto(root(), full(), full(), "scale check params/scales/reading");
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let ran = onto(root(), Stdio::piped(), full(), "scale check no-such-scale");
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
}

/// A signature is final: the bundle must exist, even if the messages about it are lost.
#[test]
fn work_is_ended_when_nobody_can_be_told() {
    let source = source(DAYS);
    let here = source.path();
    write(here, "steps.csv", &rows());
    let command = |output: &str| {
        format!(
            "source sign --config source.toml --input steps.csv --output {output} \
             --complete-from 2016-04-01 --complete-until 2016-05-31"
        )
    };
    let ran = onto(here, full(), Stdio::piped(), &command("full.jsonl"));
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let ran = onto(here, closed(), Stdio::piped(), &command("closed.jsonl"));
    assert_eq!(ran.status.code(), Some(141), "{ran:?}");
    assert!(ran.stderr.is_empty(), "{ran:?}");
    let ran = onto(here, Stdio::piped(), Stdio::piped(), &command("told.jsonl"));
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let bundle = |name: &str| fs::read(here.join(name)).expect("written");
    assert_eq!(bundle("full.jsonl"), bundle("told.jsonl"));
    assert_eq!(bundle("closed.jsonl"), bundle("told.jsonl"));
}

/// A pipe whose reader has gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    writer.into()
}
