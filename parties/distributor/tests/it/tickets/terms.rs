//! A distributor's terms, and a store from before there were any.

use std::time::Duration;

use merits_distributor::{
    consents::Wait,
    outlook::Outlook,
    publishing::{PublishError, Published},
    store::{Imported, Store, StoreError},
    tickets::TicketFault,
};
use merits_ledger::{Entry, entry::StandingChange};
use merits_ledger_fixture::acts;
use merits_params::terms::TermsDocument;
use merits_primitives::ids::{EntryId, ScaleVersion};
use sqlx::Connection;
use zeroize::Zeroizing;

use crate::federation::{files, people::rider, scale_id, week};
use crate::tickets::scene::{Scene, code, waits};
use merits_verifier::Reason;

/// Terms are published once, and only if they are true.
#[tokio::test(flavor = "multi_thread")]
async fn terms_are_true_and_published_once() {
    let scene = Scene::new(29, 0);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    let manifest = &scene.world.manifest;
    let state = scene.ledger.state();
    let text = TermsDocument::template(&node.party(), "distributor", manifest);
    let published = node
        .publish_terms(&text, manifest, &state, &scene.ledger)
        .await
        .unwrap();
    let Published::Now(entry) = published else {
        panic!("{published:?}")
    };
    let state = scene.ledger.state();
    let again = node
        .publish_terms(&text, manifest, &state, &scene.ledger)
        .await
        .unwrap();
    assert_eq!(again, Published::Before(entry));
    let document = TermsDocument::parse(&text).unwrap();
    let terms = state
        .tickets()
        .terms(&node.party(), &document.digest())
        .unwrap();
    assert_eq!((terms.distributor, terms.entry), (node.party(), entry));
    let renamed = text.replace("\"distributor\"", "\"somebody\"");
    let error = node
        .publish_terms(&renamed, manifest, &state, &scene.ledger)
        .await
        .unwrap_err();
    assert!(matches!(error, PublishError::Document(_)), "{error}");
    assert_ne!(entry, EntryId([0; 32]));
}

/// A store from before tickets is told apart, with what to do about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_before_tickets_is_refused() {
    let scene = Scene::new(30, 0);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    node.store().close().await.unwrap();
    let mut connection = files::connect(dir.path()).await;
    sqlx::query("UPDATE node SET version = 1")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let path = dir.path().join("node.sqlite");
    let master = merits_distributor::at_rest::MasterKey::new(Zeroizing::new([5; 32]));
    let federation = &scene.world.federation;
    let opened = Store::open(&path, &federation.origin, &node.party(), master).await;
    assert!(matches!(opened, Err(StoreError::BeforeTickets)));
}

/// A consent is to one version. What comes into force after it was given, and before it was deposited,
/// makes no claim of it: not when it is handed in, not when it is deposited, whatever version it is said
/// to be for.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_to_a_superseded_version_serves_no_claim_of_the_next() {
    let scene = Scene::new(31, 2);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 2, 2, dir.path()).await;
    let federation = &scene.world.federation;
    let (consented, file) = scene.given(0, week(37));
    let good = scene.ticket(&rider(0), &consented);
    let (_, waiting) = scene.given(1, week(37));
    assert_eq!(scene.import(&node, &waiting).await.unwrap(), Imported::New);

    let mut next = scene.world.scale.clone();
    (next.version, next.valid_from) = (ScaleVersion(2), week(37).index);
    let proposal = federation.sign(&Entry::ScaleProposed(next), &federation.issuer);
    for entry in [&proposal, &federation.approval(2, proposal.id())] {
        scene
            .ledger
            .append(entry, scene.ledger.time() + Duration::from_secs(1));
    }

    let found = scene.import(&node, &file).await.unwrap_err();
    let TicketFault::Refused(refusal) = found else {
        panic!("{found}");
    };
    assert_eq!(refusal.code(), Reason::ScaleSuperseded);
    let mut said = good;
    said.version = 2;
    let file = scene.seal(&said, &federation.distributor);
    let found = scene.import(&node, &file).await.unwrap_err();
    assert!(matches!(found, TicketFault::Proof(_)), "{found}");
    let report = scene.deposit(&node).await;
    assert_eq!(report.deposited, 0);
    assert_eq!(code(&report.refused[0].1), Some(Reason::ScaleSuperseded));
    let summary = scene.run(&node).await;
    assert_eq!(summary.counts.acknowledged, 0);
    assert_eq!(waits(&summary), [(Wait::NoTicket, 4)]);

    // For the periods of the version that they consented to, people are claimed for as before.
    scene.hand_in(&node, &[0, 1], week(36)).await;
    let summary = scene.run(&node).await;
    assert_eq!(summary.counts.acknowledged, 2);
    assert_eq!(waits(&summary), [(Wait::NoTicket, 2)]);
}

/// The status between runs reports what a run would find.
#[tokio::test(flavor = "multi_thread")]
async fn the_outlook_says_what_waits_and_why() {
    let scene = Scene::new(33, 3);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    let (store, party) = (node.store(), node.party());
    let look = async || {
        let state = scene.ledger.state();
        let full = Outlook::of(store, &scale_id(), &party, &state, state.time()).await;
        let alone = Outlook::of_store(store, &scale_id(), true).await;
        (full.unwrap(), alone.unwrap())
    };
    let counts =
        |outlook: &Outlook| -> Vec<_> { outlook.waiting.counts.clone().into_iter().collect() };
    assert_eq!(look().await, (Outlook::default(), Outlook::default()));

    scene.collect(&node, 3, 1, dir.path()).await;
    let (consented, file) = scene.given(0, week(36));
    scene.import(&node, &file).await.unwrap();
    let (full, alone) = look().await;
    assert_eq!(full.ready, 0);
    assert_eq!(
        counts(&full),
        [(Wait::NoTicket, 2), (Wait::NotDeposited, 1)]
    );
    assert_eq!(full, alone);
    let found = scene.run(&node).await.formed.waiting;
    assert_eq!(full.waiting, found, "a run finds the same");

    scene.deposit(&node).await;
    let (full, alone) = look().await;
    assert_eq!((full.ready, counts(&full)), (1, vec![(Wait::NoTicket, 2)]));
    assert_eq!(full, alone);
    // The store alone does not know that the ledger has no terms for this distributor any more, nor that
    // the person took the consent back.
    let federation = &scene.world.federation;
    let change = |sequence| StandingChange {
        party,
        sequence,
        basis: "for a test".to_owned(),
    };
    let by_supervisor = |entry| {
        let signed = federation.sign(&entry, &federation.supervisor);
        scene
            .ledger
            .append(&signed, scene.ledger.time() + Duration::from_secs(1));
    };
    by_supervisor(acts::suspended(change(1)));
    let (full, alone) = look().await;
    assert_eq!((full.ready, alone.ready), (0, 1));
    let (why, deeds) = full.waiting.without_terms.first_key_value().unwrap();
    assert!(why.contains("is suspended") && *deeds == 1, "{why}");
    by_supervisor(acts::reinstated(change(2)));
    assert_eq!(look().await.0.ready, 1);
    scene.withdraw(&consented);
    let (full, alone) = look().await;
    assert_eq!((full.ready, alone.ready), (0, 1));
    assert_eq!(counts(&full), [(Wait::NoTicket, 2), (Wait::NotOpen, 1)]);
}
