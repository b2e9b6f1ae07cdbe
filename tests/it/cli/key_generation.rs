//! `merits witness dkg`: three witnesses make a half together, and are killed again and again.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use crate::cli::founding::Ledger;

const WITNESSES: [u64; 3] = [1, 2, 3];

/// A ledger with three witnesses, a folder for their messages, and a passphrase each.
fn ledger() -> Ledger {
    let ledger = Ledger::found();
    let sample = fs::read_to_string(ledger.path().join("witness.toml")).expect("readable");
    for number in WITNESSES {
        let own = sample
            .replace("\"log-witness\"", &format!("\"witness-{number}\""))
            .replace("\"witness", &format!("\"w{number}"))
            .replace(
                &format!("\"w{number}-{number}\""),
                &format!("\"witness-{number}\""),
            );
        fs::write(ledger.path().join(format!("w{number}.toml")), own).expect("written");
        let passphrase = ledger.path().join(format!("w{number}.passphrase"));
        fs::write(&passphrase, format!("wheel salt lantern {number}\n")).expect("written");
        fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).expect("set");
        for command in [
            format!("witness apply --config w{number}.toml --output w{number}.application"),
            format!("supervisor admit --config supervisor.toml w{number}.application"),
        ] {
            ledger.merits(&command).succeeds("");
        }
    }
    fs::create_dir(ledger.path().join("board")).expect("made");
    ledger
}

fn run(number: u64) -> String {
    format!(
        "witness dkg run --config w{number}.toml --plan plan.toml --board board --state w{number}.state \
         --share w{number}.share --passphrase-file w{number}.passphrase"
    )
}

/// Everything that is published.
fn board(ledger: &Ledger) -> BTreeMap<PathBuf, Vec<u8>> {
    fs::read_dir(ledger.path().join("board"))
        .expect("a folder")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .map(|path| {
            let bytes = fs::read(&path).expect("readable");
            (path, bytes)
        })
        .collect()
}

#[test]
fn witnesses_that_are_killed_again_and_again_make_a_half_together() {
    let ledger = ledger();
    let begin = "witness dkg begin --config w1.toml --epoch 1 --needed 2 --holder witness-1 \
                 --holder witness-2 --output plan.toml --holder witness-3";
    ledger.merits(begin).succeeds("wrote plan.toml");
    ledger
        .merits("witness dkg status --config w2.toml --plan plan.toml --board board")
        .succeeds("waiting for the hash of witness-1, witness-2, witness-3");

    // Killed without a warning, somewhere. What is published never changes.
    let mut published: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for round in 0..6 {
        for number in WITNESSES {
            let mut child = Command::new(env!("CARGO_BIN_EXE_merits"))
                .args(run(number).split(' '))
                .current_dir(ledger.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts");
            sleep(Duration::from_millis(100 * round + 37 * number));
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
            let now = board(&ledger);
            for (path, bytes) in &published {
                assert_eq!(now.get(path), Some(bytes), "{}", path.display());
            }
            published = now;
        }
    }
    let mut done = 0;
    for _ in 0..6 {
        done = WITNESSES
            .iter()
            .filter(|number| {
                let ran = ledger.merits(&run(**number));
                ran.succeeds("");
                ran.stdout.contains("done: 2 of 3 holders")
            })
            .count();
        if done == WITNESSES.len() {
            break;
        }
    }
    assert_eq!(done, WITNESSES.len());
    let keys = |number: u64| {
        let ran = ledger.merits(&format!(
            "witness dkg status --config w{number}.toml --plan plan.toml --board board"
        ));
        ran.succeeds("half of the view key");
        ran.stdout.clone()
    };
    assert_eq!(keys(1), keys(3));
    for number in WITNESSES {
        let share = ledger.path().join(format!("w{number}.share"));
        let mode = fs::metadata(&share).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&share).expect("text");
        assert!(text.contains("view-key-quorum-share/v1"), "{text}");
    }
    // Whoever has another passphrase, plan or role does not get on.
    let other = run(1).replace("w1.passphrase", "w2.passphrase");
    ledger.merits(&other).refuses(&[
        "w1.state",
        "the passphrase is wrong, or the file was altered",
    ]);
    let stranger = run(1).replace("w1.toml", "witness.toml");
    ledger.merits("witness apply --config witness.toml --output own.application");
    ledger
        .merits(&stranger)
        .refuses(&["not among the holders of the plan"]);
    ledger
        .merits("supervisor dkg begin --config supervisor.toml --epoch 1 --needed 2 --holder witness-1 --holder witness-2 --output other.toml")
        .refuses(&["witness-1 is no supervisor on this ledger, and only supervisors hold"]);
    ledger
        .merits("witness dkg begin --config w1.toml --epoch 1 --needed 2 --holder witness-1 --holder city-supervisor --output other.toml")
        .refuses(&["city-supervisor is no witness on this ledger, and only log witnesses hold"]);
    ledger
        .merits("witness dkg check --config w1.toml --plan plan.toml --board board --share w1.share --passphrase-file w1.passphrase")
        .succeeds("is a share of the log witnesses' half of epoch 1: 2 of 3 holders must answer");
}
