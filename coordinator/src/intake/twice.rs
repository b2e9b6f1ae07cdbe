//! The same entry, sent twice at once, with the second submission overtaking the first at each of its reads.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    BlobDigest, Entry, MemoryStore, Sequencer, State, UniqueSet,
    rows::{KeyValue, RowKey, Table},
    storage::{self, Founded, Head, Inspect, StorageReader, StoreFailure},
    tree::Node,
};
use merits_ledger_fixture::{Federation, START};
use merits_primitives::ids::{Credits, EntryId};
use merits_proto::{
    Fault, Reason,
    ledger::{SubmitRequest, SubmitResponse, ledger_client::LedgerClient},
};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry, log::Hash};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::sync::oneshot;
use tonic::transport::Channel;

use crate::{Beginning, Config, Coordinator, SystemClock, backend};

/// Holds up one read of rows until the test lets it go.
#[derive(Debug, Default)]
struct Gate(Mutex<Option<Held>>);

/// The read to hold up.
#[derive(Debug)]
struct Held {
    /// Reads that pass before it.
    before: usize,
    reached: oneshot::Sender<()>,
    go: oneshot::Receiver<()>,
}

impl Gate {
    fn held(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds up the read after `before` others. The answer says when it is reached, and lets it go.
    fn hold(&self, before: usize) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (reached, is_reached) = oneshot::channel();
        let (let_go, go) = oneshot::channel();
        *self.held() = Some(Held {
            before,
            reached,
            go,
        });
        (is_reached, let_go)
    }

    async fn pass(&self) {
        let held = {
            let mut held = self.held();
            match held.as_mut() {
                Some(Held { before: 0, .. }) => held.take(),
                Some(waiting) => {
                    waiting.before -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some(Held { reached, go, .. }) = held {
            let _ = reached.send(());
            let _ = go.await;
        }
    }
}

/// A place, or its reader, whose reads of rows pass a gate.
#[derive(Debug, Clone)]
struct Gated<T>(T, Arc<Gate>);

impl<P: storage::Place> Inspect for Gated<P> {
    type Error = P::Error;
    type Inspection = P::Inspection;

    fn name(&self) -> &Path {
        self.0.name()
    }

    async fn inspect(&self) -> Result<Option<Self::Inspection>, Self::Error> {
        self.0.inspect().await
    }
}

impl<P: storage::Place> storage::Place for Gated<P> {
    type Storage = P::Storage;
    type Reader = Gated<P::Reader>;
    type Staged = P::Staged;
    type Backup = P::Backup;

    fn judge(&self) -> Result<(), P::Error> {
        self.0.judge()
    }

    fn exists(&self) -> bool {
        self.0.exists()
    }

    fn keep_private(&self) -> Result<(), P::Error> {
        self.0.keep_private()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.0.files()
    }

    async fn create(&self) -> Result<Option<P::Storage>, P::Error> {
        self.0.create().await
    }

    async fn open(&self) -> Result<Option<P::Storage>, P::Error> {
        self.0.open().await
    }

    async fn readers(&self, connections: u32) -> Result<Self::Reader, P::Error> {
        let reader = self.0.readers(connections).await?;
        Ok(Gated(reader, Arc::clone(&self.1)))
    }

    async fn settle(&self) -> Result<(), P::Error> {
        self.0.settle().await
    }

    async fn back_up(&self, output: &Path) -> Result<P::Staged, P::Error> {
        self.0.back_up(output).await
    }

    async fn backup(&self, input: &Path) -> Result<P::Backup, P::Error> {
        self.0.backup(input).await
    }

    async fn restore(&self, backup: &P::Backup) -> Result<P::Staged, P::Error> {
        self.0.restore(backup).await
    }
}

impl<R: StorageReader + fmt::Debug> StorageReader for Gated<R> {
    type Error = R::Error;

    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, R::Error> {
        self.1.pass().await;
        self.0.get(keys).await
    }

    async fn head(&self) -> Result<Option<Head>, R::Error> {
        self.0.head().await
    }

    async fn range(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<KeyValue>, R::Error> {
        self.0.range(table, from, limit).await
    }

    async fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, R::Error> {
        self.0.used(set, value).await
    }

    async fn find(&self, id: &EntryId) -> Result<Option<u64>, R::Error> {
        self.0.find(id).await
    }

    async fn ids_from(
        &self,
        from: &EntryId,
        limit: usize,
    ) -> Result<Vec<(EntryId, u64)>, R::Error> {
        self.0.ids_from(from, limit).await
    }

    async fn leaves(&self, from: u64, until: u64, bytes: usize) -> Result<Vec<Vec<u8>>, R::Error> {
        self.0.leaves(from, until, bytes).await
    }

    async fn nodes(&self, wanted: &[Node]) -> Result<HashMap<Node, Hash>, R::Error> {
        self.0.nodes(wanted).await
    }

    fn explain(error: R::Error) -> StoreFailure {
        R::explain(error)
    }

    async fn founded(&self) -> Result<Option<Founded>, R::Error> {
        self.0.founded().await
    }

    async fn leaf_count(&self) -> Result<(u64, Option<u64>), R::Error> {
        self.0.leaf_count().await
    }

    async fn state_version(&self) -> Result<Option<i64>, R::Error> {
        self.0.state_version().await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<(u64, Vec<u8>)>, R::Error> {
        self.0.entry(id).await
    }

    async fn find_all(&self, ids: &[EntryId]) -> Result<HashMap<EntryId, u64>, R::Error> {
        self.0.find_all(ids).await
    }

    async fn used_all(
        &self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> Result<HashSet<(UniqueSet, [u8; 32])>, R::Error> {
        self.0.used_all(values).await
    }

    async fn blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>, R::Error> {
        self.0.blob(digest).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// The answer; a receipt that is not published yet is asked for again.
async fn submitted(mut client: LedgerClient<Channel>, entry: SignedEntry) -> SubmitResponse {
    loop {
        let entry = entry.to_bytes();
        match client.submit(SubmitRequest { entry }).await {
            Ok(answer) => return answer.into_inner(),
            Err(status) => {
                let fault = Fault::from_status(&status);
                assert_eq!(fault.reason, Reason::Busy, "{fault:?}");
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Regression: a submission passed the lookup, and then read the rows that the other had changed. It got a signed
/// refusal, or "internal". Of an opened total the rows are read in several queries, and the other comes in before each
/// of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opened_total_that_is_sent_twice_is_there_both_times() {
    let mut rng = StdRng::seed_from_u64(71);
    let federation = Federation::generate(&mut rng).unwrap();
    let empty = State::new(federation.policy());
    let mut ledger = Sequencer::new(empty, MemoryStore::new(), federation.signer());
    let dir = tempfile::tempdir().unwrap();
    let config = Config::new(
        &federation.policy(),
        SocketAddr::from(([127, 0, 0, 1], 0)),
        dir.path().join("data"),
        dir.path().join("high-water.mark"),
    );
    let gate = Arc::new(Gate::default());
    let place = Gated(backend::file(config.database()), Arc::clone(&gate));
    let clock = Arc::new(SystemClock);
    let coordinator = Coordinator::begin_at(place, config, clock, Beginning::Found);
    let coordinator = coordinator.await.unwrap();
    let address = format!("http://{}", coordinator.address());
    let client = LedgerClient::connect(address).await.unwrap();
    let client = client.max_decoding_message_size(merits_proto::limits::LEDGER_ANSWER_MESSAGE);
    for entry in federation.founding_entries(&mut rng) {
        submitted(client.clone(), entry.clone()).await;
        ledger.submit(&entry.to_bytes(), START).unwrap();
    }

    let mut overtaken = 0;
    let mut number = 0;
    loop {
        for _ in 0..2 {
            let batch = federation.earn(ledger.state(), 2, &mut rng).unwrap();
            submitted(client.clone(), batch.clone()).await;
            ledger.submit(&batch.to_bytes(), START).unwrap();
        }
        let cut = federation.sign(&federation.cut(number), &federation.supervisor);
        submitted(client.clone(), cut.clone()).await;
        ledger.submit(&cut.to_bytes(), START).unwrap();
        let total = federation.open_total(ledger.state(), number, Credits(400), &mut rng);
        let entry = federation.sign(&Entry::TotalsOpened(total), &federation.supervisor);
        ledger.submit(&entry.to_bytes(), START).unwrap();

        let (reached, let_go) = gate.hold(overtaken);
        let mut first = tokio::spawn(submitted(client.clone(), entry.clone()));
        tokio::select! {
            reached = reached => reached.unwrap(),
            // It reads less often: all its reads were overtaken.
            answer = &mut first => {
                assert!(!answer.unwrap().already_present);
                break;
            }
        }
        let second = submitted(client.clone(), entry).await;
        assert!(!second.already_present, "it came first");
        let_go.send(()).unwrap();
        let first = first.await.unwrap();
        assert!(first.already_present);
        assert_eq!(first.index, second.index, "one entry, in one place");
        overtaken += 1;
        number += 1;
        assert!(overtaken < 100, "a submission never ends to read");
    }
    assert!(overtaken > 0, "no read of rows was held up");
    coordinator.shutdown().await.unwrap();
}
