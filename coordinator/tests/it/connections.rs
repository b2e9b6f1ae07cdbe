//! Every call of a coordinator, by a party of every role, with every sort of certificate.

use std::{path::Path, time::Duration};

use merits_coordinator::{Beginning, Coordinator};
use merits_ledger::{
    Entry, Role,
    entry::{CONSENT_WITHDRAWN, KeysRotated, StandingChange},
};
use merits_ledger_fixture::{Member, acts};
use merits_primitives::ids::PartyId;
use merits_proto::{
    Expected, Fault, Reason, connect,
    ledger::{
        SubmitManyRequest, SubmitManyResponse, SubmitRequest, SubmitWithBlobsRequest,
        submit_many_response::Outcome,
    },
};
use merits_tls::{
    Subject,
    issue::{self, Made},
};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry};
use prost::Message as _;
use tonic::{Code, Status, transport::Channel};

use crate::{
    federation::{Founding, Node},
    raw::call,
    tls::{DAY, Files, Wish, authority, now},
};

/// The sorts of certificates that a caller may come with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    Own,
    Anothers,
    Expired,
    Revoked,
    /// Of an authority that the server does not take.
    Unknown,
    /// In the party's name, with a word that another key signed.
    Forged,
}

const SORTS: [With; 7] = [
    With::Nothing,
    With::Own,
    With::Anothers,
    With::Expired,
    With::Revoked,
    With::Unknown,
    With::Forged,
];

/// What a call is made with.
#[derive(Debug, Clone, Copy)]
enum Asks {
    /// A party's entry, which only the party may send.
    PartysEntry,
    /// What a person makes, over the same call.
    PersonsEntry,
    /// An empty message, whatever the service thinks of it.
    Nothing,
}

/// Every call of the services that a coordinator has, by what needs a certificate.
const CALLS: [(&str, Asks); 26] = [
    ("/merits.ledger.v1.Ledger/Submit", Asks::PartysEntry),
    ("/merits.ledger.v1.Ledger/Submit", Asks::PersonsEntry),
    ("/merits.ledger.v1.Ledger/SubmitMany", Asks::PartysEntry),
    ("/merits.ledger.v1.Ledger/SubmitMany", Asks::PersonsEntry),
    ("/merits.ledger.v1.Blobs/SubmitWithBlobs", Asks::PartysEntry),
    (
        "/merits.ledger.v1.Blobs/SubmitWithBlobs",
        Asks::PersonsEntry,
    ),
    ("/merits.ledger.v1.Blobs/GetBlob", Asks::Nothing),
    ("/merits.ledger.v1.Ledger/GetReceipt", Asks::Nothing),
    ("/merits.ledger.v1.Ledger/GetCheckpoint", Asks::Nothing),
    (
        "/merits.ledger.v1.Ledger/GetConsistencyProof",
        Asks::Nothing,
    ),
    ("/merits.ledger.v1.Ledger/StreamEntries", Asks::Nothing),
    (
        "/merits.ledger.v1.Cosignatures/GetCosignedCheckpoint",
        Asks::Nothing,
    ),
    (
        "/merits.ledger.v1.Cosignatures/GetCosignedReceipt",
        Asks::Nothing,
    ),
    ("/merits.notes.v1.Notes/GetBuckets", Asks::Nothing),
    ("/merits.notes.v1.Notes/GetBucket", Asks::Nothing),
    ("/merits.registry.v1.Registry/GetLog", Asks::Nothing),
    ("/merits.registry.v1.Registry/ListParties", Asks::Nothing),
    ("/merits.registry.v1.Registry/GetParty", Asks::Nothing),
    ("/merits.registry.v1.Registry/ListScales", Asks::Nothing),
    ("/merits.registry.v1.Registry/GetScale", Asks::Nothing),
    ("/merits.registry.v1.Registry/ListEpochs", Asks::Nothing),
    ("/merits.verifier.v1.Verifier/VerifyOne", Asks::Nothing),
    ("/merits.verifier.v1.Verifier/VerifyMany", Asks::Nothing),
    ("/grpc.health.v1.Health/Check", Asks::Nothing),
    (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        Asks::Nothing,
    ),
    (
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        Asks::Nothing,
    ),
];

/// Calls of other servers, and the programs whose tests walk them in the same way.
const ELSEWHERE: [&str; 6] = [
    // parties/supervisor/tests/it/supervision/connections.rs
    "/merits.supervision.v1.Supervision/RequestPartial",
    "/merits.supervision.v1.Supervision/RequestTotalPartial",
    // parties/evaluator/tests/it/uniqueness/connections.rs
    "/merits.uniqueness.v1.Uniqueness/Evaluate",
    // parties/exchange/tests/it/connections.rs
    "/merits.exchange.v1.Exchange/ListOffers",
    "/merits.exchange.v1.Exchange/Redeem",
    "/merits.exchange.v1.Exchange/GetVoucher",
];

struct Scene {
    node: Node,
    founding: Founding,
    members: Vec<(Role, Member)>,
    by: Made,
    other: Made,
    _directory: tempfile::TempDir,
    server: Files,
}

impl Scene {
    /// A coordinator over TLS, with a party of each role on its ledger.
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let founding = Founding::new(77);
        let origin = founding.federation.origin.clone();
        let config = founding.config(directory.path());
        // Before there are certificates, on one machine.
        let mut node = Node::founded(&founding, config.clone()).await;
        let names = [
            "an issuer",
            "a source",
            "a distributor",
            "a sponsor",
            "an exchange",
            "a bank",
            "a supervisor",
            "a witness",
            "a registrar",
            "an evaluator",
        ];
        let members: Vec<(Role, Member)> = (100..)
            .zip(Role::ALL)
            .zip(names)
            .map(|((seed, role), name)| (role, Member::new(&origin, name, &[role], seed)))
            .collect();
        for (_, member) in &members {
            let admitted = acts::admitted(member.application(&origin));
            let entry = founding
                .federation
                .sign(&admitted, &founding.federation.supervisor);
            node.client.submit(&entry).await.unwrap();
        }
        node.coordinator.shutdown().await.unwrap();
        let (by, other) = (authority(now()), authority(now()));
        let wish = Wish {
            origin,
            subject: Subject::Log,
            ..Wish::of(9)
        };
        let mut server = Files::of(&wish, &by, &by);
        let list = server.path("revoked.pem");
        let none = [(vec![0x41; 16], now())];
        std::fs::write(
            &list,
            issue::revoked((&by.pem, &by.key), &none, now()).unwrap(),
        )
        .unwrap();
        server.table.revoked = vec![list];
        let config = merits_coordinator::Config {
            tls: Some(server.table.clone()),
            ..config
        };
        let clock = std::sync::Arc::new(merits_coordinator::SystemClock);
        let coordinator = Coordinator::begin(config, clock, Beginning::GoOn).await;
        node.coordinator = coordinator.unwrap();
        Self {
            node,
            founding,
            members,
            by,
            other,
            _directory: directory,
            server,
        }
    }

    fn wish(&self, member: &Member) -> Wish {
        Wish {
            origin: self.founding.federation.origin.clone(),
            subject: Subject::Party(member.id),
            signer: member.key.clone(),
            ..Wish::of(1)
        }
    }

    /// The files of a caller in the place of `member`. Serials of certificates to revoke are added
    /// to `revoked`.
    fn files(&self, member: &Member, with: With, revoked: &mut Vec<Vec<u8>>) -> Files {
        let supervisor = &self.founding.federation.supervisor;
        let own = self.wish(member);
        let of = |wish: &Wish| Files::of(wish, &self.by, &self.by);
        match with {
            With::Nothing => Files::of_nobody(&self.by),
            With::Own => of(&own),
            With::Anothers => of(&self.wish(supervisor)),
            With::Expired => of(&Wish {
                at: now() - DAY * 60,
                days: (30, 365),
                ..own
            }),
            With::Unknown => Files::of(&own, &self.other, &self.by),
            With::Forged => of(&Wish {
                signer: supervisor.key.clone(),
                ..own
            }),
            With::Revoked => {
                let files = of(&own);
                let certificate = files.table.certificate.as_ref().unwrap();
                let certificate = std::fs::read_to_string(certificate).unwrap();
                let serial = issue::serial_of(&certificate).unwrap();
                revoked.push(hex::decode(serial).unwrap());
                files
            }
        }
    }

    async fn channel(&self, files: &Files) -> Channel {
        let address = format!("https://{}", self.node.coordinator.address());
        let security = files.security();
        // A test has no log key before it has a ledger.
        let channel = connect(
            "coordinator",
            &address,
            None,
            &security,
            Expected::AnyServer,
        );
        channel.await.unwrap()
    }

    /// An entry of `member` that passes every check of who may send it, and is then refused: so it
    /// can be sent again and again.
    fn entry_of(&self, member: &Member) -> SignedEntry {
        let (origin, key) = (&self.founding.federation.origin, [3; 32]);
        let rotated = KeysRotated::new(
            origin,
            &member.id,
            99,
            &ed25519_dalek::SigningKey::from_bytes(&key),
            [0; 32],
        );
        self.founding
            .federation
            .sign(&Entry::KeysRotated(rotated), member)
    }

    fn persons_entry(&self) -> SignedEntry {
        SignedEntry {
            origin: self.founding.federation.origin.clone(),
            kind: CONSENT_WITHDRAWN,
            party: PartyId([0; 32]),
            statement: Vec::new(),
            proof: None,
            signature: [0; 64],
        }
    }

    /// The message of a call.
    fn message(&self, path: &str, asks: Asks, member: &Member) -> Vec<u8> {
        let entry = match asks {
            Asks::PartysEntry => self.entry_of(member).to_bytes(),
            Asks::PersonsEntry => self.persons_entry().to_bytes(),
            Asks::Nothing => return Vec::new(),
        };
        match path.rsplit('/').next() {
            Some("Submit") => SubmitRequest { entry }.encode_to_vec(),
            Some("SubmitMany") => SubmitManyRequest { tag: 1, entry }.encode_to_vec(),
            Some("SubmitWithBlobs") => SubmitWithBlobsRequest {
                entry,
                blob: Vec::new(),
            }
            .encode_to_vec(),
            other => panic!("no entry is sent by {other:?}"),
        }
    }
}

/// The fault of an answer; `None` if there is none.
fn fault(path: &str, answer: Result<Vec<Vec<u8>>, Status>) -> Option<Fault> {
    match answer {
        Err(status) => Some(Fault::from_status(&status)),
        Ok(messages) if path.ends_with("/SubmitMany") => {
            let answer = SubmitManyResponse::decode(messages[0].as_slice()).unwrap();
            match answer.outcome.unwrap() {
                Outcome::Refused(fault) => Some(Fault::try_from(fault).unwrap()),
                Outcome::Accepted(_) => None,
            }
        }
        Ok(_) => None,
    }
}

fn is_of_certificate(fault: Option<&Fault>) -> bool {
    fault.is_some_and(|fault| fault.field.to_string() == "certificate")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_of_each_role_with_each_certificate() {
    let scene = Scene::start().await;
    let mut revoked = Vec::new();
    let mut callers = Vec::new();
    for (role, member) in &scene.members {
        for with in SORTS {
            let files = scene.files(member, with, &mut revoked);
            let channel = scene.channel(&files).await;
            callers.push((*role, member, with, channel));
        }
    }
    revoke(&scene, &revoked);
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let mut walked = 0;
    for (role, member, with, channel) in &callers {
        for (path, asks) in CALLS {
            let message = scene.message(path, asks, member);
            let told = fault(path, call(channel.clone(), path, message).await);
            let cell = format!("{} with {with:?}, {path} {asks:?}: {told:?}", role.name());
            // A sponsor's own certificate is enough for a sponsor, and nobody else's is.
            let refused = matches!(asks, Asks::PartysEntry) && *with != With::Own;
            assert_eq!(is_of_certificate(told.as_ref()), refused, "{cell}");
            if let Some(told) = told.filter(|_| refused) {
                let code = match with {
                    With::Anothers => Code::PermissionDenied,
                    _ => Code::Unauthenticated,
                };
                assert_eq!(
                    (told.code, told.reason.known()),
                    (code, Some(Reason::SignatureInvalid)),
                    "{cell}"
                );
                assert!(told.signed_refusal.is_empty(), "nothing was judged: {cell}");
                let says = match with {
                    With::Nothing => "came without one",
                    With::Anothers => "with its own certificate",
                    With::Expired => "ended at",
                    With::Revoked => "was revoked",
                    With::Unknown => "none of the authorities",
                    With::Forged => "did not sign for it",
                    With::Own => "",
                };
                assert!(told.message.contains(says), "{cell}");
            } else if matches!(asks, Asks::PartysEntry) {
                let told = fault(
                    path,
                    call(channel.clone(), path, scene.message(path, asks, member)).await,
                );
                let reason = told.and_then(|told| told.reason.known());
                assert_eq!(reason, Some(Reason::OutOfSequence), "{cell}");
            }
            walked += 1;
        }
    }
    assert_eq!(walked, Role::ALL.len() * SORTS.len() * CALLS.len());

    // Suspended while their connections are open: refused at the next call. What is open to
    // everybody stays open.
    for (role, member) in &scene.members {
        suspend(&scene, member).await;
        let own = callers
            .iter()
            .find(|(other, _, with, _)| other == role && *with == With::Own);
        let (.., channel) = own.unwrap();
        for (path, asks) in CALLS {
            let message = scene.message(path, asks, member);
            let told = fault(path, call(channel.clone(), path, message).await);
            let reason = told.as_ref().and_then(|told| told.reason.known());
            let refused = reason == Some(Reason::PartySuspended);
            assert_eq!(
                refused,
                matches!(asks, Asks::PartysEntry),
                "a suspended {}, {path} {asks:?}: {told:?}",
                role.name()
            );
        }
    }
}

fn revoke(scene: &Scene, serials: &[Vec<u8>]) {
    let serials: Vec<_> = serials
        .iter()
        .map(|serial| (serial.clone(), now()))
        .collect();
    let list = issue::revoked((&scene.by.pem, &scene.by.key), &serials, now()).unwrap();
    std::fs::write(&scene.server.table.revoked[0], list).unwrap();
}

async fn suspend(scene: &Scene, member: &Member) {
    let supervisor = &scene.founding.federation.supervisor;
    let files = scene.files(supervisor, With::Own, &mut Vec::new());
    let suspended = acts::suspended(StandingChange {
        party: member.id,
        sequence: 1,
        basis: "a test".to_owned(),
    });
    let entry = scene.founding.federation.sign(&suspended, supervisor);
    let message = SubmitRequest {
        entry: entry.to_bytes(),
    };
    let channel = scene.channel(&files).await;
    let path = "/merits.ledger.v1.Ledger/Submit";
    call(channel, path, message.encode_to_vec()).await.unwrap();
}

/// A call that is added is walked too, here or by its server's own tests.
#[test]
fn the_table_has_every_call() {
    let set = prost_types::FileDescriptorSet::decode(merits_proto::DESCRIPTORS).unwrap();
    let mut missing = Vec::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let here = CALLS.iter().any(|(known, _)| **known == *path);
                if !here && !ELSEWHERE.contains(&path.as_str()) {
                    missing.push(path);
                }
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

/// Founds a ledger over TLS, and gives the authority of its certificates.
async fn found(founding: &Founding, folder: &Path, board: &str) -> (Coordinator, Made, Files) {
    let by = authority(now());
    let wish = Wish {
        subject: Subject::Log,
        ..Wish::of(9)
    };
    let server = Files::of(&wish, &by, &by);
    let config = merits_coordinator::Config {
        tls: Some(server.table.clone()),
        board: board.to_owned(),
        ..founding.config(folder)
    };
    let clock = std::sync::Arc::new(merits_coordinator::SystemClock);
    let coordinator = Coordinator::found(config, clock).await.unwrap();
    (coordinator, by, server)
}

async fn submit(coordinator: &Coordinator, files: &Files, entry: &SignedEntry) -> Option<Fault> {
    let address = format!("https://{}", coordinator.address());
    let security = files.security();
    let channel = connect(
        "coordinator",
        &address,
        None,
        &security,
        Expected::AnyServer,
    );
    let message = SubmitRequest {
        entry: entry.to_bytes(),
    };
    let path = "/merits.ledger.v1.Ledger/Submit";
    let answer = call(channel.await.unwrap(), path, message.encode_to_vec()).await;
    fault(path, answer)
}

fn own(founding: &Founding, member: &Member, by: &Made) -> Files {
    let wish = Wish {
        origin: founding.federation.origin.clone(),
        subject: Subject::Party(member.id),
        signer: member.key.clone(),
        ..Wish::of(1)
    };
    Files::of(&wish, by, by)
}

/// A ledger that is founded over TLS: the first entry comes from nobody whom the ledger knows, the
/// next ones need their party's certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_founders_first_entry_needs_no_certificate_and_its_second_does() {
    let directory = tempfile::tempdir().unwrap();
    let founding = Founding::new(78);
    let (coordinator, by, _server) = found(&founding, directory.path(), "alone").await;
    let nobody = Files::of_nobody(&by);
    assert_eq!(
        submit(&coordinator, &nobody, &founding.entries[0]).await,
        None
    );
    let told = submit(&coordinator, &nobody, &founding.entries[1]).await;
    assert!(is_of_certificate(told.as_ref()), "{told:?}");
    let own = own(&founding, &founding.federation.supervisor, &by);
    assert_eq!(submit(&coordinator, &own, &founding.entries[1]).await, None);
    coordinator.shutdown().await.unwrap();
}

/// Another founder is on no ledger yet either, but its application has its key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_founder_admits_itself_over_its_own_connection() {
    let directory = tempfile::tempdir().unwrap();
    let founding = Founding::new(80);
    let origin = &founding.federation.origin;
    let second = Member::new(origin, "a second supervisor", &[Role::Supervisor], 120);
    let board = format!(
        "ordinary 2; trust 2; delay 0; consents 0; supervisors {}; witnesses",
        hex::encode(second.id.0)
    );
    let (coordinator, by, _server) = found(&founding, directory.path(), &board).await;
    let nobody = Files::of_nobody(&by);
    assert_eq!(
        submit(&coordinator, &nobody, &founding.entries[0]).await,
        None
    );
    let application = Entry::PartyAdmitted(second.application(origin));
    let application = founding.federation.sign(&application, &second);
    let first = own(&founding, &founding.federation.supervisor, &by);
    for files in [&nobody, &first] {
        let told = submit(&coordinator, files, &application).await;
        assert!(is_of_certificate(told.as_ref()), "{told:?}");
    }
    let own = own(&founding, &second, &by);
    assert_eq!(submit(&coordinator, &own, &application).await, None);
    coordinator.shutdown().await.unwrap();
}

/// What cannot be is told before anything is served.
#[tokio::test]
async fn tls_that_cannot_be_is_refused_at_the_start() {
    let founding = Founding::new(79);
    let start = async |change: &dyn Fn(&mut merits_coordinator::Config, &Path)| {
        let directory = tempfile::tempdir().unwrap();
        let mut config = founding.config(directory.path());
        change(&mut config, directory.path());
        let clock = std::sync::Arc::new(merits_coordinator::SystemClock);
        match Coordinator::found(config, clock).await {
            Ok(_) => panic!("it started"),
            Err(error) => error.to_string(),
        }
    };
    let by = authority(now());
    let nobody = Files::of_nobody(&by);
    let told = start(&|config, _| config.tls = Some(nobody.table.clone())).await;
    assert!(told.contains("needs its certificate"), "{told}");
    let told = start(&|config, _| config.listen = ([0, 0, 0, 0], 0).into()).await;
    assert!(told.contains("insecure_plaintext"), "{told}");
    let told = start(&|config, folder| {
        let mut table = nobody.table.clone();
        table.authorities = vec![folder.join("none.pem")];
        config.tls = Some(table);
    })
    .await;
    assert!(told.contains("none.pem"), "{told}");
}
