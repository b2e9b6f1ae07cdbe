//! Forgetting a subject.

use std::path::Path;

use merits_distributor::disclosing::{DiscloseError, Ground, disclose};
use merits_verifier::receipt::Receipt;

use crate::federation::{custody::Scene, files, scale_id};

/// Forgetting before, between and after: keys and records go, the ledger stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_subject_is_gone_and_the_ledger_is_not() {
    let scene = Scene::new(3).await;
    scene.collect(6, 1).await;
    let (world, ledger, node) = (&scene.world, &scene.ledger, &scene.node);
    let store = node.store();
    assert_eq!(store.forget("nobody").await.unwrap(), None);

    // Not yet claimed.
    let forgotten = store.forget("rider-000").await.unwrap().unwrap();
    assert_eq!(
        (forgotten.dropped, forgotten.shredded, forgotten.dissolved),
        (1, 0, 0)
    );

    // In a batch that is fixed and not proven: the batch is taken apart.
    scene.form().await;
    assert_eq!(store.counts(&scale_id()).await.unwrap().claimed, 5);
    let forgotten = store.forget("rider-001").await.unwrap().unwrap();
    assert_eq!(
        (forgotten.dropped, forgotten.shredded, forgotten.dissolved),
        (1, 0, 1)
    );

    let summary = scene.run().await;
    assert_eq!(summary.counts.acknowledged, 4);
    let claims: usize = ledger
        .batches()
        .iter()
        .map(|batch| batch.claims.len())
        .sum();
    assert_eq!(claims, 4);

    // On the ledger already.
    let keys_before = wrapped_keys(scene.dir()).await;
    assert_eq!(keys_before.len(), 4);
    let forgotten = store.forget("rider-002").await.unwrap().unwrap();
    assert_eq!(
        (forgotten.dropped, forgotten.shredded, forgotten.dissolved),
        (0, 1, 0)
    );
    let keys_after = wrapped_keys(scene.dir()).await;
    let gone: Vec<_> = keys_before
        .iter()
        .filter(|key| !keys_after.contains(key))
        .collect();
    assert_eq!(gone.len(), 1);
    let mut forgotten_claims = 0;
    for (entry, receipt) in store.receipts(&scale_id(), None, 100).await.unwrap().held {
        let receipt = Receipt::parse(&receipt).unwrap();
        receipt.verify(world.federation.signer().public()).unwrap();
        for claim in 0..2 {
            match disclose(
                node,
                &ledger.state(),
                world.schema(),
                (entry, claim),
                Ground::Person,
            )
            .await
            {
                Err(DiscloseError::Forgotten { .. }) => forgotten_claims += 1,
                Ok(_) | Err(DiscloseError::Unknown { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert_eq!(forgotten_claims, 1);
    // The wrapped key is in none of the files, not in free pages and not in the log; and nobody's
    // name is there in the clear.
    store.close().await.unwrap();
    for lost in [gone[0].as_slice(), b"rider-003"] {
        assert_eq!(files::holding(scene.dir(), lost), None);
    }
}

async fn wrapped_keys(dir: &Path) -> Vec<Vec<u8>> {
    files::column(dir, "SELECT wrapped_key FROM subject").await
}
