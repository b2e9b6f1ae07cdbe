//! A person's wallet on a fresh ledger: its seed kept and restored, and what it says before there is
//! anything to say.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::cli::founding::Ledger;
use crate::cli::texts::write_private;

const PASSPHRASE: &str = "wheel salt lantern";

fn with_wallet() -> Ledger {
    let ledger = Ledger::found();
    ledger
        .merits("wallet create --dir mine --ledger sponsor.toml")
        .succeeds("merits wallet backup");
    write_private(&ledger.path().join("words"), &format!("{PASSPHRASE}\n"));
    ledger
}

/// The first line of `merits wallet identity`.
fn identity(ledger: &Ledger, wallet: &str) -> String {
    let ran = ledger.merits(&format!("wallet identity --dir {wallet}"));
    ran.succeeds("not registered");
    ran.stdout.lines().next().expect("a line").to_owned()
}

#[test]
fn a_wallet_comes_back_from_its_backup() {
    let ledger = with_wallet();
    let mine = identity(&ledger, "mine");
    ledger
        .merits("wallet backup --dir mine --output mine.backup --passphrase-file words")
        .succeeds("it opens and holds the seed");
    let mode = |file: &str| {
        let metadata = fs::metadata(ledger.path().join(file)).expect("there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(
        (mode("mine.backup"), mode("mine"), mode("mine/seed.key")),
        (0o600, 0o700, 0o600)
    );
    ledger
        .merits("wallet backup --dir mine --output mine.backup --passphrase-file words")
        .refuses(&["mine.backup", "exists"]);
    // A backup beside the seed is lost with it.
    let inside =
        ledger.merits("wallet backup --dir mine --output mine/own.backup --passphrase-file words");
    inside.succeeds("it opens");
    let words: Vec<&str> = inside.stdout.split_whitespace().collect();
    assert!(
        words.join(" ").contains("lost together with it"),
        "{inside:#?}"
    );
    let latin = ledger.path().join("latin");
    write_private(&latin, "");
    fs::write(&latin, b"caf\xe9 lantern wheel\n").expect("written");
    ledger
        .merits("wallet backup --dir mine --output latin.backup --passphrase-file latin")
        .refuses(&["latin", "not UTF-8 text: save the file as UTF-8"]);
    ledger
        .merits("wallet restore --backup mine.backup --dir found --passphrase-file words")
        .succeeds("restored");
    assert_eq!(identity(&ledger, "found"), mine);
    ledger
        .merits("wallet restore --backup mine.backup --dir found --passphrase-file words")
        .refuses(&["found", "already holds a wallet"]);

    write_private(&ledger.path().join("other"), "wheel salt lamp\n");
    ledger
        .merits("wallet restore --backup mine.backup --dir lost --passphrase-file other")
        .refuses(&["passphrase is wrong"]);
    assert!(!ledger.path().join("lost").exists());
    write_private(&ledger.path().join("short"), "short\n");
    ledger
        .merits("wallet backup --dir mine --output weak.backup --passphrase-file short")
        .refuses(&["fewer than 10 characters"]);
    assert!(!ledger.path().join("weak.backup").exists());
}

#[test]
fn a_wallet_is_never_overwritten_and_a_readable_seed_not_used() {
    let ledger = with_wallet();
    ledger
        .merits("wallet create --dir mine --ledger sponsor.toml")
        .refuses(&["mine", "already holds a wallet"]);
    let seed = ledger.path().join("mine/seed.key");
    fs::set_permissions(&seed, fs::Permissions::from_mode(0o644)).expect("set");
    ledger
        .merits("wallet identity --dir mine")
        .refuses(&["seed.key", "644"]);
}

#[test]
fn who_is_not_registered_asks_a_registrar_first() {
    let ledger = with_wallet();
    ledger
        .merits("wallet register --dir mine --output request.json")
        .succeeds("Nothing in the file is secret");
    let request = fs::read_to_string(ledger.path().join("request.json")).expect("a request");
    let commitment = identity(&ledger, "mine");
    let commitment = commitment.split_whitespace().last().expect("digits");
    assert!(request.contains(commitment), "{request}");
    assert!(request.contains("registration-request/v1"), "{request}");

    ledger
        .merits("wallet credits --dir mine")
        .succeeds("no credits yet");
    ledger
        .merits("wallet consents --dir mine --offline")
        .succeeds("0 consents");
    ledger
        .merits("wallet terms --dir mine --distributor nobody --scale cycling-week")
        .refuses(&["nobody", "city-supervisor"]);
    ledger
        .merits("wallet link --dir mine --source city-supervisor --account 7 --output l.json")
        .refuses(&["lacks the role `source`"]);
    assert!(!ledger.path().join("l.json").exists());
}

#[test]
fn offline_a_wallet_needs_a_copy() {
    let ledger = with_wallet();
    ledger
        .merits("wallet credits --dir mine --offline")
        .refuses(&["copy of the ledger is empty", "--offline"]);
    ledger
        .merits("wallet credits --dir elsewhere")
        .refuses(&["elsewhere/wallet.toml"]);
}
