//! What people type, what they are shown, and the files that only they may read.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::cli::founding::Ledger;
use crate::cli::run::{edit, merits, root, samples_directory};

/// A file that only its owner reads.
pub(crate) fn write_private(path: &std::path::Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
}

/// One passphrase, as two systems type it, and as an editor saves it.
#[test]
fn a_passphrase_opens_however_its_letters_were_typed() {
    let ledger = Ledger::found();
    ledger
        .merits("wallet create --dir mine --ledger sponsor.toml")
        .succeeds("made a wallet");
    let file = |name: &str, text: &str| write_private(&ledger.path().join(name), text);
    file("composed", "Z\u{fc}rich caf\u{e9} \u{fc}ber\n");
    file(
        "apart",
        "\u{feff}Zu\u{308}rich cafe\u{301} u\u{308}ber\r\n\r\n",
    );
    ledger
        .merits("wallet backup --dir mine --output b --passphrase-file apart")
        .succeeds("holds the seed");
    for (dir, passphrase) in [("one", "composed"), ("two", "apart")] {
        ledger
            .merits(&format!(
                "wallet restore --backup b --dir {dir} --passphrase-file {passphrase}"
            ))
            .succeeds("restored");
    }
    // One line alone is the passphrase, and all of it can be typed again.
    file("lines", "Z\u{fc}rich caf\u{e9} \u{fc}ber\nsecond line\n");
    for command in [
        "backup --dir mine --output c",
        "restore --backup b --dir four",
    ] {
        ledger
            .merits(&format!("wallet {command} --passphrase-file lines"))
            .refuses(&["lines", "2 lines with text", "a passphrase is one line"]);
    }
    file("hidden", "Z\u{fc}rich caf\u{e9}\u{200b} \u{fc}ber\n");
    ledger
        .merits("wallet backup --dir mine --output c --passphrase-file hidden")
        .refuses(&["U+200B", "invisible", "take it out"]);
    assert!(!ledger.path().join("c").exists() && !ledger.path().join("four").exists());
    fs::set_permissions(
        ledger.path().join("composed"),
        fs::Permissions::from_mode(0o644),
    )
    .expect("set");
    ledger
        .merits("wallet restore --backup b --dir three --passphrase-file composed")
        .refuses(&["composed", "644", "600"]);
    assert!(!ledger.path().join("three").exists());
}

#[test]
fn a_lost_seed_is_told_as_such_with_what_to_do() {
    let ledger = Ledger::found();
    ledger
        .merits("wallet create --dir mine --ledger sponsor.toml")
        .succeeds("made a wallet");
    fs::remove_file(ledger.path().join("mine/seed.key")).expect("there");
    let ran = ledger.merits("wallet credits --dir mine");
    ran.refuses(&["mine/seed.key", "merits wallet restore", "register again"]);
    assert!(!ran.stderr.contains("os error"), "{ran:?}");
}

#[test]
fn a_partys_lost_key_is_not_made_anew() {
    let ledger = Ledger::found();
    ledger
        .merits("sponsor offer list --config sponsor.toml")
        .refuses(&["does not exist", "apply", "backup"]);
    ledger
        .merits("sponsor apply --config sponsor.toml --output sponsor.application")
        .succeeds("wrote");
    ledger
        .merits("sponsor offer list --config sponsor.toml")
        .succeeds("no offer yet");
}

/// A title that turns its line around, and one that speaks to the terminal.
#[test]
fn an_offer_with_a_misleading_title_is_not_made() {
    let ledger = Ledger::found();
    let sponsor = ledger.path().join("sponsor.toml");
    ledger
        .merits("sponsor apply --config sponsor.toml --output sponsor.application")
        .succeeds("wrote");
    let sample = fs::read_to_string(root().join("parties/sponsor/offer.sample.toml"));
    let sample = sample.expect("the sample");
    let title = sample
        .lines()
        .find(|line| line.starts_with("title = "))
        .expect("a title");
    let offer = ledger.path().join("offer.toml");
    let publish = "sponsor offer publish --config sponsor.toml --offer offer.toml";
    for (character, code) in [
        ("\u{202e}", "U+202E"),
        ("\u{200b}", "U+200B"),
        ("\\u001b[31m", "U+001B"),
        ("\\u2066", "U+2066"),
    ] {
        let other = sample.replace(title, &format!("title = \"Cafe{character} 5\""));
        fs::write(&offer, other).expect("written");
        let ran = ledger.merits(publish);
        ran.refuses(&["offer.toml", "`title`", "character 5", code]);
        assert!(!ran.stderr.contains(character), "{ran:?}");
    }
    // A byte order mark is not a part of an offer or a configuration.
    fs::write(&offer, format!("\u{feff}{sample}")).expect("written");
    let text = fs::read_to_string(&sponsor).expect("there");
    fs::write(&sponsor, format!("\u{feff}{text}")).expect("written");
    ledger.merits(publish).refuses(&["`scale`", "cycling-week"]);
}

#[test]
fn a_misleading_name_is_refused_where_it_is_written() {
    let directory = samples_directory();
    let config = directory.path().join("sponsor.toml");
    let text = fs::read_to_string(&config).expect("there");
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .expect("a name");
    edit(&config, name, &format!("{name}\\u202e"));
    merits(
        directory.path(),
        &[
            "sponsor",
            "apply",
            "--config",
            "sponsor.toml",
            "--output",
            "a",
        ],
    )
    .refuses(&["sponsor.toml", "U+202E"]);
    // On the command line.
    let ran = merits(
        directory.path(),
        &[
            "distributor",
            "forget",
            "--config",
            "x",
            "--subject",
            "a\u{200b}b",
        ],
    );
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("U+200B"), "{ran:?}");
}

/// A path, a name, a reason: whatever comes from elsewhere is shown with its escapes.
#[test]
fn nothing_speaks_to_the_terminal() {
    let directory = samples_directory();
    let ran = merits(
        directory.path(),
        &["wallet", "credits", "--dir", "fine\u{1b}[2J\u{202e}"],
    );
    ran.refuses(&["fine\\u{1b}[2J\\u{202e}/wallet.toml"]);
    assert!(!ran.stderr.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
    // Regression: an unexpected argument, such as a file's name by `*`, was shown without escapes.
    let ran = merits(directory.path(), &["kit", "fine\u{1b}[2J\u{202e}"]);
    // clap itself takes escape sequences away.
    ran.is_misused(&["fine\\u{202e}"]);
    assert!(!ran.stderr.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
}
