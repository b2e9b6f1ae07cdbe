//! The same entry, sent twice at once.

use std::{collections::BTreeSet, time::Duration};

use merits_ledger::{Entry, MemoryStore, Sequencer, State};
use merits_ledger_fixture::START;
use merits_primitives::ids::Credits;
use merits_proto::{Reason, ledger::SubmitResponse};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry};

use crate::federation::{Client, world::World};

/// Totals, each over two batches.
const TOTALS: usize = 8;

/// The answer; a receipt that is not published yet is asked for again.
async fn answer(mut client: Client, entry: SignedEntry) -> SubmitResponse {
    loop {
        match client.submit(&entry).await {
            Ok(answer) => return answer,
            Err(fault) => assert_eq!(fault.reason, Reason::Busy, "{fault:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Regression: the second submission passed the lookup, and then read the rows that the first had changed. It got a
/// signed refusal, or "internal".
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_opened_total_that_is_sent_twice_is_there_both_times() {
    let mut world = World::new(71).await;
    let federation = world.founding.federation.clone();
    let empty = State::new(federation.policy());
    let mut ledger = Sequencer::new(empty, MemoryStore::new(), federation.signer());
    for entry in world.founding.entries.clone() {
        ledger.submit(&entry.to_bytes(), START).unwrap();
    }
    for _ in 0..2 * TOTALS {
        let batch = world.founding.earn(2);
        world.node.client.submit(&batch).await.unwrap();
        ledger.submit(&batch.to_bytes(), START).unwrap();
    }
    for _ in 0..TOTALS {
        let (state, rng) = (ledger.state(), &mut world.founding.rng);
        let total = federation.open_total(state, 2, Credits(400), rng);
        let entry = federation.sign(&Entry::TotalsOpened(total), &federation.supervisor);
        let sent: Vec<_> = (0..6)
            .map(|_| tokio::spawn(answer(world.node.client.clone(), entry.clone())))
            .collect();
        let (mut places, mut new) = (BTreeSet::new(), 0);
        for sent in sent {
            let answer = sent.await.unwrap();
            places.insert(answer.index);
            new += usize::from(!answer.already_present);
        }
        assert_eq!((places.len(), new), (1, 1), "one entry, in one place");
        ledger.submit(&entry.to_bytes(), START).unwrap();
    }
}
