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
    let config = ledger.path().join("second/supervisor.toml");
    fs::copy(ledger.path().join("supervisor.toml"), &config).expect("copied");
    edit(
        &config,
        "name = \"city-supervisor\"",
        "name = \"second-supervisor\"",
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
    let said = ran.succeeds("not in force yet").stdout.clone();
    let (_, after) = said.split_once(": act ").expect("an act");
    after.split(' ').next().expect("its id").to_owned()
}

#[test]
fn two_supervisors_and_a_witness_decide_together() {
    let ledger = found();
    ledger.apply("issuer");
    let admit = act(
        &ledger,
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
        &ledger,
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
