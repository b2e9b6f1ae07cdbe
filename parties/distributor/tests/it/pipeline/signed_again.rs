//! A source whose key ended after its deeds were taken in, as after a theft, or that was suspended: no proof is made
//! that the ledger would refuse, and nothing is lost.

use std::{collections::BTreeMap, time::Duration};

use ed25519_dalek::SigningKey;
use merits_distributor::{
    consents::Wait,
    ingest::IngestFault,
    outbox::{PATIENCE, SubmitFault, SubmitPort},
    outlook::Outlook,
    summary::{Outcome, RunSummary},
};
use merits_ledger::{
    Entry, State,
    entry::{EmergencySuspended, KeySucceeded, StandingChange},
};
use merits_ledger_fixture::acts;
use merits_party::Retry;
use merits_verifier::{Reason, entry::SignedEntry};

use crate::federation::{custody::Scene, scale_id};

/// The source's key is succeeded by another, and signs for this long still.
fn succeed_key(scene: &mut Scene, grace: Duration) {
    let source = &mut scene.world.federation.source;
    let key = SigningKey::from_bytes(&[0xb7; 32]);
    let origin = &scene.world.federation.origin;
    let succeeded = KeySucceeded::new(origin, &source.id, 1, &key, grace);
    let entry = Entry::KeySucceeded(succeeded).sign(origin, source.id, None, &source.key);
    scene.ledger.append(&entry, scene.ledger.time());
    source.key = key;
}

fn end_key(scene: &mut Scene) {
    succeed_key(scene, Duration::ZERO);
}

/// The supervisor decides something, a second later.
fn by_supervisor(scene: &Scene, entry: &Entry) {
    let federation = &scene.world.federation;
    let signed = federation.sign(entry, &federation.supervisor);
    let time = scene.ledger.time() + Duration::from_secs(1);
    scene.ledger.append(&signed, time);
}

fn waiting(summary: &RunSummary) -> Vec<(Wait, u64)> {
    summary.formed.waiting.counts.clone().into_iter().collect()
}

/// What the status says of the next run, at the ledger's time.
async fn outlook(scene: &Scene) -> Outlook {
    let (state, party) = (scene.ledger.state(), scene.node.party());
    let (store, time) = (scene.node.store(), state.time());
    Outlook::of(store, &scale_id(), &party, &state, time)
        .await
        .unwrap()
}

/// Regression: each deed of an ended key cost a proof, which the ledger refused.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_ended_key_signed_costs_no_proof_and_waits_to_be_signed_again() {
    let mut scene = Scene::new(31).await;
    let groups = scene.groups(3, 1);
    let old = scene.bundle(&groups);
    scene.take_in(groups.clone(), &old).await;
    assert_eq!(outlook(&scene).await.ready, 3);
    end_key(&mut scene);
    let summary = scene.run().await;
    assert_eq!(waiting(&summary), [(Wait::KeyEnded, 3)]);
    assert_eq!(summary.proved.proofs, 0);
    assert_eq!(scene.ledger.submissions(), []);
    assert_eq!(
        (summary.counts.ingested, summary.counts.refused),
        (3, 0),
        "they wait"
    );
    assert_eq!(summary.outcome(), Outcome::Nothing);
    let said = Wait::KeyEnded.to_string();
    assert!(said.contains("ask the source to sign"), "{said}");
    let found = outlook(&scene).await;
    assert_eq!((found.ready, &found.waiting), (0, &summary.formed.waiting));

    // The old bundle does not help, and says what does.
    let report = scene.take_in(groups.clone(), &old).await;
    assert_eq!((report.known, report.untaken.len()), (0, 3));
    for untaken in &report.untaken {
        assert_eq!(untaken.fault, IngestFault::SignatureInvalid);
        assert!(
            untaken
                .to_string()
                .contains("let it sign this period again")
        );
    }
    assert_eq!(waiting(&scene.run().await), [(Wait::KeyEnded, 3)]);

    // The source signs two of them again: the third still waits.
    let new = scene.bundle(&groups[..2]);
    let report = scene.take_in(groups[..2].to_vec(), &new).await;
    assert_eq!((report.known, report.ingested), (2, 0));
    let summary = scene.run().await;
    assert_eq!(waiting(&summary), [(Wait::KeyEnded, 1)]);
    assert_eq!(summary.counts.acknowledged, 2);
    assert_eq!(summary.outcome(), Outcome::Partly);
    let new = scene.bundle(&groups);
    scene.take_in(groups.clone(), &new).await;
    let summary = scene.run().await;
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (3, 0)
    );
    assert_eq!(summary.submitted.refused, []);
    // The same file again changes nothing.
    scene.take_in(groups, &new).await;
    assert_eq!(scene.run().await.counts.acknowledged, 3);
}

/// A batch that an earlier run fixed is taken apart, not proven.
#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_batch_of_an_ended_key_is_not_proven() {
    let mut scene = Scene::new(33).await;
    scene.collect(3, 1).await;
    assert_eq!(scene.form().await.batches, 2);
    end_key(&mut scene);
    let summary = scene.run().await;
    assert_eq!((summary.proved.proofs, summary.proved.dissolved), (0, 2));
    assert_eq!(waiting(&summary), [(Wait::KeyEnded, 3)]);
    assert_eq!(scene.ledger.submissions(), []);
}

/// A succeeded key signs for some time still. What could only be proven in its last minutes waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_its_grace_claims_until_shortly_before_its_end() {
    let hour = Duration::from_secs(3_600);
    let mut scene = Scene::new(34).await;
    scene.collect(2, 1).await;
    succeed_key(&mut scene, hour);
    assert_eq!(scene.run().await.counts.acknowledged, 2);

    let mut scene = Scene::new(35).await;
    scene.collect(2, 1).await;
    succeed_key(&mut scene, Duration::from_secs(60));
    let summary = scene.run().await;
    assert_eq!(waiting(&summary), [(Wait::KeyEnded, 2)]);
    assert_eq!(summary.proved.proofs, 0);
}

/// A suspension ends by a decision or, in an emergency, by time: then the deeds go on by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn deeds_of_a_suspended_source_go_on_once_it_is_reinstated() {
    let scene = Scene::new(36).await;
    scene.collect(3, 1).await;
    let change = |sequence| StandingChange {
        party: scene.world.federation.source.id,
        sequence,
        basis: "for a test".to_owned(),
    };
    by_supervisor(&scene, &acts::suspended(change(1)));
    let summary = scene.run().await;
    assert_eq!(waiting(&summary), [(Wait::SourceSuspended, 3)]);
    assert_eq!((summary.proved.proofs, summary.counts.ingested), (0, 3));
    assert_eq!(scene.ledger.submissions(), []);
    assert_eq!(outlook(&scene).await.waiting, summary.formed.waiting);
    by_supervisor(&scene, &acts::reinstated(change(2)));
    assert_eq!(outlook(&scene).await.ready, 3);
    assert_eq!(scene.run().await.counts.acknowledged, 3);

    let scene = Scene::new(37).await;
    scene.collect(3, 1).await;
    let barred = EmergencySuspended {
        party: scene.world.federation.source.id,
        number: 1,
        basis: "for a test".to_owned(),
    };
    by_supervisor(&scene, &Entry::EmergencySuspended(barred));
    let summary = scene.run().await;
    assert_eq!(waiting(&summary), [(Wait::SourceSuspended, 3)]);
    assert_eq!(scene.ledger.submissions(), []);
    // An emergency suspension ends after 72 hours; the log's next entry moves its time.
    let witness = &scene.world.federation.witness;
    let key = SigningKey::from_bytes(&[0xb8; 32]);
    let origin = &scene.world.federation.origin;
    let succeeded = KeySucceeded::new(origin, &witness.id, 1, &key, Duration::ZERO);
    let entry = Entry::KeySucceeded(succeeded).sign(origin, witness.id, None, &witness.key);
    let days = Duration::from_secs(4 * 86_400);
    scene.ledger.append(&entry, scene.ledger.time() + days);
    assert_eq!(scene.run().await.counts.acknowledged, 3);
}

/// A key that ends while a run works, which sees the ledger as it was: the run stops proving for that source as soon
/// as the ledger says so, and loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_stops_proving_for_a_source_that_the_ledger_refuses() {
    let mut scene = Scene::new(38).await;
    scene.collect(60, 1).await;
    let before: State = scene.ledger.state();
    end_key(&mut scene);
    let summary = scene
        .world
        .run(&scene.node, &scene.ledger, &before, PATIENCE)
        .await
        .unwrap();
    let refused = summary.submitted.refused.len() as u64;
    assert!((1..=15).contains(&refused), "{refused} of 30 batches");
    assert_eq!(summary.proved.proofs, refused);
    for (_, fault) in &summary.submitted.refused {
        let SubmitFault::Refused { code, .. } = fault else {
            panic!("{fault}");
        };
        assert_eq!(*code, Reason::SourceSignatureInvalid, "{fault}");
    }
    assert_eq!(waiting(&summary), [(Wait::SourceChanged, 60)]);
    assert_eq!(
        (summary.counts.ingested, summary.counts.refused),
        (60, 0),
        "no claim is at fault"
    );
    assert_eq!(summary.outcome(), Outcome::Nothing);
    let summary = scene.run().await;
    assert_eq!(waiting(&summary), [(Wait::KeyEnded, 60)]);
    assert_eq!(summary.proved.proofs, 0);
}

/// A batch that waited for the ledger states the old signatures, and its deeds have the new ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_waited_meanwhile_costs_no_deed() {
    #[derive(Clone)]
    struct Silence;
    impl SubmitPort for Silence {
        async fn submit(&self, _: SignedEntry) -> Result<String, SubmitFault> {
            Err(SubmitFault::Unavailable("connection refused".into()))
        }
    }
    let mut scene = Scene::new(32).await;
    let groups = scene.collect(2, 1).await;
    let patience = Retry {
        attempts: 1,
        first_wait: Duration::from_millis(1),
        growth: 1,
        longest_wait: Duration::from_millis(1),
    };
    let (world, node) = (&scene.world, &scene.node);
    let state = scene.ledger.state();
    world
        .run(node, &Silence, &state, patience)
        .await
        .expect_err("no answer");
    let counts = node.store().counts(&scale_id()).await.unwrap();
    assert_eq!(counts.outbox, 1);
    end_key(&mut scene);
    let bundle = scene.bundle(&groups);
    scene.take_in(groups, &bundle).await;
    let summary = scene.run().await;
    assert_eq!(summary.submitted.refused.len(), 1, "the old statement");
    assert_eq!(summary.formed.waiting.counts, BTreeMap::new());
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (2, 0)
    );
}
