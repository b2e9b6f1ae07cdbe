//! Offers, vouchers, exchanges and the books, as far as they go on a ledger without a scale. The
//! demonstration redeems.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::cli::founding::Ledger;
use crate::cli::run::{edit, root};

fn admit(ledger: &Ledger, role: &str) {
    ledger
        .merits(&format!(
            "{role} apply --config {role}.toml --output {role}.application"
        ))
        .succeeds("wrote");
    ledger
        .merits(&format!(
            "supervisor admit --config supervisor.toml {role}.application"
        ))
        .succeeds("admitted");
}

#[test]
fn an_offer_that_cannot_be_names_its_key() {
    let ledger = Ledger::found();
    admit(&ledger, "sponsor");
    let offer = ledger.path().join("offer.toml");
    fs::copy(root().join("parties/sponsor/offer.sample.toml"), &offer).expect("copied");
    let publish = "sponsor offer publish --config sponsor.toml --offer offer.toml";
    ledger
        .merits(publish)
        .refuses(&["offer.toml", "`scale`", "cycling-week"]);
    edit(&offer, "price = 5000", "price = 0");
    ledger.merits(publish).refuses(&["offer.toml", "`price`"]);
    edit(&offer, "price = 0", "prize = 1");
    ledger
        .merits(publish)
        .refuses(&["offer.toml", "line", "prize"]);
    ledger
        .merits("sponsor offer list --config sponsor.toml")
        .succeeds("no offer yet");
    for command in [
        "sponsor offer close --config sponsor.toml --basis test",
        "sponsor vouchers make --config sponsor.toml --output codes.txt",
    ] {
        ledger
            .merits(&format!("{command} --offer 0123456789"))
            .refuses(&["has no entry 0123456789"]);
    }
    assert!(!ledger.path().join("codes.txt").exists());
}

#[test]
fn an_exchange_serves_once_it_is_admitted() {
    let ledger = Ledger::found();
    let config = ledger.path().join("exchange.toml");
    edit(&config, "127.0.0.1:7704", "127.0.0.1:0");
    ledger
        .merits("exchange serve --config exchange.toml")
        .refuses(&["does not exist", "apply"]);
    ledger
        .merits("exchange apply --config exchange.toml --output exchange.application")
        .succeeds("wrote");
    ledger
        .merits("exchange serve --config exchange.toml")
        .refuses(&["city-exchange is not an exchange on this ledger"]);
    admit(&ledger, "exchange");
    let stock = "exchange stock --config exchange.toml --offer 0123456789 --vouchers codes.txt";
    ledger
        .merits(stock)
        .refuses(&["codes.txt", "there is no such file"]);
    let codes = ledger.path().join("codes.txt");
    fs::write(&codes, "SECRET-1\n# comment\n\n").expect("written");
    let refused = ledger.merits(stock);
    refused.refuses(&["codes.txt, line 2"]);
    assert!(!refused.stderr.contains("SECRET"), "{refused:#?}");
    fs::write(&codes, "SECRET-1\n").expect("written");
    // Anybody who reads a code has the voucher.
    for (mode, remarked) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&codes, fs::Permissions::from_mode(mode)).expect("set");
        let ran = ledger.merits(stock);
        ran.refuses(&["has no entry 0123456789"]);
        let note = ran.stderr.contains("note: codes.txt has mode 644");
        assert_eq!(note, remarked, "{ran:#?}");
        assert!(!ran.stderr.contains("SECRET"), "{ran:#?}");
    }
}

#[test]
fn anybody_weighs_and_replays_the_log() {
    let ledger = Ledger::found();
    for what in ["conservation --offline", "replay"] {
        ledger
            .merits(&format!("audit {what} --ledger clearing.toml"))
            .refuses(&["clearing-replica is empty"]);
    }
    ledger
        .merits("audit conservation --ledger clearing.toml")
        .succeeds("nothing was issued and nothing redeemed yet");
    let replayed = ledger.merits("audit replay --ledger clearing.toml");
    replayed.succeeds("1 leaves of ledger.example.org/merits hold");
    let run = "audit run --ledger clearing.toml --progress audited --key audit.key --json audit.json --page audit.html";
    let audited = ledger.merits(run);
    audited.succeeds("Clean: nothing is wrong.");
    assert!(
        audited.stdout.contains("1 leaves, 0 proofs"),
        "{audited:#?}"
    );
    // It goes on where it stopped.
    let again = ledger.merits(run);
    again.succeeds("Clean: nothing is wrong.");
    assert!(again.stdout.contains("0 leaves, 0 proofs"), "{again:#?}");
    // Two who follow the same log have the same state.
    ledger
        .merits("audit conservation --ledger exchange.toml")
        .succeeds("");
    let other = ledger.merits("audit replay --ledger exchange.toml");
    assert_eq!(other.succeeds("state").stdout, replayed.stdout);
}
