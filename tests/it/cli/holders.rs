//! Halves of view keys as a user meets them: one that is lost is never made again without a word.

use std::fs;

use crate::cli::servers::{Server, with_servers};

/// Regression: with an open epoch, `half` made another half and said nothing, and `epoch` left one behind.
#[test]
fn a_half_that_the_ledger_has_is_brought_back_and_not_made_again() {
    let ledger = with_servers();
    let half = |role: &str| ledger.path().join(format!("{role}-half-1.json"));
    let away = ledger.path().join("away");
    let again = [
        (
            "witness",
            "witness half --config witness.toml --epoch 1 --output again.half",
        ),
        (
            "supervisor",
            "supervisor epoch --config supervisor.toml --epoch 1 --witness-half witness.half",
        ),
    ];
    for (role, make) in again {
        let name = format!("{role}-half-1.json");
        fs::rename(half(role), &away).expect("it was made");
        for command in [make, &format!("{role} serve --config {role}.toml")] {
            let ran = ledger.merits(command);
            ran.refuses(&[
                "the log has epoch 1",
                &name,
                "is not there",
                "bring the file back from your backup",
                "never opened",
            ]);
            assert_eq!(ran.stdout, "", "{ran:#?}");
            assert!(!half(role).exists(), "{ran:#?}");
        }
        fs::rename(&away, half(role)).expect("brought back");
        assert!(Server::start(ledger.path(), role).stop().success());
    }
    assert!(!ledger.path().join("again.half").exists());
    // With its file, an epoch that is open is not opened again.
    ledger
        .merits(again[1].1)
        .refuses(&["epoch 1 is already open"]);

    // What the ledger would refuse leaves no half behind.
    let sample = fs::read_to_string(ledger.path().join("supervisor.toml")).expect("readable");
    let shares = sample.replace(
        "\"supervisor-half-1.json\"",
        "\"supervisor-half-1.json\", \"supervisor-half-2.json\", \"supervisor-half-3.json\"",
    );
    assert_ne!(sample, shares);
    fs::write(ledger.path().join("supervisor.toml"), shares).expect("written");
    for epoch in [2, 3] {
        ledger
            .merits(&format!(
                "supervisor epoch --config supervisor.toml --epoch {epoch} --witness-half witness.half"
            ))
            .refuses(&["no valid proof of possession"]);
        let left = ledger.path().join(format!("supervisor-half-{epoch}.json"));
        assert!(!left.exists(), "{}", left.display());
    }
}

/// Regression: a journal that was emptied or cut was served without a word.
#[test]
fn a_journal_that_lost_lines_is_not_served() {
    let ledger = with_servers();
    let here = ledger.path();
    let zeros = "0".repeat(64);
    let line = format!(
        "{{\"number\":1,\"time\":1,\"answered\":\"opening\",\"request\":\"{zeros}\",\"entry\":\"{zeros}\",\
         \"claim\":0,\"basis\":\"a test\",\"requester\":\"{zeros}\",\"previous\":\"{zeros}\"}}\n"
    );
    for role in ["supervisor", "witness"] {
        let journal = here.join(format!("{role}-journal.jsonl"));
        let mark = here.join(format!("{role}.mark.journal"));
        let serve = format!("{role} serve --config {role}.toml");
        let begin = format!("mark --config {role}.toml --journal");
        // It began with the first half. An empty journal without one could have been emptied.
        fs::remove_file(&mark).expect("it was made");
        ledger.merits(&serve).refuses(&[
            "the journal has 0 lines",
            &begin.replace(&format!("{role}.toml"), "FILE"),
        ]);
        assert!(!mark.exists(), "{role}");
        ledger.merits(&begin).succeeds("at 0 lines");
        assert!(Server::start(here, role).stop().success(), "{role}");
        // An answer, as if the mark had not been raised yet.
        fs::write(&journal, &line).expect("written");
        assert!(Server::start(here, role).stop().success(), "{role}");

        for left in ["", &line[..40], line.trim_end()] {
            fs::write(&journal, left).expect("cut");
            let ran = ledger.merits(&serve);
            ran.refuses(&[
                &format!("{role}-journal.jsonl has 0 lines"),
                &format!("{role}.mark.journal says that this holder wrote 1"),
                "bring the newest copy of the journal back",
            ]);
            assert_eq!(ran.stdout, "", "{role}");
            assert_eq!(fs::read_to_string(&journal).expect("read"), left, "{role}");
        }
        fs::write(&journal, &line).expect("brought back");
        assert!(Server::start(here, role).stop().success(), "{role}");

        // A lost mark is begun again on purpose only.
        let there = format!("{role}.mark.journal is there already, at 1 lines");
        ledger.merits(&begin).refuses(&[&there]);
        fs::remove_file(&mark).expect("it was made");
        ledger.merits(&serve).refuses(&[
            &format!("{role}.mark.journal"),
            "is not there",
            "--journal",
        ]);
        assert!(!mark.exists(), "{role}");
        ledger.merits(&begin).succeeds("at 1 lines");
        assert!(Server::start(here, role).stop().success(), "{role}");
    }
}
