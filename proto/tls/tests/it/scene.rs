//! An authority, parties with certificates, and handshakes in memory.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use ed25519_dalek::SigningKey;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, PartyId},
};
use merits_tls::{
    Expected, Names, Peer, Security, ServerTls, Subject, TlsFiles,
    issue::{self, Made, Signed},
    rustls::{self, ClientConnection, ServerConnection, pki_types::ServerName},
    words,
};
use merits_verifier::signature::PublicKey;
use tempfile::TempDir;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// The machine's time: rustls takes no other for handshakes.
pub(crate) fn now() -> Timestamp {
    let now = std::time::SystemTime::now();
    Timestamp::FIRST + now.duration_since(std::time::UNIX_EPOCH).unwrap()
}

pub(crate) fn origin() -> Origin {
    Origin::new("ledger.test/tls").unwrap()
}

pub(crate) fn ledger_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn public(seed: u8) -> PublicKey {
    PublicKey::of(&ledger_key(seed))
}

/// The party whose key has this seed.
pub(crate) fn party(seed: u8) -> PartyId {
    PartyId([seed; 32])
}

pub(crate) fn authority(at: Timestamp) -> Made {
    // It began long before, so that it can sign what has ended.
    issue::authority(
        "authority of a test",
        at - DAY * 90,
        90 + 365,
        &mut rand::rng(),
    )
    .unwrap()
}

/// What a certificate is made from.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) origin: Origin,
    pub(crate) subject: Subject,
    pub(crate) signer: SigningKey,
    pub(crate) hosts: Vec<String>,
    pub(crate) at: Timestamp,
    /// Until when the certificate is, and the party's word for it.
    pub(crate) days: (u32, u32),
}

impl Wish {
    pub(crate) fn of(seed: u8) -> Self {
        Self {
            origin: origin(),
            subject: Subject::Party(party(seed)),
            signer: ledger_key(seed),
            hosts: vec!["localhost".into(), "127.0.0.1".into(), "::1".into()],
            at: now(),
            days: (30, 30),
        }
    }

    pub(crate) fn request(&self) -> Made {
        let until = self.at + DAY * self.days.1;
        let sign = |info: &[u8]| {
            Ok::<_, issue::IssueError>(Names::sign(
                &self.origin,
                self.subject,
                info,
                until,
                &self.signer,
            ))
        };
        issue::request(sign, &self.hosts, None).unwrap()
    }

    pub(crate) fn signed(&self, by: &Made) -> (Signed, Made) {
        let request = self.request();
        let authority = (by.pem.as_str(), &by.key);
        let rng = &mut rand::rng();
        let signed = issue::sign(authority, &request.pem, self.at, self.days.0, rng);
        (signed.unwrap(), request)
    }
}

/// Files of TLS.
pub(crate) struct Files {
    pub(crate) folder: TempDir,
    pub(crate) table: TlsFiles,
}

impl Files {
    /// Those of a caller without a certificate.
    pub(crate) fn of_nobody(trusted: &Made) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = folder.path().join("authority.pem");
        fs::write(&authority, &trusted.pem).unwrap();
        let table = TlsFiles {
            authorities: vec![authority],
            revoked: Vec::new(),
            certificate: None,
            key: None,
        };
        Self { folder, table }
    }

    pub(crate) fn of(wish: &Wish, by: &Made, trusted: &Made) -> Self {
        let mut files = Self::of_nobody(trusted);
        files.replace(wish, by);
        files
    }

    /// A new certificate, and a new key.
    pub(crate) fn replace(&mut self, wish: &Wish, by: &Made) {
        let (signed, request) = wish.signed(by);
        let (certificate, key) = (self.path("own.pem"), self.path("own.key"));
        fs::write(&key, request.key.0.as_bytes()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&certificate, &signed.pem).unwrap();
        self.table.certificate = Some(certificate);
        self.table.key = Some(key);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn security(&self) -> Security {
        Security::load(Some(&self.table), false).unwrap()
    }

    pub(crate) fn server(&self) -> ServerTls {
        let address = "127.0.0.1:1".parse().unwrap();
        self.security().serving(address).unwrap().unwrap()
    }
}

/// One handshake over no network. The error is what the client's user is told, or the server's.
pub(crate) fn shake(
    server: &ServerTls,
    caller: &Files,
    expected: Expected,
    host: &str,
) -> Result<Peer, String> {
    let client = caller.security().calling(Some("https"), Some(host));
    let config = client.unwrap().unwrap().config(expected).unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(config, name).unwrap();
    let mut own = ServerConnection::new(server.config()).unwrap();
    let told = |error: rustls::Error| words(&std::io::Error::other(error));
    while client.is_handshaking() || own.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            own.read_tls(&mut rest).unwrap();
            own.process_new_packets().map_err(told)?;
        }
        let mut wire = Vec::new();
        while own.wants_write() {
            own.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().map_err(told)?;
        }
    }
    Ok(server.peer(&own))
}
