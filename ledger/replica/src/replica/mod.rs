//! The copy and its state.

mod audit;
mod error;
mod growth;
mod kit;
#[cfg(feature = "sqlite")]
mod opening;
mod read;

pub use error::ReplicaError;
pub use growth::{Growth, Update};
pub use kit::WriteKitError;
pub use read::Leaves;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use merits_ledger::{
    Governing, Groth16Keys, KnownProofs, LedgerPolicy, State,
    rows::StateDigest,
    tree::{Frontier, consistency_nodes, consistency_proof, frontier_nodes, root},
};
use merits_primitives::calendar::Timestamp;
use merits_verifier::log::{
    Checkpoint, Evidence, Hash, LogKey, PrefixProof, SignedCheckpoint, WitnessPolicy,
    verify_consistency,
};

use crate::{
    archive::{Archive, MemoryArchive},
    mark::{HighWaterMark, MarkError},
};
use growth::Unshown;

/// A verified copy of a ledger: on disk, or in memory.
#[derive(Debug)]
pub struct Replica {
    directory: PathBuf,
    key: LogKey,
    archive: Box<dyn Archive>,
    mark: Option<HighWaterMark>,
    /// The cosignatures without which no checkpoint is believed.
    policy: Option<WitnessPolicy>,
    newest: Option<(Checkpoint, SignedCheckpoint)>,
    /// When the demanded witnesses cosigned the newest tree last, in unix milliseconds; 0 if this process has not seen it.
    cosigned: AtomicU64,
    state: State,
    /// The sum over all stored rows and used values.
    digest: StateDigest,
    frontier: Frontier,
    keys: Groth16Keys,
    known: KnownProofs,
    /// Data that is in the database but not in all other files.
    unshown: Option<Unshown>,
    /// Size of the newest tree that could not be written.
    lost: Arc<AtomicU64>,
}

impl Replica {
    /// An empty copy in memory: it is gone with its process, and fetched and verified again by the next one.
    pub fn in_memory(key: LogKey, policy: LedgerPolicy) -> Self {
        let archive = MemoryArchive::default();
        let state = State::stored(Governing::new(policy), archive.rows());
        Self {
            directory: PathBuf::from(MEMORY),
            key,
            archive: Box::new(archive),
            mark: None,
            policy: None,
            newest: None,
            cosigned: AtomicU64::new(0),
            state,
            digest: StateDigest::default(),
            frontier: Frontier::new(),
            keys: Groth16Keys::new(),
            known: KnownProofs::default(),
            unshown: None,
            lost: Arc::default(),
        }
    }

    /// Believes from now on only checkpoints with these cosignatures. What is stored already stays.
    #[must_use]
    pub fn demanding(mut self, policy: WitnessPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// The cosignatures that the copy demands; `None` if the log's own word is enough for it.
    pub fn witnesses(&self) -> Option<&WitnessPolicy> {
        self.policy.as_ref()
    }

    /// The latest time at which as many witnesses as the copy demands vouched for its newest tree, as far as this
    /// process saw it; `None` if it saw none. A log that shows this copy a branch, or an old tree, cannot raise it.
    pub fn cosigned_as_of(&self) -> Option<Timestamp> {
        match self.cosigned.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        }
    }

    /// Puts the copy under a high-water mark. A copy that is older than its mark may be
    /// synchronised, but answers nothing before that: this party may already have acted on what the
    /// copy lacks.
    ///
    /// # Errors
    /// [`ReplicaError::Rewritten`] for a copy that the mark contradicts; both checkpoints are kept.
    pub fn guarded_by(mut self, mut mark: HighWaterMark) -> Result<Self, ReplicaError> {
        if let Some((checkpoint, signed)) = &self.newest {
            let marked = mark.newest().map_or(0, |newest| newest.size);
            let nodes = self.archive.nodes(&frontier_nodes(marked))?;
            match mark.judge(checkpoint.size, |size| root(&nodes, size).ok()) {
                Ok(()) => mark.raise(checkpoint, signed)?,
                Err(MarkError::Below { .. }) => {}
                Err(MarkError::Contradicts { size, .. }) => {
                    let (old, new) = (note(mark.signed()), signed.to_string());
                    return Err(self.rewritten(size, &old, checkpoint.size, &new)?);
                }
                Err(other) => return Err(other.into()),
            }
        }
        self.mark = Some(mark);
        Ok(self)
    }

    /// Begins a mark at a checkpoint that the log signed, and puts the copy under it. The
    /// checkpoint is first compared with the copy, as far as the copy reaches, because a mark of
    /// another tree could never be lowered again.
    ///
    /// # Errors
    /// [`ReplicaError::Rewritten`] for a checkpoint that the copy contradicts: both are kept, and no mark is
    /// written.
    pub fn begin_mark(
        self,
        mut mark: HighWaterMark,
        checkpoint: &Checkpoint,
        signed: &SignedCheckpoint,
    ) -> Result<Self, ReplicaError> {
        if let Some((newest, own)) = &self.newest
            && checkpoint.size <= newest.size
        {
            let nodes = self.archive.nodes(&frontier_nodes(checkpoint.size))?;
            if root(&nodes, checkpoint.size).ok() != Some(checkpoint.root) {
                let (old, new) = (signed.to_string(), own.to_string());
                return Err(self.rewritten(checkpoint.size, &old, newest.size, &new)?);
            }
        }
        mark.raise(checkpoint, signed)?;
        self.guarded_by(mark)
    }

    /// The log's key.
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    /// Proofs that this process verified itself, for a party that verifies what it submits: leaves with exactly these
    /// are not verified again when they come.
    pub fn known_proofs(&self) -> KnownProofs {
        self.known.clone()
    }

    /// The directory of the copy; of one in memory a name that no directory has.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The ledger's state after all leaves of the copy.
    ///
    /// # Errors
    /// [`ReplicaError::Unwritten`] while verified leaves are not in the files,
    /// [`ReplicaError::Behind`] for a copy that is older than its high-water mark.
    pub fn state(&self) -> Result<&State, ReplicaError> {
        self.require_written()?;
        if self.lost.load(Ordering::Relaxed) > self.size() {
            return Err(self.unwritten());
        }
        match &self.mark {
            Some(mark)
                if mark
                    .newest()
                    .is_some_and(|newest| newest.size > self.size()) =>
            {
                Err(ReplicaError::Behind {
                    found: self.size(),
                    verified: self.verified(),
                    mark: mark.path().to_owned(),
                })
            }
            _ => Ok(&self.state),
        }
    }

    fn require_written(&self) -> Result<(), ReplicaError> {
        match self.unshown {
            None => Ok(()),
            Some(_) => Err(self.unwritten()),
        }
    }

    fn unwritten(&self) -> ReplicaError {
        let directory = self.directory.clone();
        ReplicaError::Unwritten { directory }
    }

    /// The number of leaves that were ever verified, in this or an earlier copy.
    fn verified(&self) -> u64 {
        let mark = self.mark.as_ref().and_then(HighWaterMark::newest);
        mark.map_or(0, |newest| newest.size).max(self.size())
    }

    /// The root of the copy's first `size` leaves; `None` if it has fewer.
    ///
    /// # Errors
    /// As [`Replica::state`]; [`ReplicaError::Archive`].
    pub fn root_at(&self, size: u64) -> Result<Option<Hash>, ReplicaError> {
        self.state()?;
        if size > self.size() {
            return Ok(None);
        }
        let nodes = self.archive.nodes(&frontier_nodes(size))?;
        Ok(root(&nodes, size).ok())
    }

    /// Refuses an update, before any of its leaves is accepted, unless the log shows that it continues the
    /// verified tree. `proof` is the log's consistency proof between the two sizes. A bad proof alone is not
    /// evidence against the log, because anyone between the two can alter it.
    ///
    /// # Errors
    /// [`ReplicaError::NotShown`]; both checkpoints are kept.
    pub fn require_consistency(&self, update: &Update, proof: &[Hash]) -> Result<(), ReplicaError> {
        let Some(old) = self.checkpoint() else {
            return Ok(());
        };
        let (until, root) = (update.until(), update.root());
        match verify_consistency(old.size, &old.root, until, &root, proof) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.not_shown(update)?),
        }
    }

    /// Evidence that an error named, of a copy in memory: one on disk has it in a file.
    pub fn evidence(&self, name: &Path) -> Option<String> {
        self.archive.kept(name.to_str()?)
    }

    /// Keeps both checkpoints when the log cannot show that the new tree continues the old.
    fn not_shown(&self, update: &Update) -> Result<ReplicaError, ReplicaError> {
        let old = note(self.newest.as_ref().map(|(_, signed)| signed));
        let new = update.signed.to_string();
        let evidence = self.keep_both("checkpoints-not-shown-to-continue.txt", &old, &new)?;
        let (old, new) = (self.size(), update.until());
        Ok(ReplicaError::NotShown { old, new, evidence })
    }

    fn convicted(
        &self,
        target: &Checkpoint,
        signed: &SignedCheckpoint,
    ) -> Result<ReplicaError, ReplicaError> {
        let old = note(self.newest.as_ref().map(|(_, signed)| signed));
        self.rewritten(self.size(), &old, target.size, &signed.to_string())
    }

    fn rewritten(
        &self,
        old: u64,
        old_note: &str,
        new: u64,
        new_note: &str,
    ) -> Result<ReplicaError, ReplicaError> {
        let prefix = self.prefix(old.min(new), old.max(new))?;
        self.rewritten_with(old, old_note, new, new_note, prefix)
    }

    /// The same, with what shows the beginning of the larger tree.
    fn rewritten_with(
        &self,
        old: u64,
        old_note: &str,
        new: u64,
        new_note: &str,
        prefix: Option<PrefixProof>,
    ) -> Result<ReplicaError, ReplicaError> {
        const NAME: &str = "evidence-of-a-rewritten-log.txt";
        let notes = (
            SignedCheckpoint::parse(old_note),
            SignedCheckpoint::parse(new_note),
        );
        let evidence = match notes {
            (Ok(first), Ok(second)) => {
                let evidence = Evidence {
                    log: self.key.clone(),
                    first,
                    second,
                    prefix,
                };
                self.archive.keep(NAME, &evidence.to_string())?
            }
            _ => self.keep_both(NAME, old_note, new_note)?,
        };
        Ok(ReplicaError::Rewritten { old, new, evidence })
    }

    /// What the copy's own tree has as its first `smaller` leaves, if the larger one of two trees is
    /// its own.
    fn prefix(&self, smaller: u64, larger: u64) -> Result<Option<PrefixProof>, ReplicaError> {
        if smaller == larger || larger != self.size() {
            return Ok(None);
        }
        let mut wanted = frontier_nodes(smaller);
        wanted.extend(consistency_nodes(smaller, larger));
        let nodes = self.archive.nodes(&wanted)?;
        let root = root(&nodes, smaller).ok();
        let proof = consistency_proof(&nodes, smaller, larger).ok();
        Ok(root
            .zip(proof)
            .map(|(root, proof)| PrefixProof { root, proof }))
    }

    fn keep_both(&self, name: &str, old: &str, new: &str) -> Result<PathBuf, ReplicaError> {
        let text = format!("{old}\n----\n\n{new}");
        Ok(self.archive.keep(name, &text)?)
    }
}

fn note(signed: Option<&SignedCheckpoint>) -> String {
    signed.map(ToString::to_string).unwrap_or_default()
}

/// Where a copy in memory is, for errors.
const MEMORY: &str = "(this program's memory)";

/// Bytes of leaves that are in memory at a time.
const PAGE_BYTES: usize = 512 * 1_024;
