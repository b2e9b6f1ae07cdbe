//! Two supervisors and a log witness decide together, each by its own commands.

use std::{fs, path::Path};

use crate::cli::{
    founding::Ledger,
    run::{edit, merits},
};

/// Two supervisors for every act, without a delay, and the consent of a log witness.
fn found() -> Ledger {
    let ledger = Ledger::found_by("002", |path| {
        fs::create_dir(path.join("second")).expect("a folder");
        let second = made(path, "supervisor", "second-supervisor", "second");
        let witness = made(path, "witness", "log-witness", ".");
        Some(format!(
            "ordinary 2; trust 2; delay 0; consents 1; supervisors {second}; witnesses {witness}"
        ))
    });
    another(
        &ledger,
        "supervisor",
        "city-supervisor",
        "second-supervisor",
        "second",
    );
    ledger
        .merits("supervisor found --config second/supervisor.toml")
        .succeeds("joined the ledger");
    ledger
        .merits("board join --config witness.toml")
        .succeeds("joined: entry");
    ledger
}

/// Makes a founder's keys; answers its party id.
fn made(path: &Path, role: &str, name: &str, directory: &str) -> String {
    let init = format!(
        "{role} init --name {name} --origin ledger.example.org/merits --directory {directory}"
    );
    let ran = merits(path, &init.split(' ').collect::<Vec<_>>());
    ran.succeeds("").stdout.trim().to_owned()
}

/// The act that a command says it proposed.
fn act(ledger: &Ledger, command: &str) -> String {
    let ran = ledger.merits(command);
    // What has not happened is not told as done.
    let said = ran.succeeds("not in force yet (to ").stdout.clone();
    let (_, after) = said.split_once(": act ").expect("an act");
    after.split(' ').next().expect("its id").to_owned()
}

#[test]
fn two_supervisors_and_a_witness_decide_together() {
    decide_together(&found());
}

/// Regression: with another key than their first, none of them had a voice.
#[test]
fn members_whose_keys_were_succeeded_decide_together() {
    for grace in [0, 24] {
        let ledger = found();
        for config in ["supervisor.toml", "second/supervisor.toml", "witness.toml"] {
            ledger
                .merits(&format!(
                    "party rotate-key --config {config} --grace-hours {grace}"
                ))
                .succeeds("has a new signing key, its number 1");
        }
        decide_together(&ledger);
    }
}

fn decide_together(ledger: &Ledger) {
    ledger.apply("issuer");
    let admit = act(
        ledger,
        "supervisor admit --config supervisor.toml issuer.application",
    );
    let enact =
        |act: &str| ledger.merits(&format!("board enact --config witness.toml --act {act}"));
    enact(&admit).refuses(&["needs the endorsement of 2 members in standing, and has 1"]);
    ledger
        .merits("board status --config second/supervisor.toml")
        .succeeds("admit climate-office as issuer")
        .succeeds("1 of 2 supervisors endorse it");
    let endorse = |config: &str, act: &str| {
        ledger.merits(&format!("board endorse --config {config} --act {act}"))
    };
    endorse("second/supervisor.toml", &admit).succeeds("endorsed: admit climate-office");
    enact(&admit).succeeds("in force now: admit climate-office as issuer");

    ledger
        .merits("witness half --config witness.toml --epoch 1 --output half.public")
        .succeeds("wrote");
    let epoch = act(
        ledger,
        "supervisor epoch --config supervisor.toml --epoch 1 --witness-half half.public",
    );
    endorse("second/supervisor.toml", &epoch).succeeds("open view-key epoch 1");
    enact(&epoch).refuses(&["needs the consent of 1 witnesses, and has 0"]);
    ledger
        .merits(&format!(
            "board revoke --config second/supervisor.toml --act {epoch}"
        ))
        .succeeds("revoked");
    endorse("witness.toml", &epoch).succeeds("open view-key epoch 1");
    enact(&epoch).refuses(&["needs the endorsement of 2 members in standing, and has 1"]);
    endorse("second/supervisor.toml", &epoch).succeeds("endorsed");
    enact(&epoch).succeeds("in force now: open view-key epoch 1");

    ledger
        .merits(
            "supervisor suspend --config second/supervisor.toml --party climate-office --basis leak \
             --emergency",
        )
        .succeeds("for 72 hours");
    let status = ledger.merits("board status --config witness.toml --all");
    let said = status.succeeds("in force since").stdout.clone();
    // Two supervisors decide, but each half of the view key has one holder.
    assert!(!said.contains("alone decides"), "{said}");
    assert!(
        said.contains("note: each half of view-key epoch 1 has one holder"),
        "{said}"
    );
}

#[test]
fn a_ledger_of_one_supervisor_says_so() {
    let ledger = Ledger::found();
    ledger
        .merits("board status --config supervisor.toml")
        .succeeds("note: one supervisor alone decides on this ledger")
        .succeeds("no open act");
    ledger.apply("sponsor");
    ledger
        .merits("supervisor admit --config supervisor.toml sponsor.application")
        .succeeds("admitted");
    ledger
        .merits("kit --config sponsor.toml --output kit")
        .succeeds("wrote 2 receipts");
    ledger
        .merits("verify kit/00000001-act-proposed.receipt --kit kit")
        .succeeds("one supervisor alone decides");
}

/// A copy of a role's configuration for another party, with keys and copies in the folder `directory`.
fn another(ledger: &Ledger, role: &str, sample: &str, name: &str, directory: &str) {
    let folder = ledger.path().join(directory);
    if !folder.exists() {
        fs::create_dir(&folder).expect("a folder");
    }
    let config = folder.join(format!("{role}.toml"));
    fs::copy(ledger.path().join(format!("{role}.toml")), &config).expect("copied");
    edit(
        &config,
        &format!("name = \"{sample}\""),
        &format!("name = \"{name}\""),
    );
}

/// Regression: nobody could follow a ledger whose founding facts name three parties or more.
#[test]
fn a_board_of_five_supervisors_and_three_witnesses_is_followed_by_everybody() {
    let (supervisors, witnesses) = (["s2", "s3", "s4", "s5"], ["w1", "w2", "w3"]);
    let ledger = Ledger::found_by("002", |path| {
        let ids = |role: &str, names: &[&str]| {
            let id = |name: &&str| {
                fs::create_dir(path.join(name)).expect("a folder");
                made(path, role, &format!("{role}-{name}"), name)
            };
            names.iter().map(id).collect::<Vec<_>>().join(" ")
        };
        Some(format!(
            "ordinary 2; trust 3; delay 172800; consents 2; supervisors {}; witnesses {}",
            ids("supervisor", &supervisors),
            ids("witness", &witnesses)
        ))
    });
    for name in supervisors {
        let own = format!("supervisor-{name}");
        another(&ledger, "supervisor", "city-supervisor", &own, name);
        ledger
            .merits(&format!("supervisor found --config {name}/supervisor.toml"))
            .succeeds("joined the ledger");
    }
    for name in witnesses {
        let own = format!("witness-{name}");
        another(&ledger, "witness", "log-witness", &own, name);
        ledger
            .merits(&format!("board join --config {name}/witness.toml"))
            .succeeds("joined: entry");
    }
    let status = ledger.merits("board status --config w1/witness.toml");
    let said = status
        .succeeds("an act of trust 3 and 172800 s")
        .stdout
        .clone();
    for name in supervisors {
        assert!(said.contains(&format!("supervisor-{name}")), "{said}");
    }
    for name in witnesses {
        assert!(said.contains(&format!("witness-{name}")), "{said}");
    }
    // A kit states the board too.
    ledger
        .merits("kit --config sponsor.toml --output kit")
        .succeeds("wrote 8 receipts");
    ledger
        .merits("verify kit/00000007-party-admitted.receipt --kit kit")
        .succeeds("signatures  yes");
}

#[test]
fn a_supervisor_is_admitted_later_by_the_board_and_decides_then() {
    let ledger = found();
    another(
        &ledger,
        "supervisor",
        "city-supervisor",
        "third-supervisor",
        "third",
    );
    ledger
        .merits("supervisor apply --config third/supervisor.toml --output third.application")
        .succeeds("wrote third.application");
    // It neither admits itself nor decides before it is admitted.
    ledger
        .merits("supervisor found --config third/supervisor.toml")
        .refuses(&["not named by the founding facts", "an act of the board"]);
    ledger
        .merits("supervisor admit --config third/supervisor.toml third.application")
        .refuses(&["party"]);
    let proposed = ledger.merits("supervisor admit --config supervisor.toml third.application");
    let said = proposed
        .succeeds("not in force yet (to admit third-supervisor as supervisor): act ")
        .stdout
        .clone();
    let (_, after) = said.split_once(": act ").expect("an act");
    let admit = after.split(' ').next().expect("its id");
    let enact =
        |act: &str| ledger.merits(&format!("board enact --config witness.toml --act {act}"));
    let endorse = |config: &str, act: &str| {
        ledger.merits(&format!("board endorse --config {config} --act {act}"))
    };
    enact(admit).refuses(&["needs the endorsement of 2 members in standing, and has 1"]);
    endorse("second/supervisor.toml", admit).succeeds("endorsed: admit third-supervisor");
    enact(admit).succeeds("in force now: admit third-supervisor as supervisor");

    ledger.apply("sponsor");
    let sponsor = act(
        &ledger,
        "supervisor admit --config third/supervisor.toml sponsor.application",
    );
    endorse("second/supervisor.toml", &sponsor).succeeds("endorsed: admit green-bank");
    enact(&sponsor).succeeds("in force now: admit green-bank as sponsor");
}

/// Regression: "the party is not admitted" does not say what to do instead.
#[test]
fn a_witness_that_the_facts_do_not_name_is_told_so() {
    let ledger = found();
    another(&ledger, "witness", "log-witness", "other-witness", "other");
    ledger
        .merits("witness apply --config other/witness.toml --output other.application")
        .succeeds("wrote");
    ledger
        .merits("board join --config other/witness.toml")
        .refuses(&["not named by the founding facts", "an act of the board"]);
}
