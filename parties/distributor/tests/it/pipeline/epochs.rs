//! View-key epochs that begin while a node works.

use std::time::Duration;

use merits_distributor::{outbox::PATIENCE, summary::Outcome};
use merits_ledger_fixture::START;
use merits_primitives::{calendar::Timestamp, ids::Epoch};

use crate::federation::custody::Scene;

/// Terms that move on between forming and proving: the batch is stated again, under the new key.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_epoch_makes_batches_anew() {
    let scene = Scene::new(5).await;
    scene.collect(3, 1).await;
    let (world, ledger, node) = (&scene.world, &scene.ledger, &scene.node);
    assert_eq!(scene.form().await.batches, 2);

    begin(&scene, Epoch(2), START + Duration::from_secs(1));
    let summary = scene.run().await;
    assert_eq!(summary.proved.dissolved, 2);
    assert_eq!(summary.counts.acknowledged, 3);
    assert!(ledger.batches().iter().all(|batch| batch.epoch == Epoch(2)));

    // Proven under the old terms and refused for it: also stated again.
    scene.collect(3, 2).await;
    let old = ledger.state();
    begin(&scene, Epoch(3), START + Duration::from_secs(2));
    let summary = world.run(node, ledger, &old, PATIENCE).await.unwrap();
    assert_eq!(
        (summary.submitted.outdated, summary.counts.acknowledged),
        (2, 3)
    );
    assert_eq!(summary.outcome(), Outcome::Nothing, "they wait");
    let summary = scene.run().await;
    assert_eq!(summary.counts.acknowledged, 6);
    assert_eq!(summary.counts.refused, 0);
    assert_eq!(summary.outcome(), Outcome::Whole);
}

/// Opens an epoch that is active at once, and ends the one before.
fn begin(scene: &Scene, epoch: Epoch, time: Timestamp) {
    let federation = &scene.world.federation;
    let rng = &mut rand::rng();
    let with = federation.with_fresh_halves(rng);
    let (opened, proof) = with.epoch(epoch, time, time, rng);
    let entry = federation.sign_epoch(opened, &proof);
    // In its last millisecond the one before is still accepted.
    scene.ledger.append(&entry, time + Duration::from_millis(1));
}
