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

use merits_supervisor::dkg::vault::Vault;

use crate::cli::{founding::Ledger, run::edit};

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
        .succeeds("is the share of witness-1 in the log witnesses' half of epoch 1: 2 of 3 holders must answer");

    // Regression: the share of another holder, with its passphrase, was taken without a word.
    ledger
        .merits("witness dkg check --config w2.toml --plan plan.toml --board board --share w1.share --passphrase-file w1.passphrase")
        .refuses(&["w1.share is the share of witness-1, not of witness-2", "name witness-2's own share"]);

    a_passphrase_comes_from_where_the_command_says(&ledger);
}

/// Regression: `dkg` did not read `passphrase_file`, and `serve` advised an option that it does not have.
fn a_passphrase_comes_from_where_the_command_says(ledger: &Ledger) {
    let check =
        "witness dkg check --config w1.toml --plan plan.toml --board board --share w1.share";
    let again = run(1).replace(" --passphrase-file w1.passphrase", "");
    for command in [check, &again] {
        ledger.merits(command).refuses(&[
            "there is no terminal to ask for the passphrase",
            "give --passphrase-file, or name `passphrase_file` in the configuration",
        ]);
    }
    let config = ledger.path().join("w1.toml");
    edit(
        &config,
        "# quorum_shares = [\"view-key-share-2.json\"]",
        "quorum_shares = [\"w1.share\"]",
    );
    let serve = "witness serve --config w1.toml";
    let ran = ledger.merits(serve);
    ran.refuses(&["name `passphrase_file` in the configuration"]);
    assert!(!ran.stderr.contains("--passphrase-file"), "{ran:#?}");
    edit(
        &config,
        "# passphrase_file = \"shares.passphrase\"",
        "passphrase_file = \"w1.passphrase\"",
    );
    ledger.merits(check).succeeds("is the share of witness-1");
    ledger.merits(&again).succeeds("done: 2 of 3 holders");
    // The option wins.
    let other = format!("{check} --passphrase-file w2.passphrase");
    ledger
        .merits(&other)
        .refuses(&["w1.share", "the passphrase is wrong"]);
    // What others may read is not used, and its advice names the way over the ledger.
    let passphrase = ledger.path().join("w1.passphrase");
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o644)).expect("set");
    for command in [check, serve] {
        ledger
            .merits(command)
            .refuses(&["w1.passphrase", "`merits witness dkg open`"]);
    }
}

/// Names the share of a witness in its configuration, as its operator does before or after `dkg run`.
fn name_share(ledger: &Ledger, number: u64) {
    let path = ledger.path().join(format!("w{number}.toml"));
    let text = fs::read_to_string(&path).expect("readable");
    let shares = format!("quorum_shares = [\"w{number}.share\"]\n");
    fs::write(path, shares + &text).expect("written");
}

/// A holder that waits needs one command, and one that does not wait comes back.
#[test]
fn holders_that_wait_make_their_shares_by_one_command_each() {
    let ledger = ledger();
    ledger
        .merits("witness dkg open --config w1.toml --epoch 1 --needed 2 --holder witness-1 --holder witness-2")
        .succeeds("opened attempt 1");
    let run = |number: u64| {
        format!(
            "witness dkg run --config w{number}.toml --epoch 1 --state w{number}.state --share w{number}.share \
             --passphrase-file w{number}.passphrase"
        )
    };
    ledger
        .merits(&run(1))
        .succeeds("waiting for the hash of witness-2");
    let waiting = [1, 2].map(|number| {
        let command = format!("{} --wait-minutes 10", run(number));
        Command::new(env!("CARGO_BIN_EXE_merits"))
            .args(command.split_whitespace())
            .current_dir(ledger.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    });
    for child in waiting {
        let ran = child.wait_with_output().expect("it ends");
        let (said, why) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(ran.status.success(), "{said}{why}");
        assert!(said.contains("done: 2 of 2 holders"), "{said}");
        assert!(!said.contains("waiting"), "{said}");
    }
    // Files wait for nobody.
    ledger
        .merits(
            "witness dkg run --config w1.toml --plan plan.toml --folder board --state x.state --share x.share \
             --wait-minutes 1",
        )
        .is_misused(&["--wait-minutes", "--plan"]);
}

/// Regression: `run` refused a share that `quorum_shares` names. If the operator named it first, no share was made; if a
/// run was killed between writing the share and erasing the seed, the seed was never erased.
#[test]
fn a_share_is_made_and_finished_where_the_configuration_names_it() {
    let ledger = ledger();
    let run = |number: u64| {
        ledger.merits(&format!(
            "witness dkg run --config w{number}.toml --epoch 1 --state w{number}.state --share w{number}.share \
             --passphrase-file w{number}.passphrase"
        ))
    };
    // The operator of the first names it at once, that of the second when it is there.
    name_share(&ledger, 1);
    ledger
        .merits("witness dkg open --config w1.toml --epoch 1 --needed 2 --holder witness-1 --holder witness-2")
        .succeeds("opened attempt 1");
    let state = ledger.path().join("w2.state");
    let mut before = Vec::new();
    for _ in 0..6 {
        // The second is ahead, so it waits with its verdict in its state and on the ledger.
        for number in [1, 2] {
            if number == 2 && state.exists() && !ledger.path().join("w2.share").exists() {
                before = fs::read(&state).expect("readable");
            }
            run(number).succeeds("");
        }
    }
    for number in [1, 2] {
        run(number).succeeds("done: 2 of 2 holders");
        let share = ledger.path().join(format!("w{number}.share"));
        assert!(share.exists(), "{number}");
    }
    // The seed of the second is still in its state, as after a kill between writing and erasing.
    let is_erased = || {
        let (_, state) = Vault::open(&state, "wheel salt lantern 2").expect("a state");
        state.has_ended()
    };
    assert!(is_erased());
    fs::write(&state, &before).expect("written");
    assert!(!is_erased());
    name_share(&ledger, 2);
    run(2).succeeds("done: 2 of 2 holders");
    assert!(is_erased());

    // Only shares are admitted, and none of them is a state.
    let other = "witness dkg run --config w1.toml --epoch 1 --passphrase-file w1.passphrase";
    for (places, named) in [
        ("--state w1.share --share other.share", "quorum_shares"),
        ("--state other.state --share w1.key", "signing_key"),
        ("--state other.state --share w1-journal.jsonl", "journal"),
    ] {
        ledger
            .merits(&format!("{other} {places}"))
            .refuses(&[&format!("`{named}` of the configuration")]);
    }
    // Nor is anything else destroyed, and no share before its time.
    let destroy = "witness dkg destroy --config w1.toml --epoch 1";
    for (share, says) in [
        ("w1.key", "`signing_key` of the configuration"),
        ("w1-journal.jsonl", "`journal` of the configuration"),
        ("w1.share", "epoch 1"),
    ] {
        let path = ledger.path().join(share);
        let there = fs::read(&path).expect("readable");
        ledger
            .merits(&format!("{destroy} --share {share}"))
            .refuses(&[says]);
        assert_eq!(fs::read(&path).expect("still there"), there, "{share}");
    }
}
