//! Attacks of unknown callers on a coordinator, and the service that parties still get.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use merits_proto::{
    Fault, Reason,
    ledger::{
        StreamEntriesRequest, SubmitManyRequest, SubmitRequest, ledger_client::LedgerClient,
        submit_many_response::Outcome,
    },
    notes::{GetBucketRequest, notes_client::NotesClient},
    verifier::{BareProof, Subject, VerifyManyRequest, subject, verifier_client::VerifierClient},
};
use merits_verifier::{Statement as _, codec::Canonical as _};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::federation::{Founding, Node, world::World};

/// Invalid proofs are the most expensive kind, because each batch with one is bisected.
fn bad_proof(founding: &mut Founding) -> Subject {
    let federation = &founding.federation;
    let entry = federation
        .earn(&founding.state, 2, &mut founding.rng)
        .unwrap();
    let submission =
        merits_ledger::Submission::from_signed(entry.clone(), &federation.origin).unwrap();
    let job = founding.state.job(&submission).unwrap().unwrap();
    let job = job.groth16().unwrap();
    let mut inputs: Vec<Vec<u8>> = job
        .statement
        .public_inputs()
        .iter()
        .map(|input| merits_primitives::field::to_bytes(input).to_vec())
        .collect();
    inputs.swap(1, 2);
    let bare = BareProof {
        key_digest: federation.trapdoor.key.digest().0.to_vec(),
        public_inputs: inputs,
        proof: entry.proof.unwrap().bytes().to_vec(),
    };
    Subject {
        subject: Some(subject::Subject::Proof(bare)),
    }
}

/// From one of four loopback addresses: a party has its own.
async fn stranger(node: &Node, number: u8) -> Channel {
    let address = format!("http://{}", node.coordinator.address());
    let from = std::net::IpAddr::from([127, 0, 0, 2 + number % 4]);
    Channel::from_shared(address)
        .unwrap()
        .local_address(Some(from))
        .connect()
        .await
        .unwrap()
}

/// Before classes had shares, 2 of 5 got in within a minute.
#[tokio::test(flavor = "multi_thread")]
async fn verify_streams_of_strangers_do_not_starve_parties() {
    let mut world = World::new(61).await;
    let subject = bad_proof(&mut world.founding);
    let entries: Vec<_> = (0..5).map(|_| world.founding.earn(2)).collect();
    let mut streams = Vec::new();
    for number in 0..20 {
        let mut verifier = VerifierClient::new(stranger(&world.node, number).await);
        let subject = subject.clone();
        streams.push(tokio::spawn(async move {
            let questions = futures::stream::iter(0u64..).map(move |tag| VerifyManyRequest {
                tag,
                subject: Some(subject.clone()),
            });
            let Ok(answers) = verifier.verify_many(questions).await else {
                return;
            };
            let mut answers = answers.into_inner();
            while let Ok(Some(answer)) = answers.message().await {
                assert!(!answer.verdict.unwrap().valid);
            }
        }));
    }
    // Until the pool is full.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let begun = Instant::now();
    for entry in &entries {
        world.node.client.submit(entry).await.unwrap();
    }
    let took = begun.elapsed();
    for stream in &streams {
        stream.abort();
    }
    assert!(took < Duration::from_secs(8), "5 submissions took {took:?}");
}

/// A submission of an unknown caller costs one signature check, and has its own share and permits.
#[tokio::test(flavor = "multi_thread")]
async fn submissions_of_strangers_do_not_starve_parties() {
    let mut world = World::new(67).await;
    let entries: Vec<_> = (0..5).map(|_| world.founding.earn(2)).collect();
    // A known party's name with an invalid signature, and as many bytes as possible.
    let mut forged = world.founding.earn(1);
    forged.statement.resize(60_000, 0);
    let mut streams = Vec::new();
    for number in 0..20 {
        let mut ledger = LedgerClient::new(stranger(&world.node, number).await);
        let forged = forged.clone();
        streams.push(tokio::spawn(async move {
            let items = futures::stream::iter(0u64..).map(move |tag| {
                let mut entry = forged.clone();
                entry.statement[..8].copy_from_slice(&tag.to_le_bytes());
                let entry = entry.to_bytes();
                SubmitManyRequest { tag, entry }
            });
            let Ok(answers) = ledger.submit_many(items).await else {
                return;
            };
            let mut answers = answers.into_inner();
            while let Ok(Some(answer)) = answers.message().await {
                let Some(Outcome::Refused(refused)) = answer.outcome else {
                    panic!("a forged entry was appended");
                };
                let refused = Fault::try_from(refused).unwrap();
                assert_eq!(refused.reason, Reason::SignatureInvalid);
            }
        }));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let begun = Instant::now();
    for entry in &entries {
        world.node.client.submit(entry).await.unwrap();
    }
    let took = begun.elapsed();
    for stream in &streams {
        assert!(!stream.is_finished(), "a stream of strangers ended");
        stream.abort();
    }
    assert!(took < Duration::from_secs(8), "5 submissions took {took:?}");
}

/// A stream holds its items in work; one with nothing in work holds almost nothing.
#[tokio::test]
async fn empty_streams_leave_room_at_their_own_address() {
    let mut world = World::new(68).await;
    let mut open = Vec::new();
    for _ in 0..40 {
        let empty = futures::stream::pending::<SubmitManyRequest>();
        open.push(world.node.client.ledger.submit_many(empty).await.unwrap());
    }
    let begun = Instant::now();
    let request = StreamEntriesRequest { from: 0, until: 0 };
    let mut pages = world.node.client.ledger.stream_entries(request).await;
    let pages = pages.as_mut().unwrap().get_mut();
    pages.message().await.unwrap().unwrap();
    let entry = world.founding.earn(2);
    world.node.client.submit(&entry).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "it had to wait");
    drop(open);
}

/// Notes are read from the store while a peer receives them, so any number of wallets at one
/// address can read a bucket.
#[tokio::test(flavor = "multi_thread")]
async fn wallets_that_read_slowly_leave_room_for_others_at_their_address() {
    let mut world = World::new(69).await;
    let entry = world.founding.earn(2);
    world.node.client.submit(&entry).await.unwrap();
    let address = world.node.coordinator.address();
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut client = unread(address).await;
        let request = http::Request::post("http://x/merits.notes.v1.Notes/GetBucket")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        // Of bucket 0.
        body.send_data(bytes::Bytes::from_static(&[0; 5]), true)
            .unwrap();
        assert_eq!(answer.await.unwrap().status().as_u16(), 200);
        slow.push((client, body));
    }
    let begun = Instant::now();
    let mut notes = NotesClient::new(world.node.client.channel.clone());
    let bucket = notes.get_bucket(GetBucketRequest { index: 0 }).await;
    assert_eq!(bucket.unwrap().into_inner().leaves.len(), 2);
    let none = notes.get_bucket(GetBucketRequest { index: 1 }).await;
    assert_eq!(none.unwrap_err().code(), Code::NotFound);
    assert!(begun.elapsed() < Duration::from_secs(4), "it had to wait");
    drop(slow);
}

/// A peer that takes no byte of any answer.
async fn unread(address: std::net::SocketAddr) -> h2::client::SendRequest<bytes::Bytes> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::Builder::new()
        .initial_window_size(0)
        .handshake::<_, bytes::Bytes>(stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

/// A stream whose peer does not read holds nothing that others need.
#[tokio::test(flavor = "multi_thread")]
async fn unread_answers_of_a_stream_keep_no_permit() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(62);
    let mut config = founding.config(dir.path());
    // Fewer permits than items of one stream.
    config.sequencer.queue = 32;
    let mut node = Node::founded(&founding, config).await;
    let known = founding.entries[0].to_bytes();
    let mut client = unread(node.coordinator.address()).await;
    let request = http::Request::post("http://x/merits.ledger.v1.Ledger/SubmitMany")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (_answer, mut body) = client.send_request(request, false).unwrap();
    let item = prost::Message::encode_to_vec(&SubmitManyRequest {
        tag: 1,
        entry: known,
    });
    let mut framed = vec![0];
    framed.extend(u32::try_from(item.len()).unwrap().to_be_bytes());
    framed.extend(item);
    let all: Vec<u8> = std::iter::repeat_n(framed, 60).flatten().collect();
    body.reserve_capacity(all.len());
    body.send_data(all.into(), false).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let entry = founding.earn(2);
    let submitted = node.client.submit(&entry);
    tokio::time::timeout(Duration::from_secs(5), submitted)
        .await
        .expect("permits are free")
        .unwrap();
}

#[tokio::test]
async fn the_verifier_can_be_switched_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(63);
    let mut config = founding.config(dir.path());
    config.verification.for_others = false;
    let mut node = Node::founded(&founding, config).await;
    let subject = Some(bad_proof(&mut founding));
    let mut verifier = VerifierClient::new(node.client.channel.clone());
    let status = verifier
        .verify_one(merits_proto::verifier::VerifyOneRequest { subject })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    node.client.submit(&founding.earn(2)).await.unwrap();
}

#[tokio::test]
async fn silent_peers_do_not_keep_a_coordinator() {
    let mut world = World::new(64).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(
            TcpStream::connect(world.node.coordinator.address())
                .await
                .unwrap(),
        );
    }
    silent[0].write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    world.node.client.checkpoint().await;
    let begun = Instant::now();
    world.node.coordinator.shutdown().await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn who_asks_too_fast_is_told_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(65);
    let mut config = founding.config(dir.path());
    config.server.requests_per_second = 50;
    config.server.burst = 60;
    let mut node = Node::founded(&founding, config).await;
    let mut faults = 0;
    for _ in 0..200 {
        let garbage = SubmitRequest { entry: vec![1, 2] };
        let status = node.client.ledger.submit(garbage).await.unwrap_err();
        let fault = Fault::from_status(&status);
        if fault.reason == Reason::TooFast {
            assert!(fault.may_retry() && fault.code == Code::ResourceExhausted);
            faults += 1;
        }
    }
    assert!(faults > 50, "{faults}");
}

/// Health says no when the sequencer ended, and the process knows.
#[tokio::test]
async fn without_its_sequencer_a_coordinator_does_not_serve() {
    let dir = tempfile::tempdir().unwrap();
    let mut founding = Founding::new(66);
    let config = founding.config(dir.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    let mut health = HealthClient::new(node.client.channel.clone());
    let request = HealthCheckRequest {
        service: "merits.ledger.v1.Ledger".into(),
    };
    let mut watched = health.watch(request).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    let url = format!("sqlite://{}", config.database().display());
    let mut db = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url)
        .await
        .unwrap();
    sqlx::raw_sql("ALTER TABLE node RENAME TO gone")
        .execute(&mut db)
        .await
        .unwrap();
    node.client.submit(&founding.earn(2)).await.unwrap_err();
    let next = watched.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
    let failed = tokio::time::timeout(Duration::from_secs(10), node.coordinator.failed());
    failed.await.expect("it stops").unwrap_err();
}
