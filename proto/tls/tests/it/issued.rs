//! What is made holds before OpenSSL, strictly, and only what it should.

use std::{fs, path::Path, process::Command, time::Duration};

use merits_primitives::ids::PartyId;
use merits_tls::{
    Subject,
    issue::{self, IssueError},
};

use crate::scene::{DAY, Wish, authority, now};

/// Whether `openssl verify -x509_strict` takes a certificate, and what it says.
fn openssl(folder: &Path, authority: &str, certificate: &str, more: &[&str]) -> (bool, String) {
    let (trusted, own) = (folder.join("trusted.pem"), folder.join("own.pem"));
    fs::write(&trusted, authority).unwrap();
    fs::write(&own, certificate).unwrap();
    let ran = Command::new("openssl")
        .args([
            "verify",
            "-x509_strict",
            "-check_ss_sig",
            "-no-CApath",
            "-no-CAstore",
        ])
        .arg("-CAfile")
        .arg(&trusted)
        .args(more)
        .arg(&own)
        .output()
        .expect("openssl is installed");
    let said = [ran.stdout, ran.stderr].concat();
    (
        ran.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn openssl_takes_them_strictly_for_both_ends_and_for_their_hosts_alone() {
    let folder = tempfile::tempdir().unwrap();
    let by = authority(now());
    let (signed, _) = Wish::of(1).signed(&by);
    let verify = |more: &[&str]| openssl(folder.path(), &by.pem, &signed.pem, more);
    for more in [
        &[][..],
        &["-purpose", "sslserver"],
        &["-purpose", "sslclient"],
        &["-verify_hostname", "localhost"],
        &["-verify_ip", "127.0.0.1"],
        &["-verify_ip", "::1"],
    ] {
        let (taken, said) = verify(more);
        assert!(taken, "{more:?}: {said}");
    }
    let later = ((now() + DAY * 31).as_millis() / 1_000).to_string();
    let earlier = (now().as_millis() / 1_000 - 2 * 3_600).to_string();
    for more in [
        &["-verify_hostname", "example.org"][..],
        &["-verify_ip", "127.0.0.2"],
        &["-attime", &later],
        &["-attime", &earlier],
        &["-purpose", "smimesign"],
    ] {
        let (taken, said) = verify(more);
        assert!(!taken, "{more:?}: {said}");
    }
    // The authority itself, and another of the same name.
    let (taken, said) = openssl(folder.path(), &by.pem, &by.pem, &[]);
    assert!(taken, "{said}");
    let other = authority(now());
    let (taken, said) = openssl(folder.path(), &other.pem, &signed.pem, &[]);
    assert!(
        !taken && said.contains("unable to get local issuer"),
        "{said}"
    );
}

#[test]
fn openssl_reads_what_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let by = authority(now());
    let (signed, request) = Wish::of(1).signed(&by);
    let show = |kind: &str, pem: &str| {
        let path = folder.path().join("shown.pem");
        fs::write(&path, pem).unwrap();
        let ran = Command::new("openssl")
            .args([kind, "-noout", "-text", "-in"])
            .arg(&path)
            .output()
            .expect("openssl is installed");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8(ran.stdout).unwrap()
    };
    let certificate = show("x509", &signed.pem);
    for expected in [
        "CA:FALSE",
        "Digital Signature",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
        "URI:merits:party:0101",
        "URI:merits:signed:",
        "DNS:localhost",
        "IP Address:127.0.0.1",
    ] {
        assert!(certificate.contains(expected), "{expected}: {certificate}");
    }
    let own = show("x509", &by.pem);
    for expected in [
        "CA:TRUE, pathlen:0",
        "Certificate Sign, CRL Sign",
        "X509v3 Subject Key Identifier",
    ] {
        assert!(own.contains(expected), "{expected}: {own}");
    }
    assert!(show("req", &request.pem).contains("URI:merits:party:0101"));
    let key = show("pkey", &request.key.0);
    assert!(key.contains("prime256v1"), "{key}");
}

#[test]
fn a_renewed_certificate_has_another_serial_and_the_same_key() {
    let by = authority(now());
    let wish = Wish::of(1);
    let request = wish.request();
    let sign = || {
        let rng = &mut rand::rng();
        issue::sign((&by.pem, &by.key), &request.pem, now(), 30, rng).unwrap()
    };
    let serial = |pem: &str| issue::serial_of(pem).unwrap();
    let (one, other) = (sign(), sign());
    assert_ne!(serial(&one.pem), serial(&other.pem));
    assert_eq!(serial(&one.pem).len(), 32);
    assert_eq!(one.names, other.names);
    let report = serde_json::to_value(&one).unwrap();
    assert_eq!(report["origin"], one.names.origin.as_str());
    assert_eq!(
        report["hosts"].as_array().map(Vec::len),
        Some(one.hosts.len())
    );
}

#[test]
fn a_certificate_ends_with_the_partys_word_and_hosts_are_checked() {
    let by = authority(now());
    let mut wish = Wish::of(1);
    wish.days = (30, 2);
    let (signed, _) = wish.signed(&by);
    let end = wish.at + DAY * 2;
    assert!(signed.until <= end && end.distance(signed.until) < Duration::from_secs(1));
    let request = wish.request();
    let late = wish.at + DAY * 3;
    let rng = &mut rand::rng();
    let over = issue::sign((&by.pem, &by.key), &request.pem, late, 30, rng);
    assert!(matches!(over, Err(IssueError::Over(_))), "{over:?}");
    for host in ["two words", "", "https://example.org", "example.org:7700"] {
        wish.hosts = vec![host.to_owned()];
        let sign = |info: &[u8]| {
            Ok(merits_tls::Names::sign(
                &wish.origin,
                Subject::Party(PartyId([1; 32])),
                info,
                end,
                &wish.signer,
            ))
        };
        let made = issue::request::<IssueError>(sign, &wish.hosts, None);
        assert!(matches!(made, Err(IssueError::Host(_))), "{host}: {made:?}");
    }
}

/// An authority signs no request that is somebody's own invention.
#[test]
fn requests_without_a_partys_names_or_with_more_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let by = authority(now());
    let key = folder.path().join("own.key");
    let request = |names: &str| {
        let ran = Command::new("openssl")
            .args([
                "req",
                "-new",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
            ])
            .args(["-nodes", "-subj", "/CN=x", "-addext"])
            .arg(format!("subjectAltName={names}"))
            .arg("-keyout")
            .arg(&key)
            .output()
            .expect("openssl is installed");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        String::from_utf8(ran.stdout).unwrap()
    };
    let sign = |request: &str| {
        let rng = &mut rand::rng();
        issue::sign((&by.pem, &by.key), request, now(), 30, rng)
    };
    let refused = sign(&request("DNS:example.org"));
    assert!(matches!(refused, Err(IssueError::Names(_))), "{refused:?}");
    let names = Wish::of(1);
    let [subject, signed] = merits_tls::Names::sign(
        &names.origin,
        names.subject,
        b"any key",
        now() + DAY,
        &names.signer,
    )
    .to_uris();
    let own = format!("URI:{subject},URI:{signed}");
    // The authority does not know the ledger's keys. Whether the word holds is found by those who do.
    assert!(sign(&request(&own)).is_ok());
    for more in ["email:a@example.org", "URI:https://example.org"] {
        let refused = sign(&request(&format!("{own},{more}")));
        assert!(
            matches!(refused, Err(IssueError::OtherName(_))),
            "{more}: {refused:?}"
        );
    }
    // Regression: the words of a library, "Could not parse certificate signing request".
    let whole = request(&own);
    for (file, found) in [
        (
            "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n",
            "cut off or damaged",
        ),
        (&whole[..whole.len() / 2], "cut off or damaged"),
        (&by.pem, "it is a certificate"),
        (&by.key.0, "it is a private key"),
        ("signing_key = \"sponsor.key\"\n", "another kind of file"),
        ("", "another kind of file"),
    ] {
        let refused = sign(file).expect_err("no request");
        assert!(matches!(refused, IssueError::NoRequest(_)), "{refused:?}");
        let refused = refused.to_string();
        assert!(refused.contains(found), "{refused}");
        assert!(refused.contains("merits tls request"), "{refused}");
    }
    let own_key = |_: &[u8]| Err::<merits_tls::Names, _>(IssueError::OtherAuthority);
    let refused = issue::request(own_key, &[], Some(&by.pem)).expect_err("no key");
    assert!(matches!(refused, IssueError::NoKey), "{refused:?}");
}

/// What an authority signs after its own end would be refused by all who check dates of authorities.
#[test]
fn an_authority_signs_nothing_after_its_end_nor_beyond_it() {
    let begun = now();
    let by = issue::authority("short", begun, 10, &mut rand::rng()).unwrap();
    let mut wish = Wish::of(1);
    wish.days = (30, 30);
    let (signed, _) = wish.signed(&by);
    let end = begun + DAY * 10;
    assert!(signed.until <= end && end.distance(signed.until) < Duration::from_secs(1));
    let request = wish.request();
    let sign = |at| issue::sign((&by.pem, &by.key), &request.pem, at, 30, &mut rand::rng());
    sign(begun + DAY * 9).expect("the last day");
    let error = sign(begun + DAY * 10).expect_err("its end");
    assert!(
        matches!(error, IssueError::NotNow { word: "ended", .. }),
        "{error}"
    );
    assert!(error.to_string().contains("tls ca"), "{error}");
    issue::check_time(&by.pem, begun + DAY * 10).expect_err("its end");
    // A clock that is wrong by a day.
    let late = issue::authority("late", begun + DAY, 10, &mut rand::rng()).unwrap();
    let error = issue::sign(
        (&late.pem, &late.key),
        &request.pem,
        begun,
        30,
        &mut rand::rng(),
    )
    .expect_err("not begun");
    assert!(
        matches!(error, IssueError::NotNow { word: "begins", .. }),
        "{error}"
    );
}
