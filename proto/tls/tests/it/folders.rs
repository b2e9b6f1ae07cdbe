//! The folder of an authority, and the files of a certificate and its key.

use std::fs;

use merits_tls::{
    Authority, AuthorityError, Names, Renewal, Subject, TlsFiles,
    issue::{self, IssueError},
};

use crate::scene::{DAY, ledger_key, now, origin, party};

/// The files of a party's certificate in a folder.
fn files(folder: &tempfile::TempDir) -> Renewal {
    Renewal::of(TlsFiles {
        authorities: Vec::new(),
        revoked: Vec::new(),
        certificate: Some(folder.path().join("own.pem")),
        key: Some(folder.path().join("own.key")),
    })
    .expect("both are named")
}

/// What the party whose key has this seed says of its TLS key.
fn sign(seed: u8) -> impl Fn(&[u8]) -> Result<Names, AuthorityError> {
    move |info| {
        let (subject, until) = (Subject::Party(party(seed)), now() + DAY * 30);
        Ok(Names::sign(
            &origin(),
            subject,
            info,
            until,
            &ledger_key(seed),
        ))
    }
}

/// Regression: each read the register, added its own and wrote it, and all but one were lost.
#[test]
fn certificates_that_are_revoked_at_once_are_all_on_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, rng) = (folder.path().join("ours"), &mut rand::rng());
    Authority::make(&dir, "ours", now(), 90, rng).unwrap();
    let authority = Authority::open(&dir).unwrap();
    let asked = files(&folder).request(sign(1), &[], false).unwrap();
    let certificates: Vec<_> = (0..8)
        .map(|number| {
            let path = folder.path().join(format!("{number}.pem"));
            let signed = authority.sign(&asked.pem, now(), 10, rng).unwrap();
            fs::write(&path, signed.pem).unwrap();
            path
        })
        .collect();
    std::thread::scope(|threads| {
        for certificate in &certificates {
            let dir = &dir;
            threads.spawn(move || {
                let authority = Authority::open(dir).unwrap();
                authority.revoke(certificate, now()).unwrap();
            });
        }
    });
    let register = fs::read_to_string(dir.join("revoked.list")).unwrap();
    assert_eq!(register.lines().count(), certificates.len());
}

#[test]
fn an_authority_signs_and_revokes_from_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, rng) = (folder.path().join("ours"), &mut rand::rng());
    let missing = Authority::open(&dir).unwrap_err();
    assert!(matches!(missing, AuthorityError::Missing(_)), "{missing}");
    let nameless = Authority::make(&dir, "  ", now(), 90, rng).unwrap_err();
    assert!(matches!(nameless, AuthorityError::NoName), "{nameless}");
    assert!(!dir.exists(), "nothing was made");
    let made = Authority::make(&dir, "ours", now(), 90, rng).unwrap();
    let again = Authority::make(&dir, "ours", now(), 90, rng).unwrap_err();
    assert!(matches!(again, AuthorityError::There(_)), "{again}");

    let authority = Authority::open(&dir).unwrap();
    authority.check_time(now()).unwrap();
    let over = authority.check_time(now() + DAY * 91).unwrap_err();
    assert!(matches!(over, IssueError::NotNow { .. }), "{over}");

    let request = folder.path().join("request.pem");
    let asked = files(&folder).request(sign(1), &[], false).unwrap();
    assert_eq!(asked.waits, None);
    fs::write(&request, &asked.pem).unwrap();
    for own in [&made.certificate, &made.key, &request] {
        let before = fs::read(own).unwrap();
        let refused = authority.sign_file(&request, own, now(), 10, rng);
        let refused = refused.unwrap_err();
        assert!(matches!(refused, AuthorityError::Output(_)), "{refused}");
        assert_eq!(fs::read(own).unwrap(), before);
    }
    let output = folder.path().join("signed.pem");
    let signed = authority.sign_file(&request, &output, now(), 10, rng);
    let signed = signed.unwrap();
    assert_eq!(fs::read_to_string(&output).unwrap(), signed.pem);
    assert_eq!(signed.names.subject, Subject::Party(party(1)));

    // A certificate is on the list once, with the time of the first call.
    let first = authority.revoke(&output, now()).unwrap();
    assert_eq!(first.serial, issue::serial_of(&signed.pem).unwrap());
    let register = dir.join("revoked.list");
    let lines = fs::read_to_string(&register).unwrap();
    assert_eq!(lines.lines().count(), 1);
    assert_eq!(authority.revoke(&output, now() + DAY).unwrap(), first);
    assert_eq!(fs::read_to_string(&register).unwrap(), lines);
    let list = fs::read_to_string(&first.list).unwrap();
    assert!(list.starts_with("-----BEGIN X509 CRL-----"), "{list}");
    // Regression: after 1,191 of them, the register was too long to be read.
    let many: String = (0..9_000)
        .map(|number| format!("7f{number:038x} {}\n", now().as_millis()))
        .collect();
    fs::write(&register, many).unwrap();
    authority.revoke(&output, now()).unwrap();
    let lines = fs::read_to_string(&register).unwrap();
    assert_eq!(lines.lines().count(), 9_001);
    let list = fs::read_to_string(&first.list).unwrap();
    assert!(list.len() < 1 << 20, "{}", list.len());
    fs::write(&register, "no serial\n").unwrap();
    let damaged = authority.revoke(&output, now()).unwrap_err();
    assert!(matches!(damaged, AuthorityError::Register(_)), "{damaged}");
    assert_eq!(fs::read_to_string(&first.list).unwrap(), list);
}

#[test]
fn a_new_key_gets_its_name_with_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, rng) = (folder.path().join("ours"), &mut rand::rng());
    Authority::make(&dir, "ours", now(), 90, rng).unwrap();
    let authority = Authority::open(&dir).unwrap();
    let files = files(&folder);
    let first = files.request(sign(1), &[], true).unwrap();
    assert_eq!(first.waits, None, "there is no other key yet");
    let certificate = authority.sign(&first.pem, now(), 10, rng).unwrap();
    files.install(&certificate).unwrap();
    assert!(!files.settle().unwrap(), "no key waits");
    let key = fs::read(files.key()).unwrap();

    let second = files.request(sign(1), &[], true).unwrap();
    let next = second.waits.expect("it waits beside the present one");
    assert_eq!(fs::read(files.key()).unwrap(), key);
    assert!(!files.settle().unwrap(), "its certificate is not there");
    let certificate = authority.sign(&second.pem, now(), 10, rng).unwrap();
    files.install(&certificate).unwrap();
    assert!(files.settle().unwrap());
    assert!(!next.exists());
    assert_ne!(fs::read(files.key()).unwrap(), key);
}

/// Programs read the reports. None of them has a key.
#[test]
fn reports_are_data_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("ours");
    let made = Authority::make(&dir, "ours", now(), 90, &mut rand::rng()).unwrap();
    let asked = files(&folder).request(sign(1), &[], false).unwrap();
    let reports = serde_json::json!({ "made": made, "asked": asked });
    assert_eq!(reports["made"]["key"], serde_json::json!(made.key));
    assert_eq!(reports["asked"]["waits"], serde_json::Value::Null);
    let text = reports.to_string();
    assert!(!text.contains("PRIVATE KEY"), "{text}");
}
