//! A distributor's terms, and a store from before there were any.

use merits_distributor::{
    publishing::{PublishError, Published},
    store::{Store, StoreError},
};
use merits_params::terms::TermsDocument;
use merits_primitives::ids::EntryId;
use sqlx::Connection;
use zeroize::Zeroizing;

use crate::federation::files;
use crate::tickets::scene::Scene;

/// Terms are published once, and only if they say what is so.
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
    let master = merits_distributor::sealing::MasterKey::new(Zeroizing::new([5; 32]));
    let federation = &scene.world.federation;
    let opened = Store::open(&path, &federation.origin, &node.party(), master).await;
    assert!(matches!(opened, Err(StoreError::BeforeTickets)));
}
