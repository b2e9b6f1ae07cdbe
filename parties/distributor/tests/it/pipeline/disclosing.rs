//! What a node discloses of a claim, and to whom.

use std::time::Duration;

use merits_distributor::disclosing::{DiscloseError, Ground, disclose};
use merits_ledger::{
    Entry, Role, Thresholds,
    entry::{
        Act, OpeningContent, OpeningDisowned, OpeningEndorsed, OpeningRequested, SignedClaim,
        ThresholdsChanged,
    },
};
use merits_ledger_fixture::{Member, START, acts};
use merits_primitives::{commitment::Opening, ids::EntryId};

use crate::federation::{custody::Scene, scale_id};

/// A node with one batch of two claims on the ledger; the batch's entry.
async fn claimed(seed: u64) -> (Scene, EntryId, Vec<SignedClaim>) {
    let scene = Scene::new(seed).await;
    scene.collect(2, 1).await;
    assert_eq!(scene.run().await.counts.acknowledged, 2);
    let receipts = scene
        .node
        .store()
        .receipts(&scale_id(), None, 100)
        .await
        .unwrap()
        .held;
    let claims = scene.ledger.batches().remove(0).claims;
    (scene, receipts[0].0, claims)
}

/// What is disclosed of a claim opens its commitment.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_disclosed_opens_the_claim() {
    let (scene, entry, claims) = claimed(8).await;
    let schema = scene.world.schema();
    let state = scene.ledger.state();
    let disclosure = disclose(&scene.node, &state, schema, (entry, 1), Ground::Person)
        .await
        .unwrap();
    let records = disclosure.records();
    let opening = Opening {
        schema: schema.id(),
        period: disclosure.period,
        count: records.len() as u16,
        handle: disclosure.h,
        salt: disclosure.salt,
        packed: &schema.pack(&records),
    };
    assert_eq!(opening.commitment(), claims[1].public.c);
    for (entry, claim) in [(entry, 2), (EntryId([0; 32]), 0)] {
        let claim = (entry, claim);
        let error = disclose(&scene.node, &state, schema, claim, Ground::Person)
            .await
            .unwrap_err();
        assert!(matches!(error, DiscloseError::Unknown { .. }));
    }
}

/// A supervisor gets what its logged request is for, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn no_claim_is_disclosed_without_a_trace() {
    let (scene, entry, _) = claimed(9).await;
    let federation = &scene.world.federation;
    let content = OpeningContent {
        entry,
        claim: 1,
        basis: "sampling, case 17".into(),
        nonce: [9; 32],
    };
    let time = START + Duration::from_secs(1);
    let requested = Entry::OpeningRequested(OpeningRequested {
        commitment: content.commitment(&federation.origin),
        scale: scale_id(),
        deadline: time + Duration::from_secs(86_400),
    });
    let requested = federation.sign(&requested, &federation.supervisor);
    let id = requested.id();
    let ask = async |claim: u16, content: &OpeningContent| {
        let ground = Ground::Request { id, content };
        disclose(
            &scene.node,
            &scene.ledger.state(),
            scene.world.schema(),
            (entry, claim),
            ground,
        )
        .await
    };
    let early = ask(1, &content).await;
    assert!(matches!(early, Err(DiscloseError::NotRequested(found)) if found == id));
    scene.ledger.append(&requested, time);
    assert_eq!(ask(1, &content).await.unwrap().claim, 1);
    let other = ask(0, &content).await;
    assert!(matches!(
        other,
        Err(DiscloseError::OtherClaim { claim: 1, .. })
    ));
    // The right claim, and not what was asked for in the log.
    let renamed = OpeningContent {
        claim: 0,
        ..content.clone()
    };
    let forged = ask(0, &renamed).await;
    assert!(matches!(forged, Err(DiscloseError::OtherRequest(found)) if found == id));

    // A request about who made a redemption is not about a claim.
    let redeemer = Entry::RedeemerRequested(OpeningRequested {
        commitment: content.commitment(&federation.origin),
        scale: scale_id(),
        deadline: time + Duration::from_secs(86_400),
    });
    let redeemer = federation.sign(&redeemer, &federation.supervisor);
    scene.ledger.append(&redeemer, time);
    let ground = Ground::Request {
        id: redeemer.id(),
        content: &content,
    };
    let refused = disclose(
        &scene.node,
        &scene.ledger.state(),
        scene.world.schema(),
        (entry, 1),
        ground,
    )
    .await;
    assert!(matches!(refused, Err(DiscloseError::OtherRequest(found)) if found == redeemer.id()));

    // Where two supervisors decide, one alone gets nothing, and not by an endorsement of something else.
    let second = Member::new(
        &federation.origin,
        "second supervisor",
        &[Role::Supervisor],
        101,
    );
    let changed = Act::ThresholdsChanged(ThresholdsChanged {
        generation: 1,
        thresholds: Thresholds {
            ordinary: 2,
            trust: 2,
            delay_seconds: 0,
            consents: 0,
        },
    });
    for entry in [
        acts::admitted(second.application(&federation.origin)),
        acts::at_once(changed),
    ] {
        let signed = federation.sign(&entry, &federation.supervisor);
        scene.ledger.append(&signed, time);
    }
    let endorse = |number: u32, content: &OpeningContent| {
        let seen = content.seen_by(&federation.origin, &id, &second.id);
        let endorsed = Entry::OpeningEndorsed(OpeningEndorsed {
            request: id,
            number,
            seen,
        });
        scene
            .ledger
            .append(&federation.sign(&endorsed, &second), time);
    };
    let disown = |number: u32| {
        let request = id;
        let disowned = Entry::OpeningDisowned(OpeningDisowned { request, number });
        scene
            .ledger
            .append(&federation.sign(&disowned, &second), time);
    };
    let alone = async || {
        let refused = ask(1, &content).await;
        assert!(
            matches!(
                refused,
                Err(DiscloseError::NotEndorsed {
                    found: 1,
                    needed: 2,
                    ..
                })
            ),
            "{refused:?}"
        );
    };
    alone().await;
    endorse(1, &renamed);
    alone().await;
    disown(1);
    endorse(2, &content);
    assert_eq!(ask(1, &content).await.unwrap().claim, 1);
    disown(2);
    alone().await;
}
