//! Progress events of a node, from which a command line draws bars.

/// Something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Rows of the input read so far.
    Rows(u64),
    /// Subject-periods checked against the source's commitments.
    Ingested {
        /// So far.
        done: usize,
        /// Of.
        total: usize,
    },
    /// The proving key is being loaded: milliseconds, or seconds when it has to be prepared.
    LoadingProver,
    /// Proving begins. From now on a run can be asked to stop.
    ProverLoaded,
    /// Batches fixed.
    Formed {
        /// So far.
        done: usize,
        /// Of those that were found so far: deeds are read page by page.
        total: usize,
    },
    /// Batches proven.
    Proved {
        /// So far.
        done: usize,
        /// Of those that were found so far.
        total: usize,
    },
    /// Batches that the ledger has accepted.
    Acknowledged {
        /// So far.
        done: usize,
    },
    /// A batch that the ledger refused.
    Refused,
    /// The ledger does not answer; another attempt follows.
    Unavailable {
        /// Attempts so far.
        tries: u32,
    },
}

/// Receives events. It is called often and from any thread, so it should be fast.
pub trait Progress: Send + Sync {
    /// One event.
    fn event(&self, event: Event);
}

impl<F: Fn(Event) + Send + Sync> Progress for F {
    fn event(&self, event: Event) {
        self(event);
    }
}
