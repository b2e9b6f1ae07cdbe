//! From records to receipts against the real ledger rules, in memory.

mod backup;
mod disclosing;
mod epochs;
mod forgetting;
mod intake;
mod missing;
mod outbox;
mod set_aside;
mod signed_again;

use crate::federation::{custody::Scene, scale_id};
use merits_distributor::earnings::EarnedSum;
use merits_ledger::entry::SignedClaim;
use merits_primitives::{figures::PublicNumber, ids::Credits, sum::CreditsSum};
use merits_verifier::receipt::Receipt;

/// A full run: records in, receipts out, and everything that follows from them.
#[tokio::test(flavor = "multi_thread")]
async fn records_become_receipts() {
    let scene = Scene::new(1).await;
    let world = &scene.world;
    let groups = scene.groups(5, 2);
    let worth: u128 = groups
        .iter()
        .map(|group| {
            u128::from(
                world
                    .manifest
                    .formula()
                    .eval(&group.records, &[PublicNumber(16_272)])
                    .unwrap()
                    .credits,
            )
        })
        .sum();
    let bundle = scene.bundle(&groups);
    let report = scene.take_in(groups.clone(), &bundle).await;
    assert_eq!((report.ingested, report.untaken.len()), (10, 0));
    let again = scene.take_in(groups.clone(), &bundle).await;
    assert_eq!((again.ingested, again.known), (0, 10));

    let opened = || scene.node.store().opened();
    let before = opened();
    let summary = scene.run().await;
    // Name, records and earnings of each deed, once.
    assert_eq!(opened() - before, 3 * 10);
    // Five subjects a week in batches of two: three batches a week.
    assert_eq!((summary.formed.batches, summary.formed.claims), (6, 10));
    assert_eq!(
        (summary.proved.proofs, summary.submitted.acknowledged),
        (6, 6)
    );
    let earned = EarnedSum {
        credits: CreditsSum(worth),
        measure: None,
    };
    assert_eq!(
        (summary.formed.earned, summary.submitted.earned),
        (earned, earned)
    );
    assert_eq!(summary.counts.acknowledged, 10);
    assert_eq!(
        (
            summary.counts.outbox,
            summary.counts.formed,
            summary.counts.ingested
        ),
        (0, 0, 0)
    );

    // Receipts hold offline, under the log's key alone.
    let receipts = scene
        .node
        .store()
        .receipts(&scale_id(), None, 100)
        .await
        .unwrap()
        .held;
    assert_eq!(receipts.len(), 6);
    let log_key = world.federation.signer().public().clone();
    for (entry, receipt) in &receipts {
        let verified = Receipt::parse(receipt)
            .unwrap()
            .verify(&log_key)
            .unwrap()
            .id();
        assert_eq!(verified, *entry);
    }

    // Nothing is left to do, and doing it again adds nothing.
    let before = scene.ledger.state().size();
    let summary = scene.run().await;
    assert_eq!(
        (summary.proved.proofs, summary.submitted.acknowledged),
        (0, 0)
    );
    assert_eq!(scene.ledger.state().size(), before);

    // The owner finds their credits with the seed and the ledger alone.
    let mut found = 0;
    for batch in scene.ledger.batches() {
        for group in groups.iter().filter(|group| group.period == batch.period) {
            let binding = scene.binding(&batch, &group.subject);
            let own = |claim: &&SignedClaim| claim.public.b == binding.b;
            let Some(claim) = batch.claims.iter().find(own) else {
                continue;
            };
            let formula = world.manifest.formula();
            let credits = formula
                .eval(&group.records, &[PublicNumber(16_272)])
                .unwrap()
                .credits;
            let read = binding.reveal(claim.public.u, false);
            assert_eq!(read, Some(Credits(credits).into()));
            found += 1;
        }
    }
    assert_eq!(found, 10);
}
