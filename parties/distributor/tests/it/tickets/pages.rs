//! What waits in the store is read page by page, with the same result for pages of any size.

use merits_distributor::store::{Candidate, CandidateCursor, Store};
use merits_primitives::nullifier::Nullifier;

use super::scene::Scene;
use crate::federation::{custody, scale_id, week};

async fn candidates(store: &Store, limit: u32) -> Vec<Candidate> {
    let (mut all, mut after) = (Vec::new(), Some(CandidateCursor::START));
    while let Some(place) = after {
        let page = store.candidates(&scale_id(), place, limit).await.unwrap();
        assert!(page.candidates.len() <= limit as usize);
        all.extend(page.candidates);
        after = page.next;
    }
    all
}

async fn nullifiers(store: &Store, limit: u32) -> Vec<Nullifier> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.live_tickets(after, limit).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else {
            return all;
        };
        after = Some(last.id);
        all.extend(page.iter().map(|ticket| ticket.nullifier));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deeds_and_tickets_come_in_pages() {
    let scene = Scene::new(34, 3);
    let dir = tempfile::tempdir().unwrap();
    let node = scene.world.node(dir.path(), 5).await;
    scene.collect(&node, 3, 2, dir.path()).await;
    scene.hand_in(&node, &[0, 2], week(36)).await;
    let store = node.store();
    let whole = candidates(store, 100).await;
    assert_eq!(whole.len(), 6);
    let with_ticket = |found: &[Candidate]| -> Vec<_> {
        let deeds = found.iter();
        deeds
            .map(|found| (found.deed, found.ticket.map(|ticket| ticket.nullifier)))
            .collect()
    };
    assert_eq!(
        whole.iter().filter(|found| found.ticket.is_some()).count(),
        2
    );
    assert!(whole.is_sorted_by_key(|found| found.period));
    let tickets = nullifiers(store, 100).await;
    assert_eq!(tickets.len(), 2);
    for limit in 1..=7 {
        let found = candidates(store, limit).await;
        assert_eq!(with_ticket(&found), with_ticket(&whole), "{limit}");
        assert_eq!(nullifiers(store, limit).await, tickets, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn formed_batches_come_in_pages() {
    let scene = custody::Scene::new(35).await;
    scene.collect(5, 2).await;
    // Five subjects a week in batches of two.
    assert_eq!(scene.form().await.batches, 6);
    let store = scene.node.store();
    for limit in [1, 2, 4, 6, 7] {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = store.formed_batches(&scale_id(), after, limit).await;
            let page = page.unwrap();
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.id);
            all.extend(page.iter().map(|batch| batch.entry_id));
        }
        assert_eq!(all.len(), 6, "{limit}");
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6, "{limit}");
    }
    assert_eq!(scene.run().await.counts.acknowledged, 10);
}
