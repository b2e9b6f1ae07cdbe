//! A group of entries in the making.

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    Authentic, CheckError, Conflict, Effects, Governing, ProvenStatement, Refusal, Unique,
    UniqueSet,
    storage::{Pending as PendingRows, StorageGroup as _, StoredLeaf},
    tree::{Frontier, Node},
};
use merits_ledger_sqlite::Group;
use merits_primitives::ids::EntryId;
use merits_verifier::{Verified, log::Hash};

use super::{Log, SequencerError};

/// An entry of a group: authentic, and verified if its kind has a proof.
pub(super) type Entry = (Authentic, Option<Verified<ProvenStatement>>);

/// A group in the making.
pub(super) struct Pending {
    pub(super) frontier: Frontier,
    /// Stored nodes at the tree's right edge, and those that the group adds.
    pub(super) nodes: HashMap<Node, Hash>,
    pub(super) new_nodes: Vec<(Node, Hash)>,
    pub(super) rows: PendingRows,
    pub(super) effects: Vec<Effects>,
    /// What the effects use up.
    used: HashSet<(UniqueSet, [u8; 32])>,
}

/// Index of a new entry; nothing for one that was there before.
pub(super) type Appended = Option<u64>;

/// What the rules and the group so far say of an entry.
enum Judged {
    /// It is in the log, or in this group.
    Before,
    Refused(Box<Refusal>),
    Taken(Effects),
}

impl Pending {
    pub(super) fn new(log: &Log) -> Self {
        Self {
            frontier: log.frontier.clone(),
            nodes: log.edge.clone(),
            new_nodes: Vec::new(),
            rows: PendingRows::new(),
            effects: Vec::new(),
            used: HashSet::new(),
        }
    }

    /// Takes one entry, which is appended with all others ([`StorageGroup::append_all`]).
    pub(super) async fn place(
        &mut self,
        state: &mut Governing,
        transaction: &mut Group<'_>,
        entry: &Entry,
        known: &HashMap<EntryId, u64>,
        time: u64,
    ) -> Result<Result<Appended, Box<Refusal>>, SequencerError> {
        match self.judge(state, transaction, entry, known, time).await? {
            Judged::Before => Ok(Ok(None)),
            Judged::Refused(refusal) => Ok(Err(refusal)),
            Judged::Taken(effects) => self.take(state, effects).map(Ok),
        }
    }

    /// Takes and appends one entry, and lets the store say which of its values is taken.
    pub(super) async fn append(
        &mut self,
        state: &mut Governing,
        transaction: &mut Group<'_>,
        entry: &Entry,
        known: &HashMap<EntryId, u64>,
        time: u64,
    ) -> Result<Result<Appended, Box<Refusal>>, SequencerError> {
        let effects = match self.judge(state, transaction, entry, known, time).await? {
            Judged::Before => return Ok(Ok(None)),
            Judged::Refused(refusal) => return Ok(Err(refusal)),
            Judged::Taken(effects) => effects,
        };
        match transaction.append(StoredLeaf::of(&effects)).await? {
            Ok(()) => self.take(state, effects).map(Ok),
            Err(Conflict(unique)) if unique.set == UniqueSet::Entry => Ok(Ok(None)),
            Err(Conflict(unique)) => Ok(Err(already_used(unique))),
        }
    }

    async fn judge(
        &mut self,
        state: &Governing,
        transaction: &mut Group<'_>,
        entry: &Entry,
        known: &HashMap<EntryId, u64>,
        time: u64,
    ) -> Result<Judged, SequencerError> {
        let (authentic, verified) = (&entry.0, entry.1.as_ref());
        let id = authentic.submission().id();
        // The state's rules would refuse a repetition (a party cannot join twice), so it is
        // recognised before them.
        if known.contains_key(&id) || self.used.contains(&(UniqueSet::Entry, id.0)) {
            return Ok(Judged::Before);
        }
        let submission = [authentic.submission()];
        self.rows.read(transaction, state, submission).await?;
        let effects = match state.check(authentic, time, verified, self.rows.view()) {
            Ok(effects) => effects,
            Err(CheckError::Refused(refusal)) => return Ok(Judged::Refused(Box::new(refusal))),
            Err(CheckError::Rows(error)) => return Err(error.into()),
        };
        // The store finds what it has, and what an entry uses twice itself.
        let mut uniques = effects.uniques().iter();
        let is_taken = |unique: &&Unique| self.used.contains(&(unique.set, unique.value));
        Ok(match uniques.find(is_taken) {
            Some(unique) => Judged::Refused(already_used(*unique)),
            None => Judged::Taken(effects),
        })
    }

    fn take(
        &mut self,
        state: &mut Governing,
        effects: Effects,
    ) -> Result<Appended, SequencerError> {
        let nodes = self.frontier.push(effects.leaf_hash());
        self.nodes.extend(nodes.iter().copied());
        self.new_nodes.extend(nodes);
        self.rows.take(&effects);
        let uniques = effects.uniques().iter();
        self.used
            .extend(uniques.map(|unique| (unique.set, unique.value)));
        let index = effects.index();
        state.commit(&effects)?;
        self.effects.push(effects);
        Ok(Some(index))
    }
}

fn already_used(unique: Unique) -> Box<Refusal> {
    let (set, claim) = (unique.set, unique.claim);
    Box::new(Refusal::AlreadyUsed { set, claim })
}
