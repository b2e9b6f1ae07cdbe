//! Replaying a log: the audit that needs nobody's word. Every signature, proof and rule is
//! checked again: statements and signatures of a group on all cores, its proofs in batches.

use std::{
    collections::{HashMap, HashSet},
    num::NonZero,
    thread,
};

use merits_verifier::{
    Verified,
    codec::{Canonical, CodecError},
    entry::{Leaf, SignedEntry},
    groth16::KeyDigest,
    log::{Hash, leaf_hash},
};
use thiserror::Error;

use crate::keys::KeyRing;
use crate::policy::LedgerPolicy;
use crate::proven::ProvenStatement;
use crate::refusal::{CheckError, Refusal};
use crate::rows::RowError;
use crate::state::{CommitError, Effects, State};
use crate::store::UniqueSet;
use crate::submission::{Authentic, Submission};
use crate::tree::Frontier;

/// Earn batches verified together: more gain little, and wait in memory.
const GROUP: usize = 128;

/// A leaf that no honest log holds. The log is to blame.
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
    /// A bug: effects and state went apart.
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

/// A replay in progress.
#[derive(Debug)]
pub struct Replay {
    state: State,
    frontier: Frontier,
    keys: KeyRing,
    waiting: Vec<Unread>,
    /// Where what the leaves change is kept, for whoever stores it.
    effects: Option<Vec<Effects>>,
}

/// An entry of which nothing is checked yet.
#[derive(Debug)]
struct Unread {
    time: u64,
    leaf: Hash,
    signed: SignedEntry,
}

/// An entry whose signatures hold, and whose proof is not yet verified.
#[derive(Debug)]
struct Waiting {
    time: u64,
    leaf: Hash,
    authentic: Authentic,
}

impl Replay {
    /// Of a ledger with this policy, from its first leaf.
    pub fn new(policy: LedgerPolicy) -> Self {
        Self {
            state: State::new(policy),
            frontier: Frontier::new(),
            keys: KeyRing::new(),
            waiting: Vec::new(),
            effects: None,
        }
    }

    /// Of a ledger that was followed to a stored state before, with the tree of its leaves. That a value
    /// is new is for the store to say, to which the effects of the leaves go ([`Replay::take_effects`]).
    pub fn going_on(state: &State, frontier: Frontier, keys: KeyRing) -> Self {
        Self {
            state: state.ahead(),
            frontier,
            keys,
            waiting: Vec::new(),
            effects: Some(Vec::new()),
        }
    }

    /// What the leaves that were applied since the last call change.
    pub fn take_effects(&mut self) -> Vec<Effects> {
        self.effects
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Replays all leaves. `rng` blinds the batches of proofs: the operating system's, or seeded
    /// from it.
    ///
    /// # Errors
    /// [`ReplayError`] names the first leaf that is not as the rules want it.
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

    /// Takes the next leaf.
    ///
    /// # Errors
    /// [`ReplayError`], perhaps about an earlier leaf of the group.
    pub fn push(
        &mut self,
        bytes: &[u8],
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(), ReplayError> {
        let index = self.state.size() + self.waiting.len() as u64;
        let at = |fault: ReplayFault| ReplayError { index, fault };
        let leaf = Leaf::from_bytes(bytes).map_err(|error| at(error.into()))?;
        // Entries with proofs change nothing that signatures or other entries' statements depend
        // on, so runs of them are checked together. (A proof where none belongs is refused then.)
        let has_proof = !leaf.entry.proof.is_empty();
        if !has_proof || self.waiting.len() == GROUP {
            self.flush(rng)?;
        }
        self.waiting.push(Unread {
            time: leaf.time,
            leaf: leaf_hash(bytes),
            signed: leaf.entry,
        });
        if has_proof { Ok(()) } else { self.flush(rng) }
    }

    /// Verifies what waits and answers the state and the tree's root.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn finish(
        mut self,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(State, Hash), ReplayError> {
        self.flush(rng)?;
        Ok((self.state, self.frontier.root()))
    }

    /// The state without the leaves that still wait for their proofs.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Every value that may occur once, with the leaf that used it.
    pub fn uniques(&self) -> &HashMap<(UniqueSet, [u8; 32]), u64> {
        // `new` made it so.
        let rows = self.state.memory().expect("a replay is in memory");
        rows.uniques()
    }

    /// Verifies and applies what waits: afterwards the state reflects every leaf pushed.
    ///
    /// # Errors
    /// [`ReplayError`]. The replay is then of no further use.
    pub fn flush(&mut self, rng: &mut impl rand_core::CryptoRng) -> Result<(), ReplayError> {
        let unread = std::mem::take(&mut self.waiting);
        let first = self.state.size();
        let waiting = self.authenticate(unread, first)?;
        let mut verified = self.verify(&waiting, first, rng)?;
        for (position, (item, proof)) in waiting.iter().zip(&mut verified).enumerate() {
            self.apply(item, proof.take())
                .map_err(|fault| ReplayError {
                    index: first + position as u64,
                    fault,
                })?;
        }
        Ok(())
    }

    /// Decodes the statements of a group and checks its signatures, on all cores. The first fault by
    /// position is told.
    fn authenticate(&self, unread: Vec<Unread>, first: u64) -> Result<Vec<Waiting>, ReplayError> {
        let governing = self.state.governing();
        let check = |item: Unread| -> Result<Waiting, Refusal> {
            let submission = Submission::from_signed(item.signed, governing.origin())?;
            Ok(Waiting {
                time: item.time,
                leaf: item.leaf,
                authentic: governing.authenticate(submission)?,
            })
        };
        in_parallel(unread, check)
            .into_iter()
            .zip(first..)
            .map(|(item, index)| {
                item.map_err(|refusal| ReplayError {
                    index,
                    fault: refusal.into(),
                })
            })
            .collect()
    }

    /// Verifies the proofs of a group, one batch a key.
    fn verify(
        &mut self,
        waiting: &[Waiting],
        first: u64,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Vec<Option<Verified<ProvenStatement>>>, ReplayError> {
        fn at(first: u64, position: usize, fault: impl Into<ReplayFault>) -> ReplayError {
            ReplayError {
                index: first + position as u64,
                fault: fault.into(),
            }
        }
        let mut jobs = Vec::with_capacity(waiting.len());
        for (position, item) in waiting.iter().enumerate() {
            let job = self
                .state
                .question(item.authentic.submission())
                .map_err(|error| at(first, position, error))?;
            jobs.extend(job.map(|job| (position, job)));
        }
        let keys: Vec<KeyDigest> = {
            let mut seen = HashSet::new();
            jobs.iter()
                .map(|(_, job)| job.key)
                .filter(|key| seen.insert(*key))
                .collect()
        };
        let mut verified: Vec<_> = waiting.iter().map(|_| None).collect();
        for digest in keys {
            let (mine, others): (Vec<_>, Vec<_>) =
                jobs.into_iter().partition(|(_, job)| job.key == digest);
            jobs = others;
            let key = self
                .keys
                .get(&self.state, &digest)
                .map_err(|refusal| at(first, 0, refusal))?;
            let positions: Vec<usize> = mine.iter().map(|(position, _)| *position).collect();
            let items = mine
                .into_iter()
                .map(|(_, job)| (job.statement, job.proof))
                .collect();
            let answers = Verified::check_batch(&key, items, rng);
            for (position, answer) in positions.into_iter().zip(answers) {
                let answer = answer.map_err(|error| at(first, position, Refusal::from(error)))?;
                if let Some(slot) = verified.get_mut(position) {
                    *slot = Some(answer);
                }
            }
        }
        Ok(verified)
    }

    fn apply(
        &mut self,
        item: &Waiting,
        verified: Option<Verified<ProvenStatement>>,
    ) -> Result<(), ReplayFault> {
        let effects = self
            .state
            .check(&item.authentic, item.time, verified.as_ref())?;
        if let Some(unique) = self.state.taken(effects.uniques()) {
            let (set, claim) = (unique.set, unique.claim);
            return Err(Refusal::AlreadyUsed { set, claim }.into());
        }
        self.frontier.push(item.leaf);
        self.state.commit(&effects)?;
        if let Some(kept) = &mut self.effects {
            kept.push(effects);
        }
        Ok(())
    }
}

/// What `work` makes of each item, in their order; a share of them on each core.
fn in_parallel<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(cores);
    if cores == 1 || share < LEAST_SHARE {
        return items.into_iter().map(work).collect();
    }
    let mut items = items.into_iter();
    let mut shares = Vec::with_capacity(cores);
    while items.len() > 0 {
        shares.push(items.by_ref().take(share).collect::<Vec<T>>());
    }
    let work = &work;
    thread::scope(|scope| {
        let started: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || share.into_iter().map(work).collect::<Vec<R>>()))
            .collect();
        started
            .into_iter()
            // A share that panicked panics here, as it would on one thread.
            .flat_map(|share| {
                share
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}

/// Fewer items than this are done before another thread is there.
const LEAST_SHARE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_items_stands_in_their_order() {
        for count in [0, 1, 7, 8, 9, 128] {
            let made = in_parallel((0..count).collect(), |item: u32| item * 2);
            assert_eq!(made, (0..count).map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
