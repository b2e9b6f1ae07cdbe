//! The prover node: formed batches in, signed entries into the outbox.
//!
//! One pool of threads, as many as cores; a bounded number of batches in flight on it. While one
//! batch is in a part of its proof that does not use all threads, another's witness fills them.
//! The circuit and the key are loaded once; nothing is rebuilt for a proof.

use std::{
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use merits_circuits::{
    earn::EarnCircuit,
    program::WitnessError,
    prover::{ProveError, Prover},
};
use merits_ledger::entry::EarnBatch;
use merits_primitives::ids::Period;
use merits_verifier::{codec::Canonical, groth16::Proof};
use rand::{SeedableRng, rngs::StdRng};
use rand_core::CryptoRng;
use thiserror::Error;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::{
    aside::Tried,
    batching::{BatchError, StatedBatch},
    forming::{Fixed, FormReport, Forming},
    node::Node,
    progress::{Event, Progress},
    store::{AsideReason, StoreError},
    terms::{Terms, TermsError},
};

/// Why proving stopped. What was proven before is in the outbox.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProvingError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A batch that cannot be stated.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The ledger's terms.
    #[error(transparent)]
    Terms(#[from] TermsError),
    /// No witness.
    #[error("batch {batch}: no witness: {source}")]
    Witness {
        /// Its row.
        batch: i64,
        /// Why.
        source: WitnessError,
    },
    /// No proof.
    #[error("batch {batch}: {source}")]
    Prove {
        /// Its row.
        batch: i64,
        /// Why.
        source: ProveError,
    },
    /// It proves nothing at all.
    #[error(
        "the prover made a proof of none of {failed} batches: look at its key, its memory and its log; the deeds \
         wait. The last time: {last}"
    )]
    Prover {
        /// Batches that it made no proof of.
        failed: u32,
        /// Why, the last time.
        last: Box<ProvingError>,
    },
    /// The pool.
    #[error("the prover's threads cannot be made: {0}")]
    Pool(String),
    /// A worker died.
    #[error(
        "a proving thread ended without an answer, which is this program's fault: run again, what was proven is kept"
    )]
    WorkerLost,
}

impl ProvingError {
    /// Why the deeds of a batch are set aside; `None` if no other batch would go through either.
    pub(crate) fn aside_reason(&self) -> Option<AsideReason> {
        match self {
            Self::Batch(_) => Some(AsideReason::Statement),
            Self::Witness { .. } => Some(AsideReason::Witness),
            Self::Prove { .. } | Self::WorkerLost => Some(AsideReason::Proof),
            Self::Store(_) | Self::Terms(_) | Self::Prover { .. } | Self::Pool(_) => None,
        }
    }
}

/// How many threads, and how many batches at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    /// Threads of the pool.
    pub threads: NonZeroUsize,
    /// Batches in flight. Measured for cycling-week on 2 cores: see `docs/src/distributor.md`.
    pub in_flight: NonZeroUsize,
}

impl Width {
    /// As many threads as cores, and as many batches.
    pub fn of_machine() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            threads,
            in_flight: threads,
        }
    }
}

/// What proves: one circuit, one key, one pool.
pub struct ProverPool {
    circuit: Arc<EarnCircuit>,
    prover: Arc<dyn Prover>,
    pool: Arc<rayon::ThreadPool>,
    width: Width,
}

impl std::fmt::Debug for ProverPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProverPool")
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

/// A batch with its proof.
struct Proven {
    entry: EarnBatch,
    proof: Proof,
    /// Time in making the witness.
    witness: Duration,
    /// Time in making the proof.
    proving: Duration,
}

/// What proving did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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

impl ProverPool {
    /// A pool for a circuit and a prover with its key.
    ///
    /// # Errors
    /// [`ProvingError::Pool`] when the system gives no threads.
    pub fn new(
        circuit: Arc<EarnCircuit>,
        prover: Arc<dyn Prover>,
        width: Width,
    ) -> Result<Self, ProvingError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(width.threads.get())
            .thread_name(|i| format!("prover-{i}"))
            .build()
            .map_err(|error| ProvingError::Pool(error.to_string()))?;
        Ok(Self {
            circuit,
            prover,
            pool: Arc::new(pool),
            width,
        })
    }

    pub(crate) fn shared_circuit(&self) -> Arc<EarnCircuit> {
        self.circuit.clone()
    }

    /// The circuit.
    pub fn circuit(&self) -> &EarnCircuit {
        &self.circuit
    }

    /// The prover.
    pub fn prover(&self) -> &dyn Prover {
        self.prover.as_ref()
    }

    /// Its width.
    pub fn width(&self) -> Width {
        self.width
    }

    /// The terms for a period, which must be for this circuit and key.
    pub(crate) fn terms(&self, terms: &TermsFn<'_>, period: Period) -> Result<Terms, TermsError> {
        let terms = terms(period)?;
        let other = |what| {
            Err(TermsError::OtherShape {
                scale: terms.scale.clone(),
                version: terms.version.0,
                what,
            })
        };
        if terms.ledger.schema != self.circuit.formula().schema().id() {
            return other("record schema");
        }
        if terms.key != self.prover.verifying_key().digest() {
            return other("verifying key");
        }
        Ok(terms)
    }

    /// Witness and proof of one batch, on the pool.
    async fn prove(
        &self,
        batch: i64,
        stated: StatedBatch,
        mut rng: StdRng,
    ) -> Result<Proven, ProvingError> {
        let (circuit, prover) = (self.circuit.clone(), self.prover.clone());
        self.run(move || {
            let start = Instant::now();
            let inputs = circuit
                .inputs(&stated.statement, &stated.witness)
                .map_err(BatchError::from)?;
            let assignment = circuit
                .circuit()
                .program
                .run(&inputs)
                .map_err(|source| ProvingError::Witness { batch, source })?;
            let assignment = zeroize::Zeroizing::new(assignment);
            let witnessed = Instant::now();
            let proof = prover
                .prove(&assignment, &mut rng)
                .map_err(|source| ProvingError::Prove { batch, source })?;
            Ok(Proven {
                entry: stated.entry,
                proof,
                witness: witnessed - start,
                proving: witnessed.elapsed(),
            })
        })
        .await
    }

    /// Runs a job on the pool and waits without holding a thread of the runtime.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, ProvingError> + Send + 'static,
    ) -> Result<T, ProvingError> {
        let (done, answer) = oneshot::channel();
        self.pool.spawn(move || {
            // A panic would end the process, at the same batch in every run. Nothing that the job
            // changes is seen after it.
            let result = panic::catch_unwind(AssertUnwindSafe(job));
            // Nobody waits any more when the run was stopped: the result is not needed then.
            let _ = done.send(result.unwrap_or(Err(ProvingError::WorkerLost)));
        });
        answer.await.map_err(|_| ProvingError::WorkerLost)?
    }
}

/// Gives the ledger's terms for a period, as a verified state has them now.
pub type TermsFn<'a> = dyn Fn(Period) -> Result<Terms, TermsError> + Sync + 'a;

/// Fixes batches for everything that may be claimed, and proves them with those that a former run
/// left; forming stays a few batches ahead. `stop` ends it after the proofs in flight.
///
/// What was proven before an error of either is in the outbox, and what was fixed is in the store.
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
        ..
    } = forming;
    let run = Run {
        node,
        pool,
        progress,
        tried,
        stop,
        total: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        claims: AtomicU64::new(0),
        dissolved: AtomicU64::new(0),
        witness: AtomicU64::new(0),
        proving: AtomicU64::new(0),
    };
    // One for each that is being proven: then none waits to be stated.
    let (sender, fixed) = mpsc::channel(pool.width.in_flight.get());
    let fixed = Mutex::new(fixed);
    let workers = (0..pool.width.in_flight.get()).map(|_| run.work(&fixed, StdRng::from_rng(rng)));
    let workers = workers.collect::<Vec<_>>();
    let prove = async {
        let done = futures::future::try_join_all(workers).await;
        // Nobody takes any more: forming ends too.
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
