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
    for (wrong, found) in [
        ("sponsor-tls.pem", "it is a certificate"),
        ("ours/authority.key", "it is a private key"),
        ("sponsor.toml", "it is another kind of file"),
    ] {
        let sign = format!("tls sign --ca ours --request {wrong} --output other.pem");
        said(here, &sign).refuses(&[wrong, found, "`merits tls request`"]);
    }
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
    fs::rename(&certificate, here.join("kept")).expect("moved");
    said(here, "tls ca --dir ours").refuses(&["authority.key", "without its certificate"]);
    fs::rename(here.join("kept"), &certificate).expect("moved");
    fs::remove_file(here.join("ours/authority.key")).expect("removed");
    said(here, "tls ca --dir ours").refuses(&["ours", "an authority already"]);
    assert_eq!(fs::read(&certificate).expect("readable"), before);
    assert!(
        !here.join("ours/authority.key").exists(),
        "no key without its certificate"
    );
}

/// After a full disk or a kill the same command makes the authority, or its key is found.
#[test]
fn an_authority_that_was_cut_off_is_made_again() {
    let directory = scene();
    let here = directory.path();
    let key = here.join("ours/authority.key");
    let next = here.join("ours/authority.key.next");
    // Before the certificate.
    fs::rename(&key, &next).expect("moved");
    fs::remove_file(here.join("ours/authority.pem")).expect("removed");
    said(here, CERTIFICATE).refuses(&["ours", "no authority"]);
    said(here, "tls ca --dir ours").succeeds("authority.pem");
    assert!(!next.exists());
    said(here, CERTIFICATE).succeeds("wrote sponsor-tls.pem");
    // After it.
    fs::rename(&key, &next).expect("moved");
    said(here, "tls ca --dir ours").refuses(&["an authority already"]);
    said(here, CERTIFICATE).succeeds("wrote sponsor-tls.pem");
    assert!(key.exists() && !next.exists());
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

/// A power cut between any two steps leaves files that a server starts with.
#[test]
fn a_new_key_waits_for_its_certificate() {
    let directory = scene();
    let here = directory.path();
    let text = |name: &str| fs::read_to_string(here.join(name)).expect(name);
    let starts = |when: &str| {
        let config = fs::read_to_string(here.join("sponsor.toml")).expect("readable");
        let table = config.split_once("[ledger.tls]").expect("a table").1;
        let files = |key: &str| {
            let line = table.lines().find(|line| line.starts_with(key));
            let name = line.and_then(|line| line.split('"').nth(1)).expect(key);
            here.join(name)
        };
        let table = merits_tls::TlsFiles {
            authorities: vec![here.join("ours/authority.pem")],
            revoked: Vec::new(),
            certificate: Some(files("certificate")),
            key: Some(files("key")),
        };
        merits_tls::Security::load(Some(&table), false).expect(when);
    };
    said(here, CERTIFICATE).succeeds("wrote sponsor-tls.pem");
    let (certificate, key) = (text("sponsor-tls.pem"), text("sponsor-tls.key"));
    // A request, whose certificate takes days.
    const REQUEST: &str = "tls request --config sponsor.toml --new-key --output request.pem";
    said(here, REQUEST).succeeds("sponsor-tls.key.next");
    assert_eq!(text("sponsor-tls.key"), key, "the present key stays");
    starts("a request is under way");
    // Asked again, the request is for the same key.
    let next = text("sponsor-tls.key.next");
    assert_ne!(next, key);
    said(here, REQUEST).succeeds("wrote request.pem");
    assert_eq!(text("sponsor-tls.key.next"), next);
    // The certificate of the present key can be renewed meanwhile.
    said(here, CERTIFICATE).succeeds("wrote sponsor-tls.pem");
    assert_eq!(
        (text("sponsor-tls.key"), text("sponsor-tls.key.next")),
        (key, next.clone())
    );
    assert_ne!(text("sponsor-tls.pem"), certificate);
    starts("the certificate of the present key was renewed");
    said(
        here,
        "tls sign --ca ours --request request.pem --output signed.pem",
    )
    .succeeds("wrote signed.pem");
    fs::copy(here.join("signed.pem"), here.join("sponsor-tls.pem")).expect("copied");
    starts("the certificate is of the new key, which has no name yet");
    // The next command of this kind gives the new key its name.
    said(here, CERTIFICATE).succeeds("the new key is sponsor-tls.key now");
    assert_eq!(text("sponsor-tls.key"), next);
    assert!(!here.join("sponsor-tls.key.next").exists());
    starts("the new key has its name");
    // With the authority at hand, all of it is one command.
    said(
        here,
        "tls certificate --config sponsor.toml --ca ours --new-key",
    )
    .succeeds("the new key is sponsor-tls.key now");
    assert_ne!(text("sponsor-tls.key"), next);
    assert!(!here.join("sponsor-tls.key.next").exists());
    starts("one command");
}

/// A certificate that nobody made together with the key is told, at the start.
#[test]
fn a_new_key_that_gets_no_certificate_harms_nothing() {
    let directory = scene();
    let here = directory.path();
    said(here, CERTIFICATE).succeeds("wrote sponsor-tls.pem");
    let files = ["sponsor-tls.pem", "sponsor-tls.key"];
    let before = files.map(|name| fs::read(here.join(name)).expect(name));
    // No authority can sign.
    fs::remove_file(here.join("ours/authority.key")).expect("removed");
    said(
        here,
        "tls certificate --config sponsor.toml --ca ours --new-key",
    )
    .refuses(&["authority.key"]);
    let after = files.map(|name| fs::read(here.join(name)).expect(name));
    assert_eq!(after, before);
}
