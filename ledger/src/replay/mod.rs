//! Replaying a log: an audit that trusts nobody. It checks every signature, proof and rule again.
//!
//! Leaves are verified in groups (the module `verify`): decoded on all cores, with their signatures
//! and proofs in batches. Then the rules check them one after the other. [`Replay`] has the state
//! in memory; [`Extension`] adds leaves to a stored state, within one transaction, and needs memory
//! for two groups.

mod extension;
mod verify;

use std::collections::{BTreeMap, HashMap};

use merits_verifier::{codec::CodecError, log::Hash};
use thiserror::Error;

pub use extension::{Extended, Extension, ExtensionError};

use crate::blob::Blob;
use crate::keys::Groth16Keys;
use crate::known_proofs::KnownProofs;
use crate::policy::LedgerPolicy;
use crate::refusal::{CheckError, Refusal};
use crate::rows::{RowError, RowKey, View};
use crate::state::{CommitError, State};
use crate::store::UniqueSet;
use crate::tree::Frontier;
use verify::{Proven, Unread};

/// Entries that are verified together. With half of them on each of two cores, a proof costs little
/// more than in a batch of thousands. They wait in memory, about 10 MB.
const GROUP: usize = 512;

/// A leaf that an honest log cannot hold. The log is to blame.
#[derive(Debug, Error)]
#[error("leaf {index}: {fault}")]
pub struct ReplayError {
    /// Index of the leaf.
    pub index: u64,
    /// What is wrong with it.
    pub fault: ReplayFault,
}

/// What is wrong with a leaf.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayFault {
    /// Not the canonical encoding of a leaf.
    #[error("not a leaf: {0}")]
    Leaf(#[from] CodecError),
    /// The rules refuse it.
    #[error("the rules refuse it: {0}")]
    Refused(#[from] Refusal),
    /// Its digest of the state is wrong.
    #[error(
        "it says that the state before it has the digest {}, but here the leaves before it make a state with the digest \
         {}: the coordinator wrote it from another state or by other rules, or the stored state here is damaged. A replay \
         of all leaves (`merits audit replay`) tells which", hex(.found), hex(.expected)
    )]
    OtherState {
        /// The digest that the leaves before it give.
        expected: [u8; 32],
        /// The digest that it holds.
        found: [u8; 32],
    },
    /// A checkpoint ends with a leaf that has no digest of the state.
    #[error(
        "it is the last leaf under a checkpoint, and it lacks the digest of the state before it, which such a leaf \
         must have"
    )]
    NoState,
    /// A bug: effects and state disagree.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The state could not be read.
    #[error(transparent)]
    Rows(#[from] RowError),
}

impl From<CheckError> for ReplayFault {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Refused(refusal) => Self::Refused(refusal),
            CheckError::Rows(error) => Self::Rows(error),
        }
    }
}

/// The last leaf under a checkpoint must have a digest of the state.
fn require_sealed(size: u64, is_sealed: bool) -> Result<(), ReplayError> {
    match size.checked_sub(1) {
        Some(index) if !is_sealed => {
            let fault = ReplayFault::NoState;
            Err(ReplayError { index, fault })
        }
        _ => Ok(()),
    }
}

/// A leaf's digest of the state must be that of the leaves before it.
fn require_state(expected: [u8; 32], found: [u8; 32]) -> Result<(), ReplayFault> {
    match expected == found {
        true => Ok(()),
        false => Err(ReplayFault::OtherState { expected, found }),
    }
}

fn hex(digest: &[u8; 32]) -> String {
    digest.map(|byte| format!("{byte:02x}")).concat()
}

/// A replay in progress.
#[derive(Debug)]
pub struct Replay {
    state: State,
    /// Whether leaves were left out, so that the state is not the one that a leaf's digest is of.
    is_partial: bool,
    /// Whether the newest leaf that was applied holds a digest of the state.
    is_sealed: bool,
    frontier: Frontier,
    keys: Groth16Keys,
    waiting: Vec<Unread>,
    verified: ReplayCounts,
    /// Rows that are watched, with the newest leaf that changed each.
    watched: BTreeMap<RowKey, Option<u64>>,
}

/// What a replay has verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplayCounts {
    /// Leaves: their signatures and every rule.
    pub leaves: u64,
    /// Proofs of those leaves, under the keys of the ledger.
    pub proofs: u64,
}

impl Replay {
    /// For a ledger with this policy, from its first leaf.
    pub fn new(policy: LedgerPolicy) -> Self {
        Self {
            state: State::new(policy),
            is_partial: false,
            is_sealed: false,
            frontier: Frontier::new(),
            keys: Groth16Keys::new(),
            waiting: Vec::new(),
            verified: ReplayCounts::default(),
            watched: BTreeMap::new(),
        }
    }

    /// Goes on from a state that an earlier replay reached, and the tree of its leaves. Both are trusted.
    pub fn resume(state: State, frontier: Frontier) -> Self {
        let policy = state.policy().clone();
        Self {
            state,
            // The leaves so far ended under a checkpoint, whose last leaf has a digest.
            is_sealed: true,
            frontier,
            ..Self::new(policy)
        }
    }

    /// The same, which notes the newest leaf that writes or removes each of these rows ([`Replay::changed_by`]).
    #[must_use]
    pub fn watching(mut self, rows: impl IntoIterator<Item = RowKey>) -> Self {
        self.watched = rows.into_iter().map(|row| (row, None)).collect();
        self
    }

    /// The newest leaf that wrote or removed a row that is watched.
    pub fn changed_by(&self, row: &RowKey) -> Option<u64> {
        self.watched.get(row).copied().flatten()
    }

    /// What was verified so far, without what was verified before [`Replay::resume`].
    pub fn verified(&self) -> ReplayCounts {
        self.verified
    }

    /// The same, for some of the leaves only, whose digests of the state are not checked.
    pub(crate) fn partial(policy: LedgerPolicy) -> Self {
        Self {
            is_partial: true,
            ..Self::new(policy)
        }
    }

    /// Replays all leaves under a checkpoint. `rng` blinds the batches of proofs: the operating system's, or seeded
    /// from it.
    ///
    /// # Errors
    /// [`ReplayError`] names the first leaf that breaks the rules.
    pub fn run<B: AsRef<[u8]>>(
        policy: LedgerPolicy,
        leaves: impl IntoIterator<Item = B>,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(State, Hash), ReplayError> {
        let mut replay = Self::new(policy);
        for leaf in leaves {
            replay.push(leaf.as_ref(), rng)?;
        }
        replay.finish(rng)
    }

    /// Adds the next leaf, which names no blobs.
    ///
    /// # Errors
    /// [`ReplayError`], perhaps about an earlier leaf of the group.
    pub fn push(
        &mut self,
        bytes: &[u8],
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(), ReplayError> {
        self.push_with(bytes, Vec::new(), rng)
    }

    /// Takes the next leaf with the blobs that it names ([`crate::named_blobs::named_by`]).
    ///
    /// # Errors
    /// [`ReplayError`], perhaps about an earlier leaf of the group.
    pub fn push_with(
        &mut self,
        bytes: &[u8],
        blobs: Vec<Blob>,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(), ReplayError> {
        let index = self.state.size() + self.waiting.len() as u64;
        let unread = match Unread::read(bytes, blobs) {
            Ok(unread) => unread,
            Err(error) => {
                // An earlier leaf may be at fault too, and then that one must be named.
                self.flush(rng)?;
                let fault = error.into();
                return Err(ReplayError { index, fault });
            }
        };
        // An entry that does not govern changes nothing that signatures or other entries'
        // statements depend on, so runs of such entries are checked together.
        let governs = unread.governs();
        if governs || self.waiting.len() == GROUP {
            self.flush(rng)?;
        }
        self.waiting.push(unread);
        if governs { self.flush(rng) } else { Ok(()) }
    }

    /// Verifies the waiting leaves, of which the last is the last under a checkpoint, and returns the state and the
    /// tree's root.
    ///
    /// # Errors
    /// [`ReplayError`], also when the last leaf lacks a digest of the state.
    pub fn finish(
        mut self,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(State, Hash), ReplayError> {
        self.end(rng)?;
        Ok((self.state, self.frontier.root()))
    }

    /// The same for a replay that is still asked something afterwards.
    ///
    /// # Errors
    /// [`ReplayError`], as [`Replay::finish`].
    pub fn end(&mut self, rng: &mut impl rand_core::CryptoRng) -> Result<(), ReplayError> {
        self.flush(rng)?;
        require_sealed(self.state.size(), self.is_sealed)
    }

    /// The state that was replayed, without the leaves that still wait for their proofs.
    pub fn into_state(self) -> State {
        self.state
    }

    /// The state without the leaves that still wait for their proofs.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Every value that may occur once, with the leaf that used it.
    pub fn uniques(&self) -> &HashMap<(UniqueSet, [u8; 32]), u64> {
        // `new` ensures it.
        let rows = self.state.memory().expect("a replay is in memory");
        rows.uniques()
    }

    /// Verifies and applies the waiting leaves. Afterwards the state reflects every leaf that was
    /// pushed.
    ///
    /// # Errors
    /// [`ReplayError`]. The replay must not be used after an error.
    pub fn flush(&mut self, rng: &mut impl rand_core::CryptoRng) -> Result<(), ReplayError> {
        let unread = std::mem::take(&mut self.waiting);
        let first = self.state.size();
        let governing = self.state.governing();
        // A replay trusts nothing that was verified before.
        let known = KnownProofs::default();
        let (proven, fault) = verify::verify(governing, (&self.keys, &known), unread, first, rng);
        // One query for the whole group; an entry rarely changes what a later one reads.
        let at_first = |fault: ReplayFault| ReplayError {
            index: first,
            fault,
        };
        let submissions = proven.iter().map(|item| item.authentic.submission());
        let mut view = self
            .state
            .view_of(submissions.clone())
            .map_err(|error| at_first(error.into()))?;
        self.state.governing().hash_ahead(submissions, &mut view);
        for (item, index) in proven.iter().zip(first..) {
            self.apply(item, &mut view)
                .map_err(|fault| ReplayError { index, fault })?;
        }
        fault.map_or(Ok(()), Err)
    }

    fn apply(&mut self, item: &Proven, view: &mut View) -> Result<(), ReplayFault> {
        let (authentic, verified) = (&item.authentic, item.verified.as_ref());
        let mut effects = self.state.check_in(authentic, item.time, verified, view)?;
        if let Some(unique) = self.state.taken(effects.uniques()) {
            let (set, claim) = (unique.set, unique.claim);
            return Err(Refusal::AlreadyUsed { set, claim }.into());
        }
        if let Some(found) = item.state {
            if !self.is_partial {
                require_state(self.state.digest()?, found)?;
            }
            effects.seal(&found);
        }
        self.is_sealed = item.state.is_some();
        view.overlay(effects.rows());
        self.frontier.push(effects.leaf_hash());
        if !self.watched.is_empty() {
            for (row, _) in effects.rows() {
                if let Some(leaf) = self.watched.get_mut(row) {
                    *leaf = Some(effects.index());
                }
            }
        }
        self.state.commit(&effects)?;
        self.verified.leaves += 1;
        self.verified.proofs += u64::from(verified.is_some());
        Ok(())
    }
}
