//! Rows with missing values, whether these were deleted or lost: SQLite returns a missing value as
//! an empty one.

use std::time::Duration;

use merits_distributor::{
    outbox::{SubmitFault, SubmitPort},
    store::{ClaimPlace, Receipts},
    summary::Outcome,
};
use merits_party::Retry;
use merits_verifier::entry::SignedEntry;

use crate::federation::{custody::Scene, files, scale_id};

#[derive(Clone)]
struct Silence;

impl SubmitPort for Silence {
    async fn submit(&self, _: SignedEntry) -> Result<String, SubmitFault> {
        Err(SubmitFault::Unavailable("connection refused".into()))
    }
}

async fn change(scene: &Scene, statement: &'static str) {
    let mut disk = files::connect(scene.dir()).await;
    let done = sqlx::raw_sql(statement).execute(&mut disk).await.unwrap();
    assert_eq!(done.rows_affected(), 1, "{statement}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_entry_is_proven_again_and_holds_up_nothing() {
    let scene = Scene::new(31).await;
    scene.collect(6, 1).await;
    let patience = Retry {
        attempts: 1,
        first_wait: Duration::from_millis(1),
        growth: 2,
        longest_wait: Duration::from_millis(1),
    };
    let state = scene.ledger.state();
    let silent = scene
        .world
        .run(&scene.node, &Silence, &state, patience)
        .await;
    assert!(silent.is_err(), "nobody answered");
    let counts = scene.node.store().counts(&scale_id()).await.unwrap();
    assert_eq!(counts.outbox, 3);
    change(&scene, "UPDATE batch SET envelope = NULL WHERE id = 1").await;
    change(
        &scene,
        "UPDATE batch SET envelope = zeroblob(9) WHERE id = 2",
    )
    .await;
    let summary = scene.run().await;
    assert_eq!(summary.submitted.damaged, 2);
    assert_eq!(summary.submitted.acknowledged, 3);
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (6, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_never_read_as_empty() {
    let scene = Scene::new(32).await;
    scene.collect(4, 1).await;
    scene.run().await;
    let store = scene.node.store();
    let scale = scale_id();
    let whole = store.acknowledged(&scale).await.unwrap();
    assert_eq!(whole.lost, 0);
    let Receipts {
        held: receipts,
        lost,
        last: _,
    } = store.receipts(&scale, None, 100).await.unwrap();
    assert_eq!((receipts.len(), lost.len()), (2, 0));
    assert!(receipts.iter().all(|(_, receipt)| !receipt.is_empty()));
    // In pages, each after the row of the one before.
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.receipts(&scale, after, 1).await.unwrap();
        if page.last.is_none() {
            break;
        }
        after = page.last;
        assert_eq!(page.held.len(), 1);
        paged.extend(page.held);
    }
    assert_eq!(paged, receipts);

    change(&scene, "UPDATE batch SET receipt = NULL WHERE id = 1").await;
    let left = store.receipts(&scale, None, 100).await.unwrap();
    assert_eq!(left.held, receipts[1..]);
    assert_eq!(left.lost, [receipts[0].0], "it is named");

    let (entry, _) = receipts[1];
    let claim = store.claim(&entry, 0).await.unwrap();
    assert!(matches!(claim, ClaimPlace::Deed(_)));
    let statement = "UPDATE deed SET records = NULL, credits = NULL
         WHERE id = (SELECT deed FROM claim WHERE batch = 2 AND position = 0)";
    change(&scene, statement).await;
    // Nobody forgot the account, so its missing records are lost, and are reported as lost.
    let lost = store.claim(&entry, 0).await.unwrap_err();
    assert_eq!(
        lost.to_string(),
        "the record store has lost a deed's records: restore it from a copy"
    );
    let other = store.claim(&entry, 1).await.unwrap();
    assert!(matches!(other, ClaimPlace::Deed(_)), "{other:?}");
    let less = store.acknowledged(&scale).await.unwrap();
    assert!(less.earned.credits < whole.earned.credits);
    assert_eq!(less.lost, 1, "its account was not forgotten");
    let summary = scene.run().await;
    assert_eq!(summary.lost_earnings, 1);
    assert_ne!(summary.outcome(), Outcome::Whole);
    // A deed without its subject is forgotten.
    let statement = "UPDATE deed SET subject = NULL
         WHERE id = (SELECT deed FROM claim WHERE batch = 2 AND position = 1)";
    change(&scene, statement).await;
    let gone = store.claim(&entry, 1).await.unwrap();
    assert!(matches!(gone, ClaimPlace::Forgotten), "{gone:?}");
    // Forgotten records are not lost, but records that do not open are.
    let statement = "UPDATE deed SET subject = NULL
         WHERE id = (SELECT deed FROM claim WHERE batch = 2 AND position = 0)";
    change(&scene, statement).await;
    assert_eq!(store.acknowledged(&scale).await.unwrap().lost, 0);
    let statement = "UPDATE deed SET credits = zeroblob(60)
         WHERE id = (SELECT deed FROM claim WHERE batch = 1 AND position = 0)";
    change(&scene, statement).await;
    assert_eq!(store.acknowledged(&scale).await.unwrap().lost, 1);
}
