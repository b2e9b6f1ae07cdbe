//! The copy and its state.

mod audit;
mod error;
mod growth;
mod kit;
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
    Governing, KeyRing, LedgerPolicy, State,
    rows::StateDigest,
    storage::STATE_VERSION,
    tree::{Frontier, frontier_nodes, root},
};
use merits_ledger_sqlite::inspect::LogRow;
use merits_verifier::log::{Checkpoint, LogKey, SignedCheckpoint};
use rand_core::CryptoRng;

use crate::{
    archive::Archive,
    mark::{HighWaterMark, MarkError},
};
use audit::rebuild;
use growth::Unshown;

/// A verified copy of a ledger, on disk.
#[derive(Debug)]
pub struct Replica {
    directory: PathBuf,
    key: LogKey,
    archive: Archive,
    mark: Option<HighWaterMark>,
    newest: Option<(Checkpoint, SignedCheckpoint)>,
    state: State,
    /// The sum over all stored rows and used values.
    digest: StateDigest,
    frontier: Frontier,
    keys: KeyRing,
    /// Data that is in the database but not in all other files.
    unshown: Option<Unshown>,
    /// Size of the newest tree that could not be written.
    lost: Arc<AtomicU64>,
}

impl Replica {
    /// Opens the copy in `directory`, or starts an empty one. Its leaves were verified before they
    /// were stored. They and the stored state are trusted, as the party's key files are;
    /// [`Replica::replay`] verifies all of it again. A state of another version of this program is
    /// computed again from the leaves.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn open(
        directory: &Path,
        key: LogKey,
        policy: LedgerPolicy,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ReplicaError> {
        let mut archive = Archive::open(directory, &key, &policy)?;
        let facts = archive.differences(&policy)?;
        if !facts.is_empty() {
            let directory = directory.to_owned();
            return Err(ReplicaError::OtherFacts { directory, facts });
        }
        let altered = || ReplicaError::Altered(directory.to_owned());
        let LogRow {
            size,
            root,
            checkpoint: note,
            ..
        } = archive.log()?;
        archive.check_count(size)?;
        let newest = match size {
            0 => None,
            _ => {
                let signed = SignedCheckpoint::parse(&note)?;
                Some((signed.verify(&key)?, signed))
            }
        };
        let nodes = archive.file().nodes(&frontier_nodes(size));
        let nodes = nodes.map_err(archive.failed())?;
        let frontier = Frontier::load(&nodes, size).map_err(|_| altered())?;
        if let Some((checkpoint, _)) = &newest
            && (checkpoint.size != size
                || checkpoint.root[..] != root[..]
                || checkpoint.root != frontier.root())
        {
            return Err(altered());
        }
        if archive.state_version()? != Some(i64::from(STATE_VERSION)) {
            rebuild(&mut archive, directory, &policy, size, frontier.root(), rng)?;
        }
        let head = archive.file().head().map_err(archive.failed())?;
        if size > 0 && head.is_none() {
            return Err(altered());
        }
        if size > 0 && !archive.shows(&note) {
            archive.show_checkpoint(&note)?;
        }
        let file = Arc::clone(archive.file());
        let governing = Governing::load(policy, file.as_ref())?;
        if governing.size() != size {
            return Err(altered());
        }
        Ok(Self {
            directory: directory.to_owned(),
            key,
            archive,
            mark: None,
            newest,
            state: State::stored(governing, file),
            digest: head.map_or_else(StateDigest::default, |head| head.digest),
            frontier,
            keys: KeyRing::new(),
            unshown: None,
            lost: Arc::default(),
        })
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
            let nodes = self.archive.file().nodes(&frontier_nodes(marked));
            let nodes = nodes.map_err(self.archive.failed())?;
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
            let nodes = self
                .archive
                .file()
                .nodes(&frontier_nodes(checkpoint.size))
                .map_err(self.archive.failed())?;
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

    /// The directory of the copy.
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

    /// Keeps both checkpoints when the log cannot show that the new tree continues the old.
    pub(crate) fn not_shown(&self, update: &Update) -> Result<ReplicaError, ReplicaError> {
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
        let evidence = self.keep_both("evidence-of-a-rewritten-log.txt", old_note, new_note)?;
        Ok(ReplicaError::Rewritten { old, new, evidence })
    }

    fn keep_both(&self, name: &str, old: &str, new: &str) -> Result<PathBuf, ReplicaError> {
        let text = format!("{old}\n----\n\n{new}");
        Ok(self.archive.keep(name, &text)?)
    }
}

fn note(signed: Option<&SignedCheckpoint>) -> String {
    signed.map(ToString::to_string).unwrap_or_default()
}

/// Bytes of leaves that are in memory at a time.
const PAGE_BYTES: usize = 512 * 1_024;
