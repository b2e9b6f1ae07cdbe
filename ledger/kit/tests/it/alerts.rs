//! What a kit shows of an alert, and of its handling.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use std::time::Duration;

use merits_kit::{Kit, KitError};
use merits_ledger::{
    Blob,
    entry::{AlertHandled, AlertRaised, AlertSubject, Entry},
};
use merits_ledger_fixture::{START, Stage};
use merits_verifier::{groth16::KeyPolicy, receipt::Receipt};
use rand::{SeedableRng as _, rngs::StdRng};

#[test]
fn an_alert_and_its_handling_are_shown() {
    let mut town = Stage::new(StdRng::seed_from_u64(49)).unwrap();
    let supervisor = town.federation.supervisor.clone();
    let distributor = town.federation.distributor.id;
    let raised = Entry::AlertRaised(AlertRaised {
        rule: "claims-jump".to_owned(),
        rules: [7; 32],
        subject: AlertSubject::Party(distributor),
        from: START - Duration::from_secs(86_400),
        until: START,
        value: 900,
        threshold: 300,
    });
    let raised = town.act(&supervisor, &raised).unwrap();
    let handled = Entry::AlertHandled(AlertHandled {
        alert: raised.id,
        silent_until: None,
        reason: "Letter 7 explains it.".to_owned(),
    });
    let handled = town.act(&supervisor, &handled).unwrap();

    let leaves = town.ledger.store().leaves().len() as u64;
    let receipt = |index: u64| town.ledger.receipt(index).unwrap();
    let receipts =
        (0..leaves).map(|index| Ok::<(Receipt, Vec<Blob>), KitError>((receipt(index), Vec::new())));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kit");
    let signer = town.federation.signer();
    merits_kit::write(signer.public(), &town.federation.policy(), receipts, &path).unwrap();
    let keys = KeyPolicy {
        allow_dev_keys: true,
    };
    let kit = Kit::read(&path).unwrap();
    let says = |index: u64| {
        let shown = kit.show(&receipt(index), keys, &mut rand::rng()).unwrap();
        format!("{:?}", shown.shows)
    };
    let alert = says(raised.index);
    let subject = distributor.to_string();
    for part in ["claims-jump", "900", "300", subject.as_str()] {
        assert!(alert.contains(part), "{part}: {alert}");
    }
    let handling = says(handled.index);
    for part in [raised.id.to_hex().as_str(), "acknowledged", "Letter 7"] {
        assert!(handling.contains(part), "{part}: {handling}");
    }
}
