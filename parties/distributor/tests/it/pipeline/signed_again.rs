//! A source whose key ended at once, as after a theft: what it signed before is signed again, and nothing is lost.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use merits_distributor::{
    ingest::IngestFault,
    outbox::{SubmitFault, SubmitPort},
};
use merits_ledger::{Entry, entry::KeySucceeded};
use merits_party::Retry;
use merits_verifier::{Reason, entry::SignedEntry};

use crate::federation::{custody::Scene, scale_id};

/// The source's key is succeeded by another, and ends.
fn end_key(scene: &mut Scene) {
    let source = &mut scene.world.federation.source;
    let key = SigningKey::from_bytes(&[0xb7; 32]);
    let origin = &scene.world.federation.origin;
    let succeeded = KeySucceeded::new(origin, &source.id, 1, &key, Duration::ZERO);
    let entry = Entry::KeySucceeded(succeeded).sign(origin, source.id, None, &source.key);
    scene.ledger.append(&entry, scene.ledger.time());
    source.key = key;
}

/// Regression: the refused deeds kept their old signatures, and were never claimed.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_deed_is_claimed_once_its_source_has_signed_it_again() {
    let mut scene = Scene::new(31).await;
    let groups = scene.groups(3, 1);
    let old = scene.bundle(&groups);
    scene.take_in(groups.clone(), &old).await;
    end_key(&mut scene);
    let summary = scene.run().await;
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (0, 3)
    );
    for (_, fault) in &summary.submitted.refused {
        let said = fault.to_string();
        let SubmitFault::Refused { code, .. } = fault else {
            panic!("{said}");
        };
        assert_eq!(*code, Reason::SourceSignatureInvalid, "{said}");
        assert!(said.contains("let the source sign again"), "{said}");
    }
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
    assert_eq!(scene.run().await.counts.refused, 3);

    let new = scene.bundle(&groups);
    let report = scene.take_in(groups.clone(), &new).await;
    assert_eq!((report.known, report.ingested), (3, 0));
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
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (2, 0)
    );
}
