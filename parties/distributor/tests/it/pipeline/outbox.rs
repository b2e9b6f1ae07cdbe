//! Batches on their way to the ledger: refused, or not answered.

use std::{sync::atomic::AtomicBool, time::Duration};

use merits_distributor::{
    outbox::{OutboxError, SubmitFault, SubmitPort, empty_outbox},
    progress::Event,
    run::RunError,
    sources::Sources,
    summary::Outcome,
};
use merits_party::Retry;
use merits_verifier::{Reason, entry::SignedEntry};

use crate::federation::{custody::Scene, scale_id};

/// A commitment that is on the ledger already costs its own claim; its batch fellows are claimed
/// in another batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_used_commitment_costs_its_claim_only() {
    let scene = Scene::new(4).await;
    let groups = scene.groups(4, 1);
    let bundle = scene.bundle(&groups);
    scene.take_in(groups[1..2].to_vec(), &bundle).await;
    scene.run().await;

    // The same accounts on a node that lost its store.
    let dir = tempfile::tempdir().unwrap();
    let second = scene.world.node(dir.path(), 5).await;
    let state = scene.ledger.state();
    scene.world.ingest(&second, &state, groups, &bundle).await;
    let summary = scene.run_with(&second).await;
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (3, 1)
    );
    assert_eq!(summary.submitted.refused.len(), 1);
    assert_eq!(summary.newly_refused, 1);
    assert_eq!(summary.outcome(), Outcome::Partly);
    // It was reported.
    assert_eq!(scene.run_with(&second).await.outcome(), Outcome::Whole);
    let (_, fault) = &summary.submitted.refused[0];
    assert!(matches!(fault, SubmitFault::Refused { code, .. } if *code == Reason::CommitmentUsed));
    let reasons = second.store().refusals(&scale_id()).await.unwrap();
    assert!(reasons[0].1.contains("already used"), "{reasons:?}");
}

/// A ledger that does not answer: everything waits in the outbox, no proof is made twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_ledger_costs_nothing() {
    #[derive(Clone)]
    struct Silence;
    impl SubmitPort for Silence {
        async fn submit(&self, _: SignedEntry) -> Result<String, SubmitFault> {
            Err(SubmitFault::Unavailable("connection refused".into()))
        }
    }
    let scene = Scene::new(6).await;
    scene.collect(4, 1).await;
    let (world, ledger, node) = (&scene.world, &scene.ledger, &scene.node);
    let patience = Retry {
        attempts: 3,
        first_wait: Duration::from_millis(1),
        growth: 2,
        longest_wait: Duration::from_millis(5),
    };
    let error = world
        .run(node, &Silence, &ledger.state(), patience)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            RunError::Outbox(OutboxError::GaveUp { tries: 3, .. })
        ),
        "{error}"
    );
    let counts = node.store().counts(&scale_id()).await.unwrap();
    assert_eq!((counts.outbox, counts.formed), (2, 0));
    // A run that is asked to stop does not wait for the ledger's return.
    let (filling, stop) = (AtomicBool::new(false), AtomicBool::new(true));
    let patience_of_hours = Retry {
        attempts: 1000,
        first_wait: Duration::from_secs(60),
        growth: 2,
        longest_wait: Duration::from_secs(60),
    };
    let state = ledger.state();
    let clock = || state.time();
    let error = empty_outbox(
        node,
        &Silence,
        &Sources::of(&state, &clock),
        patience_of_hours,
        &filling,
        &stop,
        &|_: Event| {},
    )
    .await
    .unwrap_err();
    assert!(
        matches!(
            error,
            OutboxError::GaveUp {
                tries: 2,
                left: 2,
                ..
            }
        ),
        "{error}"
    );
    let summary = world
        .run(node, ledger, &ledger.state(), patience)
        .await
        .unwrap();
    assert_eq!(
        (summary.proved.proofs, summary.submitted.acknowledged),
        (0, 2)
    );
}
