//! The prover node: takes formed batches and puts signed entries into the outbox.
//!
//! A bounded number of batches is in flight on the pool. While one batch is in a part of its proof that
//! does not use all threads, another's witness fills them.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use merits_verifier::codec::Canonical;
use rand::{SeedableRng, rngs::StdRng};
use rand_core::CryptoRng;
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};

use crate::{
    attempts::Tried,
    forming::{Fixed, FormReport, Forming},
    node::Node,
    pool::{Proven, ProverPool, ProvingError},
    progress::{Event, Progress},
    sources::Sources,
};

/// The result of proving.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ProveReport {
    /// Proofs made.
    pub proofs: u64,
    /// Claims in them.
    pub claims: u64,
    /// Batches taken apart because the ledger's terms or the deeds changed since they were fixed:
    /// before they were proven, or meanwhile.
    pub dissolved: u64,
    /// Time on the wall.
    pub elapsed: Duration,
    /// Time of all workers in making witnesses.
    pub witness: Duration,
    /// Time of all workers in making proofs.
    pub proving: Duration,
}

impl ProveReport {
    /// Adds another round of the same run.
    pub(crate) fn add(&mut self, round: &Self) {
        self.proofs += round.proofs;
        self.claims += round.claims;
        self.dissolved += round.dissolved;
        self.elapsed += round.elapsed;
        self.witness += round.witness;
        self.proving += round.proving;
    }
}

/// Fixes batches for everything that may be claimed, and proves them and those of an earlier run;
/// forming stays a few batches ahead. `stop` ends it after the proofs in flight.
///
/// After an error, proven batches are in the outbox and fixed ones in the store.
pub(crate) async fn form_and_prove(
    forming: Forming<'_>,
    rng: &mut (impl CryptoRng + Send),
    stop: &AtomicBool,
) -> (
    Result<FormReport, ProvingError>,
    Result<ProveReport, ProvingError>,
) {
    let start = Instant::now();
    let Forming {
        node,
        pool,
        progress,
        tried,
        sources,
        ..
    } = forming;
    let run = Run {
        node,
        pool,
        progress,
        tried,
        sources,
        stop,
        total: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        claims: AtomicU64::new(0),
        dissolved: AtomicU64::new(0),
        witness: AtomicU64::new(0),
        proving: AtomicU64::new(0),
    };
    // One for each that is being proven: then none waits to be stated.
    let (sender, fixed) = mpsc::channel(pool.width().in_flight.get());
    let fixed = Mutex::new(fixed);
    let workers =
        (0..pool.width().in_flight.get()).map(|_| run.work(&fixed, StdRng::from_rng(rng)));
    let workers = workers.collect::<Vec<_>>();
    let prove = async {
        let done = futures::future::try_join_all(workers).await;
        // The receiver has ended, so forming ends too.
        fixed.lock().await.close();
        done
    };
    let (formed, proved) = tokio::join!(forming.feed(sender, &run.total, stop, rng), prove);
    let micros = |sum: AtomicU64| Duration::from_micros(sum.into_inner());
    let proved = proved.map(|_| ProveReport {
        proofs: run.done.into_inner() as u64,
        claims: run.claims.into_inner(),
        dissolved: run.dissolved.into_inner(),
        elapsed: start.elapsed(),
        witness: micros(run.witness),
        proving: micros(run.proving),
    });
    (formed, proved)
}

struct Run<'a> {
    node: &'a Node,
    pool: &'a ProverPool,
    progress: &'a dyn Progress,
    tried: &'a Tried,
    sources: &'a Sources<'a>,
    stop: &'a AtomicBool,
    total: AtomicUsize,
    done: AtomicUsize,
    claims: AtomicU64,
    dissolved: AtomicU64,
    witness: AtomicU64,
    proving: AtomicU64,
}

impl Run<'_> {
    async fn work(
        &self,
        fixed: &Mutex<mpsc::Receiver<Fixed>>,
        mut rng: StdRng,
    ) -> Result<(), ProvingError> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let Some(Fixed { id, stated }) = fixed.lock().await.recv().await else {
                return Ok(());
            };
            let claims = stated.earned.len() as u64;
            let store = self.node.store();
            // The ledger refused one like it meanwhile.
            if self.sources.has_changed(&stated.entry.source) {
                store.dissolve(id).await?;
                self.dissolved.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let proven = self
                .pool
                .prove(id, stated, StdRng::from_rng(&mut rng))
                .await;
            let Proven {
                entry,
                proof,
                witness,
                proving,
            } = match proven {
                Ok(proven) => proven,
                Err(error) => {
                    self.tried.set_batch_aside(store, id, error).await?;
                    self.dissolved.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
            };
            self.tried.proved();
            let entry = self.node.sign(entry, &proof);
            if !store.put_in_outbox(id, &entry.to_bytes()).await? {
                // Taken apart by a `forget` while it was being proven.
                self.dissolved.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            // Some 10^6 proofs of 10^6 microseconds fit by far.
            let micros = |time: Duration| time.as_micros() as u64;
            self.witness.fetch_add(micros(witness), Ordering::Relaxed);
            self.proving.fetch_add(micros(proving), Ordering::Relaxed);
            self.claims.fetch_add(claims, Ordering::Relaxed);
            let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
            self.node.outbox_filled();
            self.progress.event(Event::Proved {
                done,
                total: self.total.load(Ordering::Relaxed),
            });
        }
    }
}
