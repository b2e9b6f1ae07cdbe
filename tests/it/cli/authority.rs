//! `merits tls` with files of an authority that are damaged, lost, mixed up or in the way.

use std::{fs, path::Path};

use crate::cli::{
    configuration::valid_log_key,
    run::{Ran, SAMPLE_LOG_KEY, edit, merits, samples_directory},
};

/// A sponsor with its keys and a table of TLS, and two authorities: `ours` and `theirs`.
fn scene() -> tempfile::TempDir {
    let directory = samples_directory();
    let here = directory.path();
    let config = here.join("sponsor.toml");
    edit(&config, SAMPLE_LOG_KEY, &valid_log_key());
    let text = fs::read_to_string(&config).expect("readable");
    let (before, table) = text.split_once("# [ledger.tls]").expect("a table");
    let table = table.replace("\n# ", "\n");
    fs::write(&config, format!("{before}[ledger.tls]{table}")).expect("written");
    said(
        here,
        "sponsor apply --config sponsor.toml --output application",
    )
    .succeeds("wrote");
    for dir in ["ours", "theirs"] {
        said(here, &format!("tls ca --dir {dir}")).succeeds("authority.pem");
    }
    directory
}

#[track_caller]
fn said(directory: &Path, command: &str) -> Ran {
    merits(directory, &command.split(' ').collect::<Vec<_>>())
}

const CERTIFICATE: &str = "tls certificate --config sponsor.toml --ca ours";

#[test]
fn an_authority_of_two_halves_signs_nothing() {
    let directory = scene();
    let here = directory.path();
    said(here, CERTIFICATE).succeeds("wrote sponsor-tls.pem");
    let good = fs::read(here.join("sponsor-tls.pem")).expect("readable");
    for (file, other, names) in [
        (
            "ours/authority.key",
            "theirs/authority.key",
            "the one of its certificate",
        ),
        (
            "ours/authority.pem",
            "theirs/authority.pem",
            "the one of its certificate",
        ),
        (
            "ours/authority.pem",
            "sponsor-tls.pem",
            "the one of its certificate",
        ),
        ("ours/authority.pem", "sponsor.toml", "cut off or damaged"),
    ] {
        let (file, kept) = (
            here.join(file),
            fs::read(here.join(file)).expect("readable"),
        );
        fs::write(&file, fs::read(here.join(other)).expect("readable")).expect("written");
        said(here, CERTIFICATE).refuses(&["authority.pem", names]);
        fs::write(&file, kept).expect("written");
    }
    for file in ["ours/authority.key", "ours/authority.pem"] {
        let kept = fs::read(here.join(file)).expect("readable");
        fs::write(here.join(file), "").expect("written");
        said(here, CERTIFICATE).refuses(&["authority", "cut off or damaged"]);
        fs::write(here.join(file), kept).expect("written");
    }
    let now = fs::read(here.join("sponsor-tls.pem")).expect("readable");
    assert_eq!(now, good, "the good certificate is still there");
}

#[test]
fn a_certificate_takes_the_place_of_no_file_of_the_authority() {
    let directory = scene();
    let here = directory.path();
    said(
        here,
        "tls request --config sponsor.toml --output request.pem",
    )
    .succeeds("wrote");
    said(
        here,
        "tls sign --ca ours --request request.pem --output sponsor-tls.pem",
    )
    .succeeds("wrote");
    said(here, "tls revoke --ca ours --certificate sponsor-tls.pem").succeeds("revoked");
    for output in [
        "authority.pem",
        "authority.key",
        "revoked.pem",
        "revoked.list",
    ] {
        let before = fs::read(here.join("ours").join(output)).expect("readable");
        let sign = format!("tls sign --ca ours --request request.pem --output ours/{output}");
        said(here, &sign).refuses(&[output, "the authority's"]);
        let after = fs::read(here.join("ours").join(output)).expect("readable");
        assert_eq!(after, before, "{output}");
    }
}

#[test]
fn a_new_authority_takes_the_place_of_none() {
    let directory = scene();
    let here = directory.path();
    let certificate = here.join("ours/authority.pem");
    let before = fs::read(&certificate).expect("readable");
    fs::remove_file(here.join("ours/authority.key")).expect("removed");
    said(here, "tls ca --dir ours").refuses(&["ours", "an authority already"]);
    assert_eq!(fs::read(&certificate).expect("readable"), before);
    assert!(
        !here.join("ours/authority.key").exists(),
        "no key without its certificate"
    );
}

#[test]
fn only_its_own_authority_revokes_a_certificate() {
    let directory = scene();
    let here = directory.path();
    said(here, CERTIFICATE).succeeds("wrote sponsor-tls.pem");
    said(here, "tls revoke --ca theirs --certificate sponsor-tls.pem")
        .refuses(&["sponsor-tls.pem", "another authority"]);
    assert!(
        !here.join("theirs/revoked.pem").exists(),
        "nobody is told that it is revoked"
    );
    said(here, "tls revoke --ca ours --certificate sponsor-tls.pem").succeeds("revoked");
}

#[test]
fn an_authoritys_name_and_days_are_sensible() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let here = directory.path();
    let named = |name| merits(here, &["tls", "ca", "--dir", "new", "--name", name]);
    named("a\u{202e}b").is_misused(&["U+202E"]);
    named("a\u{1b}[31m").is_misused(&["U+001B"]);
    named(" ").refuses(&["--name"]);
    for days in ["0", "36501"] {
        merits(here, &["tls", "ca", "--dir", "new", "--days", days])
            .is_misused(&["--days", "36500"]);
    }
    assert!(!here.join("new").exists(), "nothing was made");
}
