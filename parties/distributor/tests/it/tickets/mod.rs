//! Claims on a ledger with tickets: who may be claimed for, with which keys, and what remains after
//! a withdrawal.

mod handing_in;
mod pages;
mod scene;
mod terms;
mod withdrawals;

use std::collections::BTreeMap;

use crate::federation::{csv, files, people::rider, read_groups, scale_id, week};
use merits_distributor::{
    consents::Wait,
    outbox::PATIENCE,
    store::{AsideReason, Imported},
};
use merits_ledger_fixture::Citizen;
use merits_primitives::{field, figures::PublicNumber};
use scene::{Scene, waits};

/// SQLite returns a missing value as an empty one. A ticket without its keys must not wait
/// silently, and must not stop others.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_lost_its_keys_is_named_and_stops_nothing() {
    let scene = Scene::new(28, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 2, 1, dir.path()).await;
    scene.hand_in(&node, &[0, 1], week(36)).await;
    let mut disk = files::connect(dir.path()).await;
    let lost = "UPDATE ticket SET keys = NULL WHERE id = (SELECT min(id) FROM ticket)";
    sqlx::raw_sql(lost).execute(&mut disk).await.unwrap();
    let summary = scene.run(&node).await;
    assert_eq!(summary.counts.acknowledged, 1, "the other one");
    assert_eq!(waits(&summary), [(Wait::Aside, 1)]);
    let reasons: Vec<AsideReason> = summary.aside.iter().map(|aside| aside.reason).collect();
    assert_eq!(reasons, [AsideReason::Damaged]);
}

/// The claim's keys are the person's own: the person reads the credits, the distributor's custody
/// seed opens nothing. An account without a ticket waits, and is claimed for once it has one.
#[tokio::test(flavor = "multi_thread")]
async fn deeds_with_a_ticket_are_claimed_and_others_wait() {
    let scene = Scene::new(21, 4);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 4, 1, dir.path()).await;

    // Taken in and not deposited yet; then deposited, and the node's copy is older than that.
    let (_, file) = scene.given(0, week(36));
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::New);
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::Known);
    let summary = scene.run(&node).await;
    assert_eq!(
        waits(&summary),
        [(Wait::NoTicket, 3), (Wait::NotDeposited, 1)]
    );
    let old = scene.ledger.state();
    assert_eq!(scene.deposit(&node).await.deposited, 1);
    let summary = scene
        .world
        .run(&node, &scene.ledger, &old, PATIENCE)
        .await
        .unwrap();
    assert_eq!(waits(&summary), [(Wait::NoTicket, 3), (Wait::NotOpen, 1)]);
    assert_eq!(summary.proved.proofs, 0);

    let more = scene.hand_in(&node, &[1, 2], week(36)).await;
    let summary = scene.run(&node).await;
    assert_eq!(
        (summary.counts.acknowledged, summary.counts.ingested),
        (3, 1)
    );
    assert_eq!(waits(&summary), [(Wait::NoTicket, 1)]);
    assert_eq!(summary.submitted.refused, []);

    // Each claim names its ticket and is bound to it; the person alone reads it.
    let claims: BTreeMap<[u8; 32], _> = scene
        .ledger
        .batches()
        .iter()
        .flat_map(|batch| batch.claims.clone())
        .map(|claim| (field::to_bytes(&claim.ticket.unwrap()), claim.public))
        .collect();
    assert_eq!(claims.len(), 3);
    let groups = read_groups(&csv(4, 1), scene.world.schema());
    let formula = scene.world.manifest.formula();
    for consented in &more {
        let public = claims[&field::to_bytes(&consented.deposit.nullifier)];
        assert_eq!(public.b, consented.deposit.b);
        let number = (0..4)
            .find(|n| Citizen::new(*n).commitment() == consented.citizen.commitment())
            .unwrap();
        let group = groups.iter().find(|group| group.subject == rider(number));
        let worth = formula
            .eval(&group.unwrap().records, &[PublicNumber(16_272)])
            .unwrap();
        let read = consented.binding().reveal(public.u, false).unwrap();
        assert_eq!(read.credits.0, worth.credits);
    }

    // The last one gives a ticket too, and once more.
    let again = scene.hand_in(&node, &[3], week(36)).await;
    assert_eq!(scene.run(&node).await.counts.acknowledged, 4);
    let counts = scene.counts(&node).await;
    assert_eq!((counts.claimed, counts.total()), (4, 4));
    let ticket = scene.ticket(&rider(3), &again[0]);
    let file = scene.seal(&ticket, &scene.world.federation.distributor);
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::Known);
    assert_eq!(scene.run(&node).await.proved.proofs, 0);
}

/// The source linked one person to the account, another gave the ticket: nothing is claimed, and
/// both names are reported.
#[tokio::test(flavor = "multi_thread")]
async fn another_persons_ticket_claims_nothing() {
    let scene = Scene::new(23, 3);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 2, 1, dir.path()).await;
    scene.hand_in(&node, &[0], week(36)).await;
    let distributor = &scene.world.federation.distributor;
    let stranger = scene.consent(&Citizen::new(2), week(36), distributor);
    let file = scene.seal(&scene.ticket(&rider(1), &stranger), distributor);
    assert_eq!(scene.import(&node, &file).await.unwrap(), Imported::New);
    // A second person for the account does not push the first one out.
    let (_, own) = scene.given(1, week(36));
    assert_eq!(scene.import(&node, &own).await.unwrap(), Imported::Standing);
    assert_eq!(scene.deposit(&node).await.deposited, 1);
    let summary = scene.run(&node).await;
    assert_eq!(summary.counts.acknowledged, 1);
    assert_eq!(waits(&summary), [(Wait::OtherPerson, 1)]);
    assert_eq!(summary.formed.waiting.other_person, [(rider(1), week(36))]);

    // The stranger's consent ends; the person's own ticket takes its place.
    scene.withdraw(&stranger);
    let summary = scene.run(&node).await;
    assert_eq!(summary.followed.erased.len(), 1);
    scene.collect(&node, 2, 1, dir.path()).await;
    assert_eq!(scene.import(&node, &own).await.unwrap(), Imported::New);
    assert_eq!(scene.deposit(&node).await.deposited, 1);
    assert_eq!(scene.run(&node).await.counts.acknowledged, 2);
}

/// A source that cannot link people gets what their tickets say.
#[tokio::test(flavor = "multi_thread")]
async fn links_come_from_tickets() {
    let scene = Scene::new(28, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.hand_in(&node, &[0, 1], week(36)).await;
    scene.hand_in(&node, &[0], week(37)).await;
    let source = scene.world.federation.source.id;
    let mut handles = node
        .store()
        .ticket_handles(&scale_id(), &source)
        .await
        .unwrap();
    handles.sort_by(|a, b| a.0.cmp(&b.0));
    let own = |number| (rider(number), scene.handle(&Citizen::new(number)));
    assert_eq!(handles, [own(0), own(0), own(1)]);
    // An account that is forgotten has none; nor does another source.
    node.store().forget("rider-001").await.unwrap().unwrap();
    let nobody = merits_primitives::ids::PartyId([3; 32]);
    let store = node.store();
    let handles = store.ticket_handles(&scale_id(), &source).await.unwrap();
    assert_eq!(handles, [own(0), own(0)]);
    let handles = store.ticket_handles(&scale_id(), &nobody).await.unwrap();
    assert_eq!(handles, []);
}
