//! The data that a ledger keeps outside its state: leaves, the tree's nodes, and the values that
//! may occur only once.
//!
//! A [`Store`] appends a leaf and its unique values in one transaction, so uniqueness never
//! depends on a check that happened earlier.

use std::collections::{HashMap, HashSet};

use merits_primitives::ids::EntryId;

use crate::blob::{Blob, BlobDigest};
use crate::tree::{HashReader, Node};
use merits_verifier::log::Hash;

/// A set of values that may occur only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum UniqueSet {
    /// Entry ids.
    Entry = 0,
    /// (C, asset): digests of both.
    Commitment = 1,
    /// cm.
    Note = 2,
    /// nf of a deposited ticket.
    Nullifier = 3,
    /// sn.
    Spend = 4,
    /// rn.
    Rate = 5,
    /// What an alert is about: supervisor, rule, subject and window.
    Alert = 6,
}

impl UniqueSet {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Entry,
        Self::Commitment,
        Self::Note,
        Self::Nullifier,
        Self::Spend,
        Self::Rate,
        Self::Alert,
    ];

    /// The set with a number; `None` if there is none.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|set| *set as u8 == number)
    }

    /// The meaning of a collision, as text.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Entry => "the entry",
            Self::Commitment => "the record commitment C, for this scale,",
            Self::Note => "the note commitment cm",
            Self::Nullifier => "the claim of this person, scale and period",
            Self::Spend => "the note behind this spend nullifier",
            Self::Rate => "this person's redemption under the offer's daily limit",
            Self::Alert => "this supervisor's alert by this rule, for this subject and window,",
        }
    }
}

/// A value of a unique set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unique {
    /// The set.
    pub set: UniqueSet,
    /// The value.
    pub value: [u8; 32],
    /// The claim that it belongs to, if any.
    pub claim: Option<usize>,
}

/// A leaf to append, with everything that belongs to the same transaction.
#[derive(Debug, Clone)]
pub struct NewLeaf {
    /// Its index: the number of leaves before.
    pub index: u64,
    /// The entry's id.
    pub id: EntryId,
    /// The leaf's bytes.
    pub bytes: Vec<u8>,
    /// Values that must be new.
    pub uniques: Vec<Unique>,
    /// Blobs that the entry names.
    pub blobs: Vec<Blob>,
    /// Tree nodes that this leaf completes, the leaf's own hash first.
    pub nodes: Vec<(Node, Hash)>,
}

/// A value that already existed; nothing was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict(pub Unique);

/// A store of leaves, nodes and unique values.
pub trait Store: HashReader {
    /// Number of leaves.
    ///
    /// # Errors
    /// The store's own.
    fn size(&self) -> Result<u64, Self::Error>;

    /// Index of the leaf with this entry id.
    ///
    /// # Errors
    /// The store's own.
    fn find(&self, id: &EntryId) -> Result<Option<u64>, Self::Error>;

    /// The bytes of a leaf.
    ///
    /// # Errors
    /// The store's own.
    fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Appends in one transaction: all or nothing.
    ///
    /// # Errors
    /// The store's own; a taken unique value is an answer, not an error.
    fn append(&mut self, leaf: NewLeaf) -> Result<Result<(), Conflict>, Self::Error>;
}

/// A store in memory: for tests, audits and short-lived followers.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    leaves: Vec<Vec<u8>>,
    by_id: HashMap<EntryId, u64>,
    uniques: HashSet<(UniqueSet, [u8; 32])>,
    nodes: HashMap<Node, Hash>,
    blobs: HashMap<BlobDigest, Blob>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A blob that a leaf names.
    pub fn blob(&self, digest: &BlobDigest) -> Option<&Blob> {
        self.blobs.get(digest)
    }

    /// All leaves, in order.
    pub fn leaves(&self) -> &[Vec<u8>] {
        &self.leaves
    }
}

impl HashReader for MemoryStore {
    type Error = std::convert::Infallible;

    fn read(&self, node: Node) -> Result<Option<Hash>, Self::Error> {
        Ok(self.nodes.get(&node).copied())
    }
}

impl Store for MemoryStore {
    fn size(&self) -> Result<u64, Self::Error> {
        Ok(self.leaves.len() as u64)
    }

    fn find(&self, id: &EntryId) -> Result<Option<u64>, Self::Error> {
        Ok(self.by_id.get(id).copied())
    }

    fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(usize::try_from(index)
            .ok()
            .and_then(|index| self.leaves.get(index))
            .cloned())
    }

    fn append(&mut self, leaf: NewLeaf) -> Result<Result<(), Conflict>, Self::Error> {
        for (position, unique) in leaf.uniques.iter().enumerate() {
            if !self.uniques.insert((unique.set, unique.value)) {
                // All or nothing: undo the insertion of the values before it.
                for before in &leaf.uniques[..position] {
                    self.uniques.remove(&(before.set, before.value));
                }
                return Ok(Err(Conflict(*unique)));
            }
        }
        self.by_id.insert(leaf.id, leaf.index);
        self.nodes.extend(leaf.nodes);
        let blobs = leaf.blobs.into_iter();
        self.blobs.extend(blobs.map(|blob| (blob.digest(), blob)));
        self.leaves.push(leaf.bytes);
        Ok(Ok(()))
    }
}
