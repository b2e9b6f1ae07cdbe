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
