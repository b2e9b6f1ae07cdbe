//! The governing state as it was at each leaf, for checking a batch long after it was appended.
//!
//! A batch is judged by the parties, scales and keys of its own time: a distributor that was
//! suspended later did not make its earlier batches invalid. Opened totals, and entries with proofs
//! that govern nobody, change nothing that other proofs depend on, so this history skips them.

use merits_verifier::{codec::Canonical as _, entry::Leaf};

use crate::blob::Blob;
use crate::policy::LedgerPolicy;
use crate::replay::{Replay, ReplayError, ReplayFault};
use crate::state::State;
use crate::submission::Submission;

/// A walk over a log's leaves.
#[derive(Debug)]
pub struct History {
    replay: Replay,
    leaves: u64,
}

impl History {
    /// Before the first leaf.
    pub fn new(policy: LedgerPolicy) -> Self {
        Self {
            replay: Replay::partial(policy),
            leaves: 0,
        }
    }

    /// The governing state for the next leaf.
    pub fn state(&self) -> &State {
        self.replay.state()
    }

    /// Takes the next leaf, with the blobs that it names ([`crate::named_blobs::named_by`]). Leaves must come in the log's order; batches and totals may be left
    /// out.
    ///
    /// # Errors
    /// [`ReplayError`]: the rules refuse a leaf that governs others.
    pub fn push(
        &mut self,
        leaf: &[u8],
        blobs: Vec<Blob>,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(), ReplayError> {
        let index = self.leaves;
        self.leaves += 1;
        let at = |fault: ReplayFault| ReplayError { index, fault };
        let decoded = Leaf::from_bytes(leaf).map_err(|error| at(error.into()))?;
        let submission = Submission::from_signed(decoded.entry, self.state().origin())
            .map_err(|refusal| at(refusal.into()))?;
        let kind = submission.entry().facts();
        if !kind.governs && (kind.system.is_some() || kind.proves_rows) {
            return Ok(());
        }
        self.replay.push_with(leaf, blobs, rng)?;
        self.replay.flush(rng)
    }
}
