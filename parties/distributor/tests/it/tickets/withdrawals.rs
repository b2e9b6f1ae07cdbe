//! Tickets that end: taken back by the person, or by time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use merits_distributor::{
    consents::{Consents, Wait},
    disclosing::{DiscloseError, Ground, disclose},
    outbox::PATIENCE,
    progress::Event,
    sources::Sources,
    store::Imported,
    summary::RunSummary,
    terms::TermsReader,
    tickets::TicketFault,
};
use merits_ledger::{Groth16Keys, Submission};
use merits_ledger_fixture::Citizen;
use merits_primitives::{Fr, owner::Handle};
use merits_verifier::{Reason, receipt::Receipt};

use crate::federation::{files, people::rider, scale_id, week};
use crate::tickets::scene::{Scene, code, rng, waits};

/// A withdrawal that the node's copy does not show yet affects only its own claim: the log's
/// refusal sets the ticket aside, and the others of the batch are claimed in the same run.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_under_way_costs_one_claim() {
    let scene = Scene::new(24, 3);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 3, 1, dir.path()).await;

    // Withdrawn before it was deposited: known here, or known to the ledger only.
    let (early, file) = scene.given(2, week(36));
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::New);
    scene.withdraw(&early);
    let report = scene.deposit(&node).await;
    assert_eq!(code(&report.refused[0].1), Some(Reason::ConsentWithdrawn));
    let found = scene.import(&node, &file).await.unwrap_err();
    assert!(matches!(found, TicketFault::Withdrawn), "{found}");
    let refusals = node.store().ticket_refusals(&scale_id()).await.unwrap();
    assert!(refusals[0].1.contains("consent-withdrawn"), "{refusals:?}");

    let consents = scene.hand_in(&node, &[0, 1], week(36)).await;
    let old = scene.ledger.state();
    scene.withdraw(&consents[0]);
    let summary = scene
        .world
        .run(&node, &scene.ledger, &old, PATIENCE)
        .await
        .unwrap();
    assert_eq!(summary.submitted.refused.len(), 1);
    assert_eq!(
        code(&summary.submitted.refused[0].1),
        Some(Reason::ConsentWithdrawn)
    );
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.refused),
        (1, 0)
    );
    assert_eq!(waits(&summary), [(Wait::NoTicket, 1)]);
    let erased = |summary: &RunSummary| -> Vec<(Option<String>, u64)> {
        let erased = summary.followed.erased.iter();
        erased
            .map(|erased| (erased.subject.clone(), erased.records.dropped))
            .collect()
    };
    assert_eq!(erased(&summary), [(Some(rider(2)), 1)]);

    // Once the copy shows the other one too, it is followed, and only once.
    let summary = scene.run(&node).await;
    assert_eq!(erased(&summary), [(Some(rider(0)), 1)]);
    assert_eq!(summary.formed.waiting.total(), 0);
    assert_eq!(scene.run(&node).await.followed.erased, []);
    let counts = scene.counts(&node).await;
    assert_eq!((counts.withdrawn, counts.claimed), (2, 1));
}

/// PIPL 47: after a withdrawal records, salt, K and h of that period are gone from the files, and
/// what was proven still verifies. Other periods of the person, and other people, stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_takes_the_records_and_leaves_the_proof() {
    let scene = Scene::new(25, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 2, 2, dir.path()).await;
    let consents = scene.hand_in(&node, &[0, 1], week(36)).await;
    scene.hand_in(&node, &[0], week(37)).await;
    assert_eq!(scene.run(&node).await.counts.acknowledged, 3);
    let before = sealed(dir.path()).await;

    scene.withdraw(&consents[0]);
    let summary = scene.run(&node).await;
    let [erased] = summary.followed.erased.as_slice() else {
        panic!("{:?}", summary.followed)
    };
    assert_eq!(
        (erased.subject.as_deref(), erased.period),
        (Some("rider-000"), week(36))
    );
    assert_eq!((erased.records.shredded, erased.records.dropped), (1, 0));

    // The other person's rows are as they were; this person's have another key.
    let after = sealed(dir.path()).await;
    let gone: Vec<&Vec<u8>> = before.difference(&after).collect();
    // Wrapped key, name, records and credits of two weeks, keys of two tickets.
    assert_eq!(gone.len(), 8);
    let mut disclosed = Vec::new();
    for (entry, receipt) in node
        .store()
        .receipts(&scale_id(), None, 100)
        .await
        .unwrap()
        .held
    {
        let receipt = Receipt::parse(&receipt).unwrap();
        let log_key = scene.world.federation.signer().public().clone();
        let verified = receipt.verify(&log_key).unwrap();
        holds(&scene, verified.leaf().entry.clone());
        for claim in 0..2 {
            match disclose(
                &node,
                &scene.ledger.state(),
                scene.world.schema(),
                (entry, claim),
                Ground::Person,
            )
            .await
            {
                Ok(found) => disclosed.push((found.period, found.h)),
                Err(DiscloseError::Forgotten { .. }) => {
                    disclosed.push((week(10), Handle(Fr::from(0u64))))
                }
                Err(DiscloseError::Unknown { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    disclosed.sort_by_key(|(period, _)| *period);
    let expected = [
        (week(10), Handle(Fr::from(0u64))),
        (week(36), scene.handle(&Citizen::new(1))),
        (week(37), scene.handle(&Citizen::new(0))),
    ];
    assert_eq!(disclosed, expected);

    // The person has nothing else here once week 37 is taken back too: the account goes.
    let distributor = &scene.world.federation.distributor;
    scene.withdraw(&scene.consent(&Citizen::new(0), week(37), distributor));
    scene.run(&node).await;
    assert_eq!(node.store().counts(&scale_id()).await.unwrap().subjects, 1);

    // None of it is in any file, not in free pages and not in the log.
    node.store().close().await.unwrap();
    for lost in &gone {
        assert_eq!(files::holding(dir.path(), lost), None);
    }
}

/// Everything that is sealed in the store.
async fn sealed(dir: &Path) -> BTreeSet<Vec<u8>> {
    let values = files::column(
        dir,
        "SELECT wrapped_key FROM subject UNION ALL SELECT name FROM subject
         UNION ALL SELECT records FROM deed WHERE records IS NOT NULL
         UNION ALL SELECT credits FROM deed WHERE credits IS NOT NULL
         UNION ALL SELECT keys FROM ticket WHERE keys IS NOT NULL",
    );
    values.await.into_iter().collect()
}

/// A logged batch's signatures and proof hold.
fn holds(scene: &Scene, entry: merits_verifier::entry::SignedEntry) {
    let state = scene.ledger.state();
    let submission = Submission::from_signed(entry, state.origin()).unwrap();
    let job = state.job(&submission).unwrap().unwrap();
    state.authenticate(submission).unwrap();
    job.verify(&state, &Groth16Keys::new()).unwrap();
}

/// A reservation that is over claims nothing; another ticket of the person does.
#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_ticket_gives_way_to_a_new_one() {
    let scene = Scene::new(26, 1);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 1, 1, dir.path()).await;
    scene.hand_in(&node, &[0], week(36)).await;
    let old = scene.ledger.state();
    // By the clock it is over, though the ledger has not written since.
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let consents = Consents::of(&old, old.time() + days(15));
    let clock = || old.time() + days(15);
    let reader = TermsReader::new(&old, scale_id(), node.party(), old.time()).unwrap();
    let formed = node
        .form_batches(
            &scene.world.pool,
            &|period| reader.at(period),
            &consents,
            &Sources::of(&old, &clock),
            &mut rng(),
            &|_: Event| {},
        )
        .await
        .unwrap();
    assert_eq!(formed.waiting.counts, BTreeMap::from([(Wait::Lapsed, 1)]));

    scene.register(&Citizen::new(9), days(15));
    let summary = scene.run(&node).await;
    assert_eq!(summary.followed.lapsed, 1);
    assert_eq!(waits(&summary), [(Wait::NoTicket, 1)]);
    assert_eq!(scene.counts(&node).await.lapsed, 1);
    // The person proves it again, under the current group.
    scene.hand_in(&node, &[0], week(36)).await;
    assert_eq!(scene.run(&node).await.counts.acknowledged, 1);
}
