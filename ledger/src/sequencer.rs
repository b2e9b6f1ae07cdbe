//! All steps for an entry over any [`Store`], one entry at a time: a small coordinator without a
//! network, which tests of other crates use.

use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_verifier::{
    codec::Canonical,
    entry::{Leaf, SignedEntry},
    log::{Checkpoint, CheckpointError, LogSigner, SignedCheckpoint},
    receipt::Receipt,
};
use thiserror::Error;

use crate::blob::Blob;
use crate::keys::Groth16Keys;
use crate::refusal::{CheckError, Refusal};
use crate::rows::RowError;
use crate::state::{CommitError, Effects, State};
use crate::store::{Conflict, NewLeaf, Store};
use crate::submission::{Authentic, Submission};
use crate::tree::{Frontier, TreeError, inclusion_proof};

/// A ledger over a store.
#[derive(Debug)]
pub struct Sequencer<S: Store> {
    state: State,
    store: S,
    frontier: Frontier,
    keys: Groth16Keys,
    signer: LogSigner,
}

/// An entry's place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The entry's id.
    pub id: EntryId,
    /// Index of its leaf.
    pub index: u64,
    /// True if it was already in the log.
    pub already_present: bool,
}

/// Why a submission is not in the log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SubmitError<E: std::error::Error> {
    /// The entry is refused; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error("store: {0}")]
    Store(E),
    /// Nodes of the tree are missing.
    #[error(transparent)]
    Tree(#[from] TreeError<E>),
    /// The log's key belongs to another origin.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A bug: state and store disagree.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The state could not be read.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// No such leaf.
    #[error("leaf {0} does not exist")]
    NoLeaf(u64),
}

impl<E: std::error::Error> From<CheckError> for SubmitError<E> {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Refused(refusal) => Self::Refused(refusal),
            CheckError::Rows(error) => Self::Rows(error),
        }
    }
}

impl<S: Store> Sequencer<S> {
    /// Over an empty store.
    pub fn new(state: State, store: S, signer: LogSigner) -> Self {
        Self {
            state,
            store,
            frontier: Frontier::new(),
            keys: Groth16Keys::new(),
            signer,
        }
    }

    /// The state now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Takes an entry through all steps at `time`.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn submit(
        &mut self,
        bytes: &[u8],
        time: Timestamp,
    ) -> Result<Appended, SubmitError<S::Error>> {
        self.submit_with(bytes, Vec::new(), time)
    }

    /// As [`Sequencer::submit`], of an entry that comes with blobs.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn submit_with(
        &mut self,
        bytes: &[u8],
        blobs: Vec<Blob>,
        time: Timestamp,
    ) -> Result<Appended, SubmitError<S::Error>> {
        let signed = Submission::envelope(bytes)?;
        let id = signed.id();
        // The same statement by the same party keeps its old place, even with another proof.
        if let Some(index) = self.store.find(&id).map_err(SubmitError::Store)? {
            return Ok(Appended {
                id,
                index,
                already_present: true,
            });
        }
        let may_read = self.may_read(&signed, &blobs, time);
        if may_read.is_err() {
            // A wrong signature is reported first.
            self.state.sender(&signed, time)?;
        }
        may_read?;
        let submission = Submission::from_signed(signed, self.state.origin())?;
        let submission = submission.with_blobs(blobs)?;
        let authentic = self.state.authenticate(submission)?;
        let mut effects = self.verify_and_check(&authentic, time)?;
        // Each leaf may become the last under a checkpoint.
        effects.seal(&self.state.digest()?);
        let index = effects.index();
        self.append(effects)?;
        Ok(Appended {
            id,
            index,
            already_present: false,
        })
    }

    /// Whether what the entry and its blobs hold may be read.
    fn may_read(
        &self,
        signed: &SignedEntry,
        blobs: &[Blob],
        time: Timestamp,
    ) -> Result<(), CheckError> {
        self.state.check_before_key(signed, time)?;
        if blobs.is_empty() {
            return Ok(());
        }
        self.state.check_before_blobs(&signed.party, time)
    }

    /// The newest checkpoint, signed.
    ///
    /// # Errors
    /// [`SubmitError::Checkpoint`] when the signer is another log's.
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, SubmitError<S::Error>> {
        let checkpoint = Checkpoint {
            origin: self.state.origin().clone(),
            size: self.frontier.size(),
            root: self.frontier.root(),
        };
        Ok(checkpoint.sign(&self.signer)?)
    }

    /// The receipt of a leaf under the newest checkpoint.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn receipt(&self, index: u64) -> Result<Receipt, SubmitError<S::Error>> {
        let leaf = self
            .store
            .leaf(index)
            .map_err(SubmitError::Store)?
            .ok_or(SubmitError::NoLeaf(index))?;
        let proof = inclusion_proof(&self.store, index, self.frontier.size())?;
        Ok(Receipt {
            leaf,
            index,
            proof,
            checkpoint: self.checkpoint()?,
        })
    }

    /// The decoded leaf.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub fn leaf(&self, index: u64) -> Result<Leaf, SubmitError<S::Error>> {
        let bytes = self
            .store
            .leaf(index)
            .map_err(SubmitError::Store)?
            .ok_or(SubmitError::NoLeaf(index))?;
        Ok(Leaf::from_bytes(&bytes).map_err(Refusal::from)?)
    }

    fn verify_and_check(
        &mut self,
        authentic: &Authentic,
        time: Timestamp,
    ) -> Result<Effects, CheckError> {
        let verified = match self.state.job(authentic.submission())? {
            None => None,
            Some(job) => {
                let verified = job.verify(&self.state, &self.keys);
                Some(verified.map_err(Refusal::from)?)
            }
        };
        self.state.check(authentic, time, verified.as_ref())
    }

    fn append(&mut self, effects: Effects) -> Result<(), SubmitError<S::Error>> {
        let mut frontier = self.frontier.clone();
        let nodes = frontier.push(effects.leaf_hash());
        let leaf = NewLeaf {
            index: effects.index(),
            id: effects.id(),
            bytes: effects.leaf().to_vec(),
            uniques: effects.uniques().to_vec(),
            blobs: effects.blobs().to_vec(),
            nodes,
        };
        if let Err(Conflict(unique)) = self.store.append(leaf).map_err(SubmitError::Store)? {
            let (set, claim) = (unique.set, unique.claim);
            return Err(Refusal::AlreadyUsed { set, claim }.into());
        }
        self.frontier = frontier;
        self.state.commit(&effects)?;
        Ok(())
    }
}
