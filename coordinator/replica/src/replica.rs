//! The copy and its state.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use merits_ledger::{
    FactDiffers, LedgerPolicy, Replay, ReplayError, State, UniqueSet,
    tree::{Frontier, Node, TreeError, inclusion_proof, root},
};
use merits_primitives::ids::EntryId;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Checkpoint, CheckpointError, Hash, LogKey, SignedCheckpoint, leaf_hash},
    receipt::Receipt,
};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::{
    archive::{Archive, ArchiveError},
    mark::{HighWaterMark, MarkError},
};

/// Why a replica refuses to go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The files.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A checkpoint that the log did not sign, or is none.
    #[error("the log's checkpoint is refused: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The log signed two histories. Both checkpoints are kept.
    #[error(
        "THE LOG WAS REWRITTEN: it signed a tree of {old} leaves, and now one of {new} leaves that does not continue it. Trust nothing from it; show {evidence} to the other parties and the supervisors"
    )]
    Rewritten {
        /// Leaves of the tree that was verified before.
        old: u64,
        /// Leaves of the tree that does not continue it.
        new: u64,
        /// File with both checkpoints.
        evidence: PathBuf,
    },
    /// The coordinator answers with an older checkpoint than it gave before.
    #[error(
        "the coordinator answers with {found} leaves after it signed {seen}: it lost data or serves an old copy; ask its operator to run fsck"
    )]
    WentBack {
        /// Leaves of the newest checkpoint that was verified.
        seen: u64,
        /// Leaves of the one that came now.
        found: u64,
    },
    /// The leaves that came do not have the root that the log signed.
    #[error(
        "the {count} leaves sent do not have the root that the log signed: the coordinator is at fault"
    )]
    WrongLeaves {
        /// Leaves, all of the tree.
        count: u64,
    },
    /// The log took an entry that its rules refuse.
    #[error("the log holds an entry that the ledger's rules refuse: {0}")]
    Invalid(#[from] ReplayError),
    /// The replica's own file does not have the root of its checkpoint.
    #[error(
        "the replica's own leaves do not have the root of its checkpoint: its files were altered; move {0} away and sync again"
    )]
    Altered(PathBuf),
    /// The copy was made under other founding facts than the configuration says.
    #[error(
        "the copy of the log in {directory} was made for a ledger of other founding facts than the configuration says: {}. If the configuration is right, delete that directory; the copy is fetched and verified again",
        facts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    OtherFacts {
        /// The directory of the copy.
        directory: PathBuf,
        /// The facts that differ.
        facts: Vec<FactDiffers>,
    },
    /// The high-water mark cannot be used.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// The copy is older than what was verified before.
    #[error(
        "this copy of the log holds {found} entries, and its high-water mark {mark} says that {verified} were verified: the copy came back older; nothing is answered from it until it is synchronised again"
    )]
    Behind {
        /// Entries of the copy.
        found: u64,
        /// Entries that were verified before.
        verified: u64,
        /// The mark's file.
        mark: PathBuf,
    },
    /// What was verified last is not in the files.
    #[error(
        "the newest leaves of the log were verified and could not be written to {} or to its high-water \
         mark, so nothing is answered from this copy: make room if the disk is full, or bring the folder \
         back; the next synchronisation writes them",
        directory.display()
    )]
    Unwritten {
        /// The directory of the copy.
        directory: PathBuf,
    },
    /// An earlier error left the copy unusable.
    #[error(
        "an earlier error left this copy of the log unusable: start this program again, which reads and \
         verifies the copy anew"
    )]
    Stopped,
}

/// A verified copy of a ledger.
#[derive(Debug)]
pub struct Replica {
    directory: PathBuf,
    key: LogKey,
    archive: Archive,
    mark: Option<HighWaterMark>,
    newest: Option<(Checkpoint, SignedCheckpoint)>,
    /// `None` after an error in the middle of an update. Ahead of the rest while something is unwritten.
    replay: Option<Replay>,
    /// What was verified and is not in the files.
    unwritten: Option<Unwritten>,
    frontier: Frontier,
    nodes: HashMap<Node, Hash>,
    leaves: Vec<Vec<u8>>,
    by_id: HashMap<EntryId, u64>,
}

impl Replica {
    /// Opens the copy in `directory`, or starts an empty one. Everything in it is verified again,
    /// proofs in batches: a copy that somebody else can write to is not taken on trust.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn open(
        directory: &Path,
        key: LogKey,
        policy: LedgerPolicy,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ReplicaError> {
        let mut archive = Archive::open(directory)?;
        match archive.facts()? {
            None => archive.keep_facts(&policy.facts())?,
            Some(facts) => {
                let facts = facts
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()));
                let facts = policy.differences(facts);
                if !facts.is_empty() {
                    let directory = directory.to_owned();
                    return Err(ReplicaError::OtherFacts { directory, facts });
                }
            }
        }
        let newest = match archive.checkpoint()? {
            None => None,
            Some(text) => {
                let signed = SignedCheckpoint::parse(&text)?;
                Some((signed.verify(&key)?, signed))
            }
        };
        let count = newest.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size);
        let mut leaves = Vec::new();
        archive.load(count, |leaf| -> Result<(), ArchiveError> {
            leaves.push(leaf);
            Ok(())
        })?;
        let mut replica = Self {
            directory: directory.to_owned(),
            key,
            archive,
            mark: None,
            newest: None,
            replay: Some(Replay::new(policy)),
            unwritten: None,
            frontier: Frontier::new(),
            nodes: HashMap::new(),
            leaves: Vec::new(),
            by_id: HashMap::new(),
        };
        if let Some((checkpoint, signed)) = newest {
            let Growth {
                frontier, nodes, ..
            } = replica.grown(&leaves, 0);
            if frontier.root() != checkpoint.root {
                return Err(ReplicaError::Altered(directory.to_owned()));
            }
            replica.verify(&leaves, rng)?;
            replica.show(leaves, frontier, nodes);
            replica.newest = Some((checkpoint, signed));
        }
        Ok(replica)
    }

    /// Puts the copy under a high-water mark. A copy that is older than its mark may be synchronised, and
    /// answers nothing before that: what it lacks was acted upon, perhaps by this very process.
    ///
    /// # Errors
    /// [`ReplicaError::Rewritten`] for a copy that the mark contradicts; both checkpoints are kept.
    pub fn guarded_by(mut self, mut mark: HighWaterMark) -> Result<Self, ReplicaError> {
        if let Some((checkpoint, signed)) = &self.newest {
            match mark.judge(checkpoint.size, |size| root(&self.nodes, size).ok()) {
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
    /// [`ReplicaError::Stopped`] after an error in the middle of an update,
    /// [`ReplicaError::Unwritten`] while what was verified is not in the files,
    /// [`ReplicaError::Behind`] for a copy that is older than its high-water mark.
    pub fn state(&self) -> Result<&State, ReplicaError> {
        let state = self.replay.as_ref().map(Replay::state);
        let state = state.ok_or(ReplicaError::Stopped)?;
        self.require_written()?;
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
            _ => Ok(state),
        }
    }

    fn require_written(&self) -> Result<(), ReplicaError> {
        match self.unwritten {
            None => Ok(()),
            Some(_) => Err(ReplicaError::Unwritten {
                directory: self.directory.clone(),
            }),
        }
    }

    /// Leaves that were ever verified, here or in a copy before this one.
    fn verified(&self) -> u64 {
        let mark = self.mark.as_ref().and_then(HighWaterMark::newest);
        mark.map_or(0, |newest| newest.size).max(self.size())
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The newest checkpoint, verified.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.newest.as_ref().map(|(checkpoint, _)| checkpoint)
    }

    /// The leaf at an index.
    pub fn leaf(&self, index: u64) -> Option<Leaf> {
        let bytes = self.leaves.get(usize::try_from(index).ok()?)?;
        Leaf::from_bytes(bytes).ok()
    }

    /// All leaves, in order.
    pub fn leaves(&self) -> impl Iterator<Item = (u64, Leaf)> + '_ {
        // Each was decoded when it was verified.
        (0u64..)
            .zip(&self.leaves)
            .filter_map(|(index, bytes)| Some((index, Leaf::from_bytes(bytes).ok()?)))
    }

    /// Where an entry stands.
    pub fn find(&self, id: &EntryId) -> Option<u64> {
        self.by_id.get(id).copied()
    }

    /// The leaf that used a value which may occur once.
    pub fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Option<u64> {
        let uniques = self.replay.as_ref()?.uniques();
        let leaf = uniques.get(&(set, *value)).copied();
        leaf.filter(|leaf| *leaf < self.size())
    }

    /// The time of the newest leaf.
    pub(crate) fn newest_time(&self) -> Option<u64> {
        Some(Leaf::from_bytes(self.leaves.last()?).ok()?.time)
    }

    /// The leaf of an entry.
    pub fn entry(&self, id: &EntryId) -> Option<Leaf> {
        self.leaf(self.find(id)?)
    }

    /// The receipt of an entry under the newest checkpoint, made from the copy alone.
    pub fn receipt(&self, id: &EntryId) -> Option<Receipt> {
        let index = self.find(id)?;
        let (checkpoint, signed) = self.newest.as_ref()?;
        let proof: Result<Vec<Hash>, TreeError<_>> =
            inclusion_proof(&self.nodes, index, checkpoint.size);
        Some(Receipt {
            leaf: self.leaves.get(usize::try_from(index).ok()?)?.clone(),
            index,
            // The nodes of every leaf of the copy are there.
            proof: proof.ok()?,
            checkpoint: signed.clone(),
        })
    }

    /// Starts an update to a checkpoint that the coordinator gave.
    ///
    /// # Errors
    /// [`ReplicaError`]: not signed by the log, older than one seen, or another tree of the same
    /// size; something is unwritten ([`Replica::settle`] comes first).
    pub fn update(&self, checkpoint: &str) -> Result<Update, ReplicaError> {
        if self.replay.is_none() {
            return Err(ReplicaError::Stopped);
        }
        self.require_written()?;
        let signed = SignedCheckpoint::parse(checkpoint)?;
        let target = signed.verify(&self.key)?;
        let verified = self.verified();
        if target.size < verified {
            return Err(ReplicaError::WentBack {
                seen: verified,
                found: target.size,
            });
        }
        if target.size == self.size() && target.root != self.frontier.root() {
            return Err(self.convicted(&target, &signed)?);
        }
        Ok(Update {
            from: self.size(),
            target,
            signed,
            leaves: Vec::new(),
        })
    }

    /// Verifies what an update collected, writes it to the files and to the high-water mark, and only
    /// then shows it.
    ///
    /// # Errors
    /// [`ReplicaError`]. After [`ReplicaError::Invalid`] the replica must be opened again. After
    /// [`ReplicaError::Archive`] or [`ReplicaError::Mark`] the replica answers nothing until
    /// [`Replica::settle`] succeeds.
    pub fn finish(&mut self, update: Update, rng: &mut impl CryptoRng) -> Result<(), ReplicaError> {
        self.settle()?;
        let Update {
            from,
            target,
            signed,
            leaves,
        } = update;
        if from != self.size() {
            return Err(ReplicaError::WrongLeaves { count: target.size });
        }
        let marked = self.mark.as_ref().and_then(HighWaterMark::newest).cloned();
        let Growth {
            frontier,
            nodes,
            root_at,
        } = self.grown(&leaves, marked.as_ref().map_or(0, |mark| mark.size));
        if frontier.size() != target.size {
            return Err(ReplicaError::WrongLeaves {
                count: frontier.size(),
            });
        }
        if frontier.root() != target.root {
            // The new leaves stand on the verified old ones. If the root is another, either these
            // leaves are not the log's, or the log no longer has the old ones. The caller asks for
            // a consistency proof to tell the two apart; without one, nobody is convicted.
            return Err(ReplicaError::WrongLeaves { count: target.size });
        }
        if let (Some(mark), Some(root_at)) = (&marked, root_at)
            && mark.root != root_at
        {
            let old = note(self.mark.as_ref().and_then(HighWaterMark::signed));
            return Err(self.rewritten(mark.size, &old, target.size, &signed.to_string())?);
        }
        self.verify(&leaves, rng)?;
        self.unwritten = Some(Unwritten {
            leaves,
            frontier,
            nodes,
            target,
            signed,
            in_archive: false,
        });
        self.settle()
    }

    /// Writes what was verified and could not be written, if there is anything.
    ///
    /// # Errors
    /// [`ReplicaError::Archive`] or [`ReplicaError::Mark`]; it can be tried again.
    pub fn settle(&mut self) -> Result<(), ReplicaError> {
        let Some(unwritten) = &mut self.unwritten else {
            return Ok(());
        };
        if !unwritten.in_archive {
            self.archive
                .append(&unwritten.leaves, &unwritten.signed.to_string())?;
            unwritten.in_archive = true;
        }
        if let Some(mark) = &mut self.mark {
            mark.raise(&unwritten.target, &unwritten.signed)?;
        }
        if let Some(written) = self.unwritten.take() {
            self.show(written.leaves, written.frontier, written.nodes);
            self.newest = Some((written.target, written.signed));
        }
        Ok(())
    }

    /// True while what was verified is not in the files.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.unwritten.is_some()
    }

    /// Keeps both checkpoints when the log cannot show that the new tree continues the old.
    pub(crate) fn convict(&self, update: &Update) -> Result<ReplicaError, ReplicaError> {
        self.convicted(&update.target, &update.signed)
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
        let evidence = self.archive.keep(
            "evidence-of-a-rewritten-log.txt",
            &format!("{old_note}\n----\n\n{new_note}"),
        )?;
        Ok(ReplicaError::Rewritten { old, new, evidence })
    }

    /// The tree with more leaves, and on the way its root at `size`.
    fn grown(&self, leaves: &[Vec<u8>], size: u64) -> Growth {
        let mut frontier = self.frontier.clone();
        let mut nodes = Vec::new();
        let mut root_at = None;
        for leaf in leaves {
            nodes.extend(frontier.push(leaf_hash(leaf)));
            if frontier.size() == size {
                root_at = Some(frontier.root());
            }
        }
        Growth {
            frontier,
            nodes,
            root_at,
        }
    }

    /// Takes leaves into the state, signatures and proofs verified.
    fn verify(&mut self, leaves: &[Vec<u8>], rng: &mut impl CryptoRng) -> Result<(), ReplicaError> {
        // Taken out, so that an error leaves no half-applied state behind.
        let mut replay = self.replay.take().ok_or(ReplicaError::Stopped)?;
        for leaf in leaves {
            replay.push(leaf, rng)?;
        }
        replay.flush(rng)?;
        self.replay = Some(replay);
        Ok(())
    }

    /// Takes verified leaves into what is answered.
    fn show(&mut self, leaves: Vec<Vec<u8>>, frontier: Frontier, nodes: Vec<(Node, Hash)>) {
        for leaf in leaves {
            if let Ok(decoded) = Leaf::from_bytes(&leaf) {
                self.by_id
                    .insert(decoded.entry.id(), self.leaves.len() as u64);
            }
            self.leaves.push(leaf);
        }
        self.frontier = frontier;
        self.nodes.extend(nodes);
    }
}

/// Leaves that were verified and are not in the files.
#[derive(Debug)]
struct Unwritten {
    leaves: Vec<Vec<u8>>,
    frontier: Frontier,
    nodes: Vec<(Node, Hash)>,
    target: Checkpoint,
    signed: SignedCheckpoint,
    /// They are in the archive, and the high-water mark is still to be raised.
    in_archive: bool,
}

/// A tree that new leaves were appended to.
struct Growth {
    frontier: Frontier,
    nodes: Vec<(Node, Hash)>,
    /// Its root at the size that was asked for, if the new leaves reach it.
    root_at: Option<Hash>,
}

fn note(signed: Option<&SignedCheckpoint>) -> String {
    signed.map(ToString::to_string).unwrap_or_default()
}

/// Leaves on their way into a replica.
#[derive(Debug)]
pub struct Update {
    from: u64,
    target: Checkpoint,
    signed: SignedCheckpoint,
    leaves: Vec<Vec<u8>>,
}

impl Update {
    /// The next leaf that is missing.
    pub fn next(&self) -> u64 {
        self.from + self.leaves.len() as u64
    }

    /// One after the last leaf.
    pub fn until(&self) -> u64 {
        self.target.size
    }

    /// The root that the log signed.
    pub fn root(&self) -> Hash {
        self.target.root
    }

    /// The time of the newest leaf that is here, if it is a leaf.
    pub(crate) fn newest_time(&self) -> Option<u64> {
        Some(Leaf::from_bytes(self.leaves.last()?).ok()?.time)
    }

    /// True once every leaf is here.
    pub fn is_complete(&self) -> bool {
        self.next() >= self.until()
    }

    /// Takes leaves, in order, until the update is complete; the rest is ignored.
    pub fn push(&mut self, leaves: impl IntoIterator<Item = Vec<u8>>) {
        for leaf in leaves {
            if self.is_complete() {
                break;
            }
            self.leaves.push(leaf);
        }
    }
}
