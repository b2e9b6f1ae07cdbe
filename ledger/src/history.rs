//! The governing state as it was at each leaf, for checking a batch long after it was appended.
//!
//! A batch is judged by the parties, scales and keys of its own time: a distributor that was
//! suspended later did not make its earlier batches invalid. Only entries that govern
//! ([`Entry::governs`]) change what others are judged by, so this history reads nothing else, and its
//! memory does not grow with people and deeds.

use merits_verifier::{codec::Canonical as _, entry::Leaf};

use crate::blob::Blob;
use crate::entry::Kind;
use crate::policy::LedgerPolicy;
use crate::replay::{Replay, ReplayError, ReplayFault};
use crate::state::State;

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

    /// Takes the next leaf, with the blobs that it names ([`crate::named_blobs::named_by`]). Leaves must come in the
    /// log's order. Those that govern nothing may be left out. If they are given, their statements are not read.
    ///
    /// # Errors
    /// [`ReplayError`]: the rules refuse a leaf that governs others, or its kind is unknown.
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
        if Kind::of(decoded.entry.kind).is_some_and(|kind| !kind.governs) {
            return Ok(());
        }
        self.replay.push_with(leaf, blobs, rng)?;
        self.replay.flush(rng)
    }
}
