//! Identities, consents, redemptions and attestations over the wire and on SQLite: accepted, refused
//! with the right status, verified together, counted once under load, found again after a restart.

use std::{path::Path, sync::Arc, time::Duration};

use crate::federation::{Client, Founding, Node};
use merits_coordinator::{Config, SystemClock, fsck};
use merits_ledger::Entry;
use merits_ledger_fixture::{Citizen, Note, Redeeming, Stage};
use merits_primitives::{
    Fr,
    calendar::{Day, Timestamp},
    ids::{Credits, EntryId},
    note::NoteCommitment,
    note_tree::path,
};
use merits_proto::{
    Fault, Reason,
    ledger::submit_many_response::Outcome,
    verifier::{Subject, VerifyOneRequest, subject, verifier_client::VerifierClient},
};
use merits_verifier::{
    EncodedProof, ProofSystem,
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
};
use rand::{SeedableRng as _, rngs::StdRng};
use sqlx::Connection as _;
use tonic::Code;

/// A town in memory, and a coordinator that has all of its entries.
pub(crate) struct Mirror {
    stage: Stage<StdRng>,
    pub(crate) config: Config,
    pub(crate) node: Node,
}

/// A note in the town, and its owner.
pub(crate) struct Owned {
    citizen: Citizen,
    note: Note,
}

impl Mirror {
    /// People with a note each and an offer, on both; the notes can be spent.
    pub(crate) async fn new(dir: &Path, people: u64, quota: u32) -> (Self, Vec<Owned>, EntryId) {
        let mut stage = Stage::new(StdRng::seed_from_u64(60)).unwrap();
        let citizens: Vec<_> = (0..people).map(Citizen::new).collect();
        let consents: Vec<_> = citizens
            .iter()
            .map(|citizen| {
                stage.register(citizen).unwrap();
                stage.deposit(citizen).unwrap()
            })
            .collect();
        let notes = stage.earn(&consents).unwrap();
        let offer = stage.offer(Credits(30), quota).unwrap();
        let founding = Founding {
            federation: stage.federation.clone(),
            entries: entries(&stage, 0),
            state: stage.state().clone(),
            rng: StdRng::seed_from_u64(61),
        };
        let config = founding.config(dir);
        let node = Node::founded(&founding, config.clone()).await;
        stage.time = now();
        // The slot of the notes must be over before anything can be proven under its anchor.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let owned = citizens.into_iter().zip(notes);
        let owned = owned.map(|(citizen, note)| Owned { citizen, note });
        let mirror = Self {
            stage,
            config,
            node,
        };
        (mirror, owned.collect(), offer)
    }

    pub(crate) fn redemption(&mut self, owned: &Owned, offer: EntryId) -> SignedEntry {
        let at = Redeeming::new(offer, &self.stage.federation.exchange, now());
        let state = self.stage.ledger.state();
        let (entry, _) = self
            .stage
            .federation
            .redeem(
                state,
                &owned.citizen,
                &[owned.note],
                &at,
                &mut self.stage.rng,
            )
            .unwrap();
        entry
    }
}

/// The entries of a town's log from a leaf on.
fn entries(stage: &Stage<StdRng>, from: usize) -> Vec<SignedEntry> {
    stage.ledger.store().leaves()[from..]
        .iter()
        .map(|leaf| Leaf::from_bytes(leaf).unwrap().entry)
        .collect()
}

fn now() -> Timestamp {
    merits_replica::machine_time()
}

async fn refused(client: &mut Client, entry: &SignedEntry, reason: &str, field: &str, code: Code) {
    let fault = client.submit(entry).await.unwrap_err();
    assert_eq!(
        (
            fault.reason.to_string().as_str(),
            fault.field.to_string().as_str(),
            fault.code
        ),
        (reason, field, code),
        "{fault}"
    );
    assert!(!fault.signed_refusal.is_empty());
}

#[tokio::test]
async fn people_act_over_the_wire() {
    let dir = tempfile::tempdir().unwrap();
    let (mut mirror, owned, offer) = Mirror::new(dir.path(), 2, 10).await;
    let federation = mirror.stage.federation.clone();
    let redemption = mirror.redemption(&owned[0], offer);
    let again = mirror.redemption(&owned[0], offer);
    let about = (Credits(10), "bank", now());
    let (attested, _) = federation
        .attest(
            mirror.stage.ledger.state(),
            &owned[1].citizen,
            &[owned[1].note],
            about,
            &mut mirror.stage.rng,
        )
        .unwrap();
    let (mut once_more, _) = federation
        .attest(
            mirror.stage.ledger.state(),
            &owned[1].citizen,
            &[owned[1].note],
            (Credits(10), "shop", now()),
            &mut mirror.stage.rng,
        )
        .unwrap();
    let client = &mut mirror.node.client;
    client.submit(&redemption).await.unwrap();
    refused(client, &again, "spent", "spending", Code::AlreadyExists).await;
    let twice = client.submit(&redemption).await.unwrap();
    assert!(twice.already_present);
    // No party signs an attestation.
    client.submit(&attested).await.unwrap();
    // So its note is queried before its proof is verified; otherwise anybody could request any
    // number of verifications.
    once_more.proof.clone_from(&redemption.proof);
    refused(client, &once_more, "spent", "spending", Code::AlreadyExists).await;
    let twice = client.submit(&attested).await.unwrap();
    assert!(twice.already_present);

    let elsewhere = {
        let entry = Entry::decode(redemption.kind, &redemption.statement);
        let Some(Ok(Entry::Redeemed(mut redeemed))) = entry else {
            panic!("a redemption");
        };
        redeemed.offer = EntryId([7; 32]);
        let proof = redemption.groth16_proof().unwrap();
        federation.sign_proven(
            &Entry::Redeemed(redeemed),
            Some(&federation.exchange),
            &proof,
        )
    };
    refused(
        client,
        &elsewhere,
        "offer-unknown",
        "offer",
        Code::FailedPrecondition,
    )
    .await;
    let registered = federation.registration(&owned[0].citizen, Day::FIRST, EntryId([7; 32]));
    let registered = federation.sign(
        &Entry::IdentityRegistered(registered),
        &federation.registrar,
    );
    refused(
        client,
        &registered,
        "evaluation-unfit",
        "evaluation",
        Code::FailedPrecondition,
    )
    .await;

    // The Verifier judges every kind with a Groth16 proof.
    let mut verifier = VerifierClient::new(client.channel.clone());
    let log = entries(&mirror.stage, 0);
    let groth16 = |proof: &EncodedProof| proof.system() == ProofSystem::Groth16Bn254;
    let proven = log
        .iter()
        .filter(|entry| entry.proof.as_ref().is_some_and(groth16));
    let proven: Vec<_> = proven.chain([&redemption, &attested]).collect();
    assert_eq!(proven.len(), 5);
    for entry in proven {
        let ask = |entry: &SignedEntry| VerifyOneRequest {
            subject: Some(Subject {
                subject: Some(subject::Subject::Entry(entry.to_bytes())),
            }),
        };
        let answer = verifier.verify_one(ask(entry)).await.unwrap().into_inner();
        let verdict = answer.verdict.unwrap();
        assert!(verdict.valid, "{:#06x}: {:?}", entry.kind, verdict.fault);
        let mut other = entry.clone();
        let proof = other.proof.as_ref().unwrap();
        let mut bytes = proof.bytes().to_vec();
        bytes[..32].copy_from_slice(&redemption.proof.as_ref().unwrap().bytes()[..32]);
        bytes[..32].rotate_left(1);
        other.proof = Some(EncodedProof::new(proof.system(), bytes).unwrap());
        let answer = verifier.verify_one(ask(&other)).await.unwrap().into_inner();
        assert!(!answer.verdict.unwrap().valid);
    }
    mirror.node.coordinator.shutdown().await.unwrap();
    let report = fsck(&mirror.config, &mut rand::rng()).await.unwrap();
    assert!(report.is_clean(), "{report}");

    // A nullifier that is missing from the table could be spent again: fsck reports it.
    let url = format!("sqlite://{}", mirror.config.database().display());
    let mut db = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for kind in [3, 4, 5] {
        let deleted = sqlx::query(
            "DELETE FROM used WHERE (kind, value) = (SELECT kind, value FROM used WHERE kind = ?)",
        )
        .bind(kind)
        .execute(&mut db)
        .await
        .unwrap();
        assert_eq!(deleted.rows_affected(), 1, "kind {kind}");
    }
    db.close().await.unwrap();
    let report = fsck(&mirror.config, &mut rand::rng()).await.unwrap();
    let missing = report.findings.iter().filter(|found| found.place == "used");
    let missing: Vec<_> = missing
        .filter(|found| found.what.contains("is missing"))
        .collect();
    assert_eq!(missing.len(), 3, "{report}");
}

#[tokio::test]
async fn a_quota_holds_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let (mut mirror, _, offer) = Mirror::new(dir.path(), 1, 25).await;
    let federation = mirror.stage.federation.clone();
    let at = Redeeming::new(offer, &federation.exchange, now());
    let state = mirror.stage.ledger.state();
    let redemptions = federation
        .redemptions(state, 100, &at, &mut mirror.stage.rng)
        .unwrap();
    let mut answers = mirror.node.client.submit_many(&redemptions).await;
    let (mut accepted, mut sold_out) = (0, 0);
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.outcome.unwrap() {
            Outcome::Accepted(_) => accepted += 1,
            Outcome::Refused(refused) => {
                let refused = Fault::try_from(refused).unwrap();
                assert_eq!(refused.reason, Reason::OfferSoldOut);
                sold_out += 1;
            }
        }
    }
    assert_eq!((accepted, sold_out), (25, 75));
    mirror.node.coordinator.shutdown().await.unwrap();
    let report = fsck(&mirror.config, &mut rand::rng()).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_wallet_without_leaves_gets_its_path_in_buckets() {
    let dir = tempfile::tempdir().unwrap();
    let (mirror, owned, _) = Mirror::new(dir.path(), 3, 10).await;
    let anchor = mirror.stage.state().notes().anchor(now()).unwrap();
    assert_eq!(anchor.size, 3);
    let mut node = mirror.node;
    for restarted in [false, true] {
        if restarted {
            node.coordinator.shutdown().await.unwrap();
            node = Node::start(mirror.config.clone()).await;
        }
        let key = node.client.log_key.clone();
        let address = format!("http://{}", node.coordinator.address());
        let mut client = merits_replica::Client::connect(&address, key)
            .await
            .unwrap();
        let buckets = client.note_buckets().await.unwrap();
        assert_eq!((buckets.size, buckets.root()), (3, anchor.root));
        let leaves = client.note_bucket(0, buckets.size).await.unwrap();
        let secret = owned[1].citizen.secret();
        let note = owned[1].note.commitment(&secret);
        let place = leaves.iter().position(|leaf| *leaf == note).unwrap();
        let path = path(place as u64, &leaves, &buckets.roots).unwrap();
        assert_eq!(path.root(note), anchor.root);
        assert_ne!(
            path.root(NoteCommitment(note.0 + Fr::from(1u64))),
            anchor.root
        );
        // Leaves beyond the anchor are left out.
        assert_eq!(client.note_bucket(0, 2).await.unwrap(), leaves[..2]);
        let none = client.note_bucket(1, buckets.size).await.unwrap_err();
        assert_eq!(none.reason(), Some(&Reason::NotFound.into()));
    }
    node.coordinator.shutdown().await.unwrap();
}

#[tokio::test]
async fn before_the_first_anchor_there_is_no_bucket() {
    let dir = tempfile::tempdir().unwrap();
    let founding = Founding::new(62);
    let config = founding.config(dir.path());
    let coordinator = merits_coordinator::Coordinator::found(config, Arc::new(SystemClock))
        .await
        .unwrap();
    let address = format!("http://{}", coordinator.address());
    let key = coordinator.log_key().clone();
    let mut client = merits_replica::Client::connect(&address, key)
        .await
        .unwrap();
    let buckets = client.note_buckets().await.unwrap();
    assert_eq!((buckets.size, buckets.roots.len()), (0, 0));
    assert!(client.note_bucket(0, 0).await.is_err());
    coordinator.shutdown().await.unwrap();
}
