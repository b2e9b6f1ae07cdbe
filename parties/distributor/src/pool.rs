//! The prover's thread pool: one circuit, one key, as many threads as cores.
//!
//! Circuit and key are loaded once; nothing is rebuilt for a proof.

use std::{
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    time::{Duration, Instant},
};

use merits_circuits::{
    earn::EarnCircuit,
    program::WitnessError,
    prover::{ProveError, Prover},
};
use merits_ledger::entry::EarnBatch;
use merits_primitives::ids::Period;
use merits_verifier::groth16::Proof;
use rand::rngs::StdRng;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::{
    batching::{BatchError, StatedBatch},
    store::{AsideReason, BatchId, StoreError},
    terms::{Terms, TermsError},
};

/// Why proving stopped. Batches that were proven before are in the outbox.
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
        batch: BatchId,
        /// Why.
        source: WitnessError,
    },
    /// No proof.
    #[error("batch {batch}: {source}")]
    Prove {
        /// Its row.
        batch: BatchId,
        /// Why.
        source: ProveError,
    },
    /// The prover cannot prove anything.
    #[error(
        "the prover failed for all of {failed} batches: check its key, its memory and its log; the deeds \
         wait. The last time: {last}"
    )]
    Prover {
        /// Failed batches.
        failed: u32,
        /// The reason of the last failure.
        last: Box<ProvingError>,
    },
    /// The pool.
    #[error("the prover's threads cannot be made: {0}")]
    Pool(String),
    /// A worker panicked.
    #[error(
        "a proving thread ended without an answer, which is this program's fault: run again, what was proven is kept"
    )]
    WorkerLost,
}

impl ProvingError {
    /// Why the deeds of a batch are set aside; `None` if other batches would fail too.
    pub(crate) fn aside_reason(&self) -> Option<AsideReason> {
        match self {
            Self::Batch(_) => Some(AsideReason::Statement),
            Self::Witness { .. } => Some(AsideReason::Witness),
            Self::Prove { .. } | Self::WorkerLost => Some(AsideReason::Proof),
            Self::Store(_) | Self::Terms(_) | Self::Prover { .. } | Self::Pool(_) => None,
        }
    }
}

/// The number of threads and of concurrent batches.
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

/// The prover: one circuit, one key, one pool.
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
pub(crate) struct Proven {
    pub(crate) entry: EarnBatch,
    pub(crate) proof: Proof,
    /// Time for making the witness.
    pub(crate) witness: Duration,
    /// Time for making the proof.
    pub(crate) proving: Duration,
}

impl ProverPool {
    /// A pool for a circuit and a prover with its key.
    ///
    /// # Errors
    /// [`ProvingError::Pool`] when the system provides no threads.
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
    pub(crate) async fn prove(
        &self,
        batch: BatchId,
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
            // changes is visible afterwards.
            let result = panic::catch_unwind(AssertUnwindSafe(job));
            // If the run was stopped, nobody waits for the result.
            let _ = done.send(result.unwrap_or(Err(ProvingError::WorkerLost)));
        });
        answer.await.map_err(|_| ProvingError::WorkerLost)?
    }
}

/// Gives the ledger's terms for a period, as a verified state has them now.
pub type TermsFn<'a> = dyn Fn(Period) -> Result<Terms, TermsError> + Sync + 'a;
