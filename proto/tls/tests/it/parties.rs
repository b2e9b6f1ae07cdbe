//! Who is taken for whom.

use std::{fs, time::Duration};

use merits_primitives::ids::Origin;
use merits_tls::{Expected, NamesError, Peer, PeerFault, Subject, TlsError, issue};
use merits_verifier::log::LogKey;

use crate::scene::{DAY, Files, Wish, authority, ledger_key, now, origin, party, public, shake};

/// A coordinator's certificate, under the log's key of seed 9.
fn coordinator() -> Wish {
    Wish {
        subject: Subject::Log,
        ..Wish::of(9)
    }
}

fn log() -> LogKey {
    LogKey::new(origin(), public(9))
}

/// What a call of party 1 is told, over a connection with the certificate of `caller`.
fn told(caller: &Files, by: &issue::Made) -> Result<(), PeerFault> {
    let server = Files::of(&coordinator(), by, by);
    let peer = shake(&server.server(), caller, Expected::Log(log()), "localhost").unwrap();
    peer.is(&origin(), &party(1), &[public(1)], now())
}

#[test]
fn a_call_is_its_partys_over_its_own_certificate_alone() {
    let by = authority(now());
    let other = authority(now());
    let of = |wish: &Wish| Files::of(wish, &by, &by);
    assert_eq!(told(&of(&Wish::of(1)), &by), Ok(()));
    assert_eq!(told(&Files::of_nobody(&by), &by), Err(PeerFault::None));
    assert!(matches!(
        told(&of(&Wish::of(2)), &by),
        Err(PeerFault::OtherParty { .. })
    ));
    assert!(matches!(
        told(&of(&coordinator()), &by),
        Err(PeerFault::OtherParty { .. })
    ));
    // An authority that makes a certificate in somebody's name: the ledger's key did not sign.
    let forged = Wish {
        signer: ledger_key(2),
        ..Wish::of(1)
    };
    let not_signed = NamesError::NotSigned {
        subject: Subject::Party(party(1)),
    };
    assert_eq!(
        told(&of(&forged), &by),
        Err(PeerFault::Names(not_signed.clone()))
    );
    let elsewhere = Wish {
        origin: Origin::new("ledger.test/other").unwrap(),
        ..Wish::of(1)
    };
    assert!(matches!(
        told(&of(&elsewhere), &by),
        Err(PeerFault::OtherLedger { .. })
    ));
    let unknown = Files::of(&Wish::of(1), &other, &by);
    let fault = told(&unknown, &by).unwrap_err().to_string();
    assert!(fault.contains("none of the authorities"), "{fault}");
    let expired = Wish {
        at: now() - DAY * 60,
        days: (30, 365),
        ..Wish::of(1)
    };
    let fault = told(&of(&expired), &by).unwrap_err().to_string();
    assert!(
        fault.contains("ended at") && fault.contains("merits tls certificate"),
        "{fault}"
    );
}

#[test]
fn a_partys_word_ends_whatever_the_certificate_says_and_with_its_key() {
    let by = authority(now());
    let server = Files::of(&coordinator(), &by, &by).server();
    let caller = Files::of(&Wish::of(1), &by, &by);
    let peer = shake(&server, &caller, Expected::Log(log()), "localhost").unwrap();
    let is = |key, at| peer.is(&origin(), &party(1), &[key], at);
    assert_eq!(is(public(1), now()), Ok(()));
    // The key was rotated while the connection is open.
    assert!(matches!(
        is(public(3), now()),
        Err(PeerFault::Names(NamesError::NotSigned { .. }))
    ));
    assert_eq!(is(public(1), now()), Ok(()));
    // For some time after the change both keys are the party's.
    let both = [public(3), public(1)];
    assert_eq!(peer.is(&origin(), &party(1), &both, now()), Ok(()));
    // And the end comes while it is open.
    assert!(is(public(1), now() + DAY * 29).is_ok());
    assert!(is(public(1), now() + DAY * 31).is_err());
    assert_eq!(is(public(1), now()), Ok(()));
}

#[test]
fn a_revoked_certificate_is_refused_when_the_list_is_there() {
    let by = authority(now());
    let caller = Files::of(&Wish::of(1), &by, &by);
    let certificate = fs::read_to_string(caller.table.certificate.as_ref().unwrap()).unwrap();
    let serial = hex::decode(issue::serial_of(&certificate).unwrap()).unwrap();
    let list = issue::revoked((&by.pem, &by.key), &[(serial, now())], now()).unwrap();
    let none = issue::revoked((&by.pem, &by.key), &[(vec![0x41; 16], now())], now()).unwrap();
    let mut server = Files::of(&coordinator(), &by, &by);
    let path = server.path("revoked.pem");
    server.table.revoked = vec![path.clone()];
    fs::write(&path, none).unwrap();
    let tls = server.server();
    let peer = shake(&tls, &caller, Expected::Log(log()), "localhost").unwrap();
    let is = |at| peer.is(&origin(), &party(1), &[public(1)], at);
    assert_eq!(is(now()), Ok(()));
    // The list changes while the server runs and the connection is open.
    fs::write(&path, list).unwrap();
    std::thread::sleep(Duration::from_millis(2_100));
    let later = now() + Duration::from_secs(11);
    let fault = is(later).unwrap_err().to_string();
    assert!(fault.contains("was revoked"), "{fault}");
}

#[test]
fn a_server_is_who_is_expected_at_its_address() {
    let by = authority(now());
    let other = authority(now());
    let caller = Files::of_nobody(&by);
    let holders = || Expected::OneOf {
        origin: origin(),
        what: "a holder of view keys",
        parties: vec![(party(4), public(4)), (party(5), public(5))],
    };
    let call = |server: &Files, expected, host: &str| {
        shake(&server.server(), &caller, expected, host).map(|_| ())
    };
    let of = |wish: &Wish| Files::of(wish, &by, &by);
    for host in ["localhost", "127.0.0.1", "::1"] {
        assert_eq!(
            call(&of(&coordinator()), Expected::Log(log()), host),
            Ok(())
        );
        assert_eq!(call(&of(&Wish::of(5)), holders(), host), Ok(()));
        assert_eq!(call(&of(&Wish::of(6)), Expected::AnyServer, host), Ok(()));
    }
    for (server, expected, host, says) in [
        (
            of(&coordinator()),
            Expected::Log(log()),
            "example.org",
            "other names",
        ),
        (
            of(&coordinator()),
            Expected::AnyServer,
            "example.org",
            "other names",
        ),
        (
            of(&coordinator()),
            holders(),
            "localhost",
            "not a holder of view keys",
        ),
        (
            of(&Wish::of(6)),
            holders(),
            "localhost",
            "not a holder of view keys",
        ),
        (
            of(&Wish::of(5)),
            Expected::Log(log()),
            "localhost",
            "the coordinator's is expected",
        ),
        (
            of(&coordinator()),
            Expected::Log(LogKey::new(origin(), public(8))),
            "localhost",
            "did not sign for it",
        ),
        (
            of(&Wish {
                signer: ledger_key(6),
                ..Wish::of(5)
            }),
            holders(),
            "localhost",
            "did not sign for it",
        ),
        (
            Files::of(&coordinator(), &other, &by),
            Expected::Log(log()),
            "localhost",
            "none of the authorities",
        ),
        (
            of(&Wish {
                at: now() - DAY * 60,
                days: (30, 365),
                ..coordinator()
            }),
            Expected::Log(log()),
            "localhost",
            "ended at",
        ),
    ] {
        let told = call(&server, expected, host).unwrap_err();
        assert!(told.contains(says), "{says}: {told}");
    }
}

#[test]
fn a_new_certificate_is_taken_up_without_a_restart() {
    let by = authority(now());
    let mut server = Files::of(&coordinator(), &by, &by);
    let tls = server.server();
    let caller = Files::of_nobody(&by);
    let call = |host| shake(&tls, &caller, Expected::Log(log()), host).map(|_| ());
    assert!(call("example.org").is_err());
    let wish = Wish {
        hosts: vec!["example.org".to_owned()],
        ..coordinator()
    };
    server.replace(&wish, &by);
    std::thread::sleep(Duration::from_millis(2_100));
    assert_eq!(call("example.org"), Ok(()));
    // What cannot be used changes nothing.
    fs::write(server.table.certificate.as_ref().unwrap(), "nothing").unwrap();
    std::thread::sleep(Duration::from_millis(2_100));
    assert_eq!(call("example.org"), Ok(()));
}

/// Whatever the reason was that it could not be read: here its mode, which is no change of the file.
#[test]
fn what_could_not_be_read_is_tried_again() {
    let by = authority(now());
    let mut server = Files::of(&coordinator(), &by, &by);
    let tls = server.server();
    let caller = Files::of_nobody(&by);
    let call = |host| shake(&tls, &caller, Expected::Log(log()), host).map(|_| ());
    let wish = Wish {
        hosts: vec!["example.org".to_owned()],
        ..coordinator()
    };
    server.replace(&wish, &by);
    let key = server.table.key.clone().unwrap();
    let mode = |bits| {
        fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(bits)).unwrap()
    };
    // A key that others may read is refused.
    mode(0o644);
    std::thread::sleep(Duration::from_millis(2_100));
    assert!(call("example.org").is_err());
    mode(0o600);
    std::thread::sleep(Duration::from_millis(2_100));
    assert_eq!(call("example.org"), Ok(()));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let by = authority(now());
    let load = |files: &Files| merits_tls::Security::load(Some(&files.table), false).map(|_| ());
    let good = || Files::of(&Wish::of(1), &by, &by);
    assert!(load(&good()).is_ok());
    let mut half = good();
    half.table.key = None;
    assert!(matches!(load(&half), Err(TlsError::Half("key"))));
    let mut nobody = good();
    nobody.table.authorities.clear();
    assert!(matches!(load(&nobody), Err(TlsError::NoAuthorities)));
    let strange = good();
    fs::write(&strange.table.authorities[0], "").unwrap();
    assert!(matches!(load(&strange), Err(TlsError::NoAuthorities)));
    let mixed = good();
    let (other, _) = Wish::of(1).signed(&by);
    fs::write(mixed.table.certificate.as_ref().unwrap(), other.pem).unwrap();
    let told = load(&mixed).unwrap_err().to_string();
    assert!(
        told.contains("own.pem") && told.contains("do not belong together"),
        "{told}"
    );
    let plain = good();
    fs::write(plain.table.certificate.as_ref().unwrap(), &by.pem).unwrap();
    let told = load(&plain).unwrap_err().to_string();
    assert!(told.contains("own.pem"), "{told}");
    let exposed = good();
    let key = exposed.table.key.as_ref().unwrap();
    fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let told = load(&exposed).unwrap_err().to_string();
    assert!(
        told.contains("own.key") && !told.contains("BEGIN"),
        "{told}"
    );
}

#[test]
fn over_plain_text_nobody_is_asked() {
    assert_eq!(
        Peer::Plain.is(&origin(), &party(1), &[public(1)], now()),
        Ok(())
    );
    assert_eq!(Peer::Stranger.is_known(), Err(PeerFault::None));
}
