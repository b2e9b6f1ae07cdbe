//! The copy and its state.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use merits_ledger::{
    Conflict, Effects, FactDiffers, Governing, KeyRing, LedgerPolicy, Refusal, Replay, ReplayError,
    State, UniqueSet,
    rows::{RowError, RowKey, Rows, StateDigest, Table},
    storage::STATE_VERSION,
    tree::{Frontier, Node, frontier_nodes, inclusion_nodes, inclusion_proof, root},
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
    /// The stored state is not the one that the copy's leaves make.
    #[error(
        "the stored state in {0} is not what the copy's leaves make: its files were altered; move it away and sync again"
    )]
    StateAltered(PathBuf),
    /// The stored state.
    #[error(transparent)]
    Rows(#[from] RowError),
}

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
    /// What was verified and is not in all files.
    unwritten: Option<Unwritten>,
}

impl Replica {
    /// Opens the copy in `directory`, or starts an empty one. Its leaves were verified before they were
    /// stored, and the state that they made with them is believed, as the own key files are;
    /// [`Replica::replay`] verifies all of it again. A state of another version of this program is made anew
    /// from the leaves.
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
        let facts = archive.facts()?;
        let facts = facts
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let facts = policy.differences(facts);
        if !facts.is_empty() {
            let directory = directory.to_owned();
            return Err(ReplicaError::OtherFacts { directory, facts });
        }
        let altered = || ReplicaError::Altered(directory.to_owned());
        let (size, root, note) = archive.log()?;
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
        if archive.state_version()? != i64::from(STATE_VERSION) {
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
            unwritten: None,
        })
    }

    /// Verifies the whole copy again, from its first leaf: signatures, proofs, rules, tree; and that the
    /// stored state is the one that the leaves make. Answers that state, in memory.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn replay(&self, rng: &mut impl CryptoRng) -> Result<State, ReplicaError> {
        self.require_written()?;
        let policy = self.state.policy().clone();
        let (size, expected) = (self.size(), self.frontier.root());
        let state = replayed(
            &self.archive,
            &self.directory,
            policy,
            (size, expected),
            rng,
        )?;
        let same = state.rows().digest()? == self.digest
            && same_rows(state.rows(), self.archive.file().as_ref())?
            && self.archive.same_used(state.memory())?;
        if same {
            Ok(state)
        } else {
            Err(ReplicaError::StateAltered(self.directory.clone()))
        }
    }

    /// Puts the copy under a high-water mark. A copy that is older than its mark may be synchronised, and
    /// answers nothing before that: what it lacks was acted upon, perhaps by this very process.
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
    /// [`ReplicaError::Unwritten`] while what was verified is not in the files,
    /// [`ReplicaError::Behind`] for a copy that is older than its high-water mark.
    pub fn state(&self) -> Result<&State, ReplicaError> {
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
            _ => Ok(&self.state),
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
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn leaf(&self, index: u64) -> Result<Option<Leaf>, ReplicaError> {
        match self.leaf_bytes(index)? {
            None => Ok(None),
            Some(bytes) => self.decoded(&bytes).map(Some),
        }
    }

    /// All leaves, in order.
    pub fn leaves(&self) -> Leaves<'_> {
        self.leaves_from(0)
    }

    /// The leaves from an index on, in order. Few of them are in memory at a time.
    pub fn leaves_from(&self, index: u64) -> Leaves<'_> {
        Leaves {
            replica: self,
            next: index,
            page: Vec::new().into_iter(),
        }
    }

    /// Where an entry stands.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn find(&self, id: &EntryId) -> Result<Option<u64>, ReplicaError> {
        let found = self.archive.file().find(id);
        let found = found.map_err(self.archive.failed())?;
        // What is in the database and not shown yet is not answered.
        Ok(found.filter(|index| *index < self.size()))
    }

    /// The leaf that used a value which may occur once.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, ReplicaError> {
        let leaf = self.archive.file().used(set, value)?;
        Ok(leaf.filter(|leaf| *leaf < self.size()))
    }

    fn leaf_bytes(&self, index: u64) -> Result<Option<Vec<u8>>, ReplicaError> {
        let leaves = self
            .archive
            .file()
            .leaves(index, self.size().min(index.saturating_add(1)), 0);
        let leaves = leaves.map_err(self.archive.failed())?;
        Ok(leaves.into_iter().next())
    }

    fn decoded(&self, leaf: &[u8]) -> Result<Leaf, ReplicaError> {
        // Each was decoded when it was verified.
        Leaf::from_bytes(leaf).map_err(|_| ReplicaError::Altered(self.directory.clone()))
    }

    /// The time of the newest leaf.
    pub(crate) fn newest_time(&self) -> Option<u64> {
        (self.size() > 0).then(|| self.state.time())
    }

    /// The leaf of an entry.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn entry(&self, id: &EntryId) -> Result<Option<Leaf>, ReplicaError> {
        match self.find(id)? {
            None => Ok(None),
            Some(index) => self.leaf(index),
        }
    }

    /// The receipt of an entry under the newest checkpoint, made from the copy alone.
    ///
    /// # Errors
    /// [`ReplicaError`] where the copy cannot be read.
    pub fn receipt(&self, id: &EntryId) -> Result<Option<Receipt>, ReplicaError> {
        let (Some(index), Some((checkpoint, signed))) = (self.find(id)?, &self.newest) else {
            return Ok(None);
        };
        let Some(leaf) = self.leaf_bytes(index)? else {
            return Ok(None);
        };
        let wanted = inclusion_nodes(index, checkpoint.size);
        let nodes = self.archive.file().nodes(&wanted);
        let nodes = nodes.map_err(self.archive.failed())?;
        let proof = inclusion_proof(&nodes, index, checkpoint.size);
        Ok(Some(Receipt {
            leaf,
            index,
            proof: proof.map_err(|_| ReplicaError::Altered(self.directory.clone()))?,
            checkpoint: signed.clone(),
        }))
    }

    /// Starts an update to a checkpoint that the coordinator gave.
    ///
    /// # Errors
    /// [`ReplicaError`]: not signed by the log, older than one seen, or another tree of the same
    /// size; something is unwritten ([`Replica::settle`] comes first).
    pub fn update(&self, checkpoint: &str) -> Result<Update, ReplicaError> {
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
    /// [`ReplicaError`]. After [`ReplicaError::Archive`] or [`ReplicaError::Mark`] the replica answers
    /// nothing until [`Replica::settle`] succeeds; after others it is as it was.
    pub fn finish(&mut self, update: Update, rng: &mut impl CryptoRng) -> Result<(), ReplicaError> {
        self.settle()?;
        let checked = self.check(update, rng)?;
        self.accept(checked)
    }

    /// Verifies what an update collected. Nothing is changed, so others may read meanwhile;
    /// [`Replica::accept`] then writes it.
    ///
    /// # Errors
    /// [`ReplicaError`]; something is unwritten ([`Replica::settle`] comes first).
    pub fn check(
        &self,
        update: Update,
        rng: &mut impl CryptoRng,
    ) -> Result<CheckedUpdate, ReplicaError> {
        self.require_written()?;
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
        let (governing, effects) = self.verify(&leaves, rng)?;
        let unwritten = Unwritten {
            effects,
            governing,
            frontier,
            nodes,
            target,
            signed,
            digest: None,
        };
        Ok(CheckedUpdate { from, unwritten })
    }

    /// Writes what [`Replica::check`] of this replica verified to the files and to the high-water mark, and
    /// only then shows it.
    ///
    /// # Errors
    /// As of [`Replica::finish`]; [`ReplicaError::WrongLeaves`] when the replica has grown since.
    pub fn accept(&mut self, checked: CheckedUpdate) -> Result<(), ReplicaError> {
        self.settle()?;
        let CheckedUpdate { from, unwritten } = checked;
        if from != self.size() {
            let count = unwritten.target.size;
            return Err(ReplicaError::WrongLeaves { count });
        }
        self.unwritten = Some(unwritten);
        self.settle()
    }

    /// Writes what was verified and could not be written, if there is anything.
    ///
    /// # Errors
    /// [`ReplicaError::Archive`] or [`ReplicaError::Mark`]; it can be tried again.
    /// [`ReplicaError::Invalid`] for a leaf that uses a value which an earlier one used; the copy is then
    /// as it was.
    pub fn settle(&mut self) -> Result<(), ReplicaError> {
        let Some(unwritten) = &mut self.unwritten else {
            return Ok(());
        };
        let (target, note) = (&unwritten.target, unwritten.signed.to_string());
        if unwritten.digest.is_none() {
            // An error may have come after the commit.
            let head = self.archive.file().head().map_err(self.archive.failed())?;
            unwritten.digest = head
                .filter(|head| head.size == target.size && head.checkpoint == note)
                .map(|head| head.digest);
        }
        if unwritten.digest.is_none() {
            let (effects, nodes) = (&unwritten.effects, &unwritten.nodes);
            let appended = self
                .archive
                .append(effects, nodes, (target, &note), &self.digest)?;
            match appended {
                Ok(digest) => unwritten.digest = Some(digest),
                Err((index, Conflict(unique))) => {
                    self.unwritten = None;
                    let (set, claim) = (unique.set, unique.claim);
                    let fault = Refusal::AlreadyUsed { set, claim }.into();
                    return Err(ReplayError { index, fault }.into());
                }
            }
        }
        self.archive.show_checkpoint(&note)?;
        if let Some(mark) = &mut self.mark {
            mark.raise(target, &unwritten.signed)?;
        }
        if let Some(written) = self.unwritten.take() {
            let rows = Arc::clone(self.archive.file());
            self.state = State::stored(written.governing, rows);
            self.digest = written.digest.unwrap_or_default();
            self.frontier = written.frontier;
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

    /// Verifies leaves against the state so far: what governs after them, and what each changes.
    fn verify(
        &self,
        leaves: &[Vec<u8>],
        rng: &mut impl CryptoRng,
    ) -> Result<(Governing, Vec<Effects>), ReplicaError> {
        let mut replay = Replay::going_on(&self.state, self.frontier.clone(), self.keys.clone());
        for leaf in leaves {
            replay.push(leaf, rng)?;
        }
        replay.flush(rng)?;
        let effects = replay.take_effects();
        Ok((replay.state().governing().clone(), effects))
    }
}

/// Leaves that were verified and are not in all files.
#[derive(Debug)]
struct Unwritten {
    effects: Vec<Effects>,
    governing: Governing,
    frontier: Frontier,
    nodes: Vec<(Node, Hash)>,
    target: Checkpoint,
    signed: SignedCheckpoint,
    /// The state's digest after them, once they are in the database.
    digest: Option<StateDigest>,
}

/// An update that a replica verified and has not taken yet.
#[derive(Debug)]
pub struct CheckedUpdate {
    /// Leaves that it stands on.
    from: u64,
    unwritten: Unwritten,
}

/// Leaves of a copy, in order.
#[derive(Debug)]
pub struct Leaves<'r> {
    replica: &'r Replica,
    next: u64,
    page: std::vec::IntoIter<Vec<u8>>,
}

impl Leaves<'_> {
    /// An error comes once, and is the last that comes.
    fn ended_by(&mut self, error: ReplicaError) -> Option<<Self as Iterator>::Item> {
        self.next = u64::MAX;
        Some(Err(error))
    }
}

impl Iterator for Leaves<'_> {
    type Item = Result<(u64, Leaf), ReplicaError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 {
            let (file, size) = (self.replica.archive.file(), self.replica.size());
            if self.next >= size {
                return None;
            }
            let page = file.leaves(self.next, size, PAGE_BYTES);
            match page.map_err(self.replica.archive.failed()) {
                // Whoever counts leaves must not take a hole for the end.
                Ok(page) if page.is_empty() => {
                    let directory = self.replica.directory.clone();
                    return self.ended_by(ReplicaError::Altered(directory));
                }
                Ok(page) => self.page = page.into_iter(),
                Err(error) => return self.ended_by(error.into()),
            }
        }
        let bytes = self.page.next()?;
        let index = self.next;
        self.next += 1;
        Some(self.replica.decoded(&bytes).map(|leaf| (index, leaf)))
    }
}

/// Bytes of leaves that are in memory at a time.
const PAGE_BYTES: usize = 512 * 1_024;

/// Whether two states have the same rows.
fn same_rows(one: &dyn Rows, other: &dyn Rows) -> Result<bool, RowError> {
    for table in Table::ALL {
        let mut from = Vec::new();
        loop {
            let page = one.range(table, &from, PAGE_ROWS)?;
            if other.range(table, &from, PAGE_ROWS)? != page {
                return Ok(false);
            }
            let Some((last, _)) = page.into_iter().next_back() else {
                break;
            };
            // The next key there can be.
            from = last;
            from.push(0);
        }
    }
    Ok(true)
}

/// Rows that one look compares.
const PAGE_ROWS: usize = 1_024;

/// The state that the leaves of a copy make, each verified again.
fn replayed(
    archive: &Archive,
    directory: &Path,
    policy: LedgerPolicy,
    (size, expected): (u64, Hash),
    rng: &mut impl CryptoRng,
) -> Result<State, ReplicaError> {
    let altered = || ReplicaError::Altered(directory.to_owned());
    let mut replay = Replay::new(policy);
    let mut next = 0;
    while next < size {
        let page = archive.file().leaves(next, size, PAGE_BYTES);
        let page = page.map_err(archive.failed())?;
        if page.is_empty() {
            return Err(altered());
        }
        next += page.len() as u64;
        for leaf in page {
            replay.push(&leaf, rng)?;
        }
    }
    let (state, root) = replay.finish(rng)?;
    if root == expected {
        Ok(state)
    } else {
        Err(altered())
    }
}

/// Makes the stored state anew from the leaves.
fn rebuild(
    archive: &mut Archive,
    directory: &Path,
    policy: &LedgerPolicy,
    size: u64,
    expected: Hash,
    rng: &mut impl CryptoRng,
) -> Result<(), ReplicaError> {
    tracing::warn!(
        size,
        "the stored state is of another version: it is made anew from the leaves"
    );
    let state = replayed(archive, directory, policy.clone(), (size, expected), rng)?;
    let digest = state.rows().digest()?;
    let mut rows = Vec::new();
    for table in Table::ALL {
        let of_table = state.rows().range(table, &[], usize::MAX)?.into_iter();
        rows.extend(of_table.map(|(key, value)| (RowKey { table, key }, Some(value))));
    }
    Ok(archive.replace_state(size, &rows, &digest)?)
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
