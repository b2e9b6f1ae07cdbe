//! `merits witness cosign` and `merits verify evidence`, as somebody types them.

use std::{fs, path::Path};

use ed25519_dalek::SigningKey;
use merits_primitives::ids::Origin;
use merits_verifier::log::{Checkpoint, Evidence, LogSigner, SignedCheckpoint, WitnessKey};

use crate::cli::{merits, run::root};

fn log() -> LogSigner {
    let origin = Origin::new("log.example/merits").expect("a good name");
    LogSigner::new(origin, SigningKey::from_bytes(&[1; 32]))
}

fn signed(root: u8) -> SignedCheckpoint {
    let checkpoint = Checkpoint {
        origin: log().public().origin().clone(),
        size: 5,
        root: [root; 32],
    };
    checkpoint.sign(&log()).expect("its own log")
}

fn evidence(directory: &Path, first: u8, second: u8) {
    let evidence = Evidence {
        log: log().public().clone(),
        first: signed(first),
        second: signed(second),
        prefix: None,
    };
    fs::write(directory.join("evidence.txt"), evidence.to_string()).expect("written");
}

#[test]
fn evidence_convicts_or_does_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let run = |arguments: &[&str]| {
        let mut all = vec!["verify", "evidence", "evidence.txt"];
        all.extend(arguments);
        merits(directory.path(), &all)
    };
    evidence(directory.path(), 1, 2);
    let key = log().public().to_string();
    run(&["--log-key", &key]).succeeds("convicted   yes: the log signed two histories");
    // Anybody can make a key that names this log, and sign two histories with it.
    let unsaid = run(&[]);
    unsaid.refuses(&["anybody can make a key", "--log-key"]);
    assert!(
        unsaid.stdout.contains("convicted   nobody yet"),
        "{unsaid:#?}"
    );
    let other = LogSigner::new(
        log().public().origin().clone(),
        SigningKey::from_bytes(&[2; 32]),
    );
    run(&["--log-key", &other.public().to_string()]).refuses(&["is about the log"]);
    run(&["--log-key", "x"]).refuses(&["--log-key", "not a log key"]);
    evidence(directory.path(), 1, 1);
    run(&["--log-key", &key]).refuses(&["do not contradict each other"]);
    fs::write(directory.path().join("evidence.txt"), signed(1).to_string()).expect("written");
    run(&["--log-key", &key]).refuses(&["not a file of evidence"]);
}

#[test]
fn a_witness_is_made_once_and_without_its_state_it_refuses() {
    let directory = tempfile::tempdir().expect("a directory");
    let sample = fs::read_to_string(root().join("parties/witness/cosigner.sample.toml"));
    let key = log().public().to_string();
    let config = sample
        .expect("the sample")
        .replacen(crate::cli::run::SAMPLE_LOG_KEY, &key, 1)
        .replacen("127.0.0.1:7711", "127.0.0.1:0", 1);
    fs::write(directory.path().join("cosigner.toml"), config).expect("written");
    let run = |arguments: &[&str]| {
        let mut all = vec!["witness", "cosign"];
        all.extend(arguments);
        all.extend(["--config", "cosigner.toml"]);
        merits(directory.path(), &all)
    };
    run(&["key"]).refuses(&["cosigner.key"]);
    let made = run(&["init"]);
    made.succeeds("made ").succeeds("witness.example.org/w1+");
    let printed = made
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("key "));
    let witness = WitnessKey::parse(printed.expect("a key")).expect("a witness key");
    run(&["key"]).succeeds(&witness.to_string());
    run(&["init"]).refuses(&["is there already"]);

    fs::remove_file(directory.path().join("cosigner.state")).expect("it was made");
    run(&["serve"]).refuses(&["is not there", "--checkpoint"]);
    run(&["init"]).refuses(&["is not there", "--checkpoint"]);
    fs::write(
        directory.path().join("checkpoint.txt"),
        signed(1).to_string(),
    )
    .expect("written");
    run(&["init", "--checkpoint", "checkpoint.txt"]).succeeds("made ");
    let state = fs::read_to_string(directory.path().join("cosigner.state")).expect("made");
    assert!(state.contains(&signed(1).to_string()), "{state}");
}
