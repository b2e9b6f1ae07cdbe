//! The storage of a ledger: the interface that the log writer and the rules need of any store.
//!
//! A ledger is read and written by several tasks at once: a [`StorageReader`] sees committed data, and one writer
//! ([`Storage`]) appends groups of entries, each group in one transaction. A group's leaves, blobs, used values,
//! tree nodes, changed rows and head become durable together or not at all; a [`StorageGroup`] that is dropped has
//! no effect. A constraint of the store ensures that values are new. It is checked when a leaf is appended. A leaf
//! that collides has no effect, and the group continues.
//!
//! [`Pending`] is the rules' view of a group that is being made: rows that were read, overlaid with
//! the changes of the group's accepted entries.
//!
//! A coordinator finds its store at a [`Place`], which also makes and restores copies of it. An [`Inspection`] reads
//! the raw tables for `fsck`.
//!
//! [`MemoryStorage`] serves copies that are not kept, and tests. Every implementation passes
//! `merits_ledger_fixture::conformance`: `run` for stores, `run_places` for places and what they give.

mod failure;
mod inspection;
mod memory;
mod pending;
mod place;
mod wait;

pub use failure::{Outlook, StoreFailure};
pub use inspection::{BlobRow, Inspection, LeafRow, LogRow, NodeRow, RowRow, StateRow, UsedRow};
pub use memory::{MemoryGroup, MemoryStorage};
pub use pending::{Finished, Pending, PendingError};
pub use place::{Inspect, Place, Staged};
pub use wait::wait;

use std::{
    collections::{HashMap, HashSet},
    future::Future,
};

use merits_primitives::ids::EntryId;
use merits_verifier::log::{Hash, empty_root};

use crate::blob::{Blob, BlobDigest};
use crate::policy::{FactDiffers, LedgerPolicy};
use crate::rows::{KeyValue, RowChange, RowKey, StateDigest, Table};
use crate::state::Effects;
use crate::store::{Conflict, Unique, UniqueSet};
use crate::tree::Node;

/// The layout of the stored state: tables, keys, values, digest. Raise it with every change of
/// them. A state of another version is computed again from the log.
pub const STATE_VERSION: u32 = 9;

/// The head after the newest committed group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Leaves.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
    /// The checkpoint that covers them, as a signed note.
    pub checkpoint: String,
    /// The sum over all rows and used values.
    pub digest: StateDigest,
}

/// The log that a store holds, its founding parameters, and its newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founded {
    /// The log's name.
    pub origin: String,
    /// The log's public key.
    pub log_key: [u8; 32],
    /// The facts of [`crate::LedgerPolicy::facts`], in the order of their names.
    pub facts: Vec<(String, String)>,
    /// Leaves.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
    /// The checkpoint that covers them, as a signed note.
    pub checkpoint: String,
}

impl Founded {
    /// A ledger without entries, under its policy. `checkpoint` is the signed note of the empty tree. It is empty in
    /// a copy, because the log need not have signed one.
    pub fn empty(log_key: [u8; 32], policy: &LedgerPolicy, checkpoint: String) -> Self {
        let facts = policy.facts().into_iter();
        let mut facts: Vec<(String, String)> = facts
            .map(|(fact, value)| (fact.to_owned(), value))
            .collect();
        facts.sort_unstable();
        Self {
            origin: policy.origin.to_string(),
            log_key,
            facts,
            size: 0,
            root: empty_root(),
            checkpoint,
        }
    }

    /// The founding facts that differ from a policy.
    pub fn differences(&self, policy: &LedgerPolicy) -> Vec<FactDiffers> {
        let facts = self.facts.iter();
        policy.differences(facts.map(|(fact, value)| (fact.as_str(), value.as_str())))
    }
}

/// A leaf to append.
#[derive(Debug, Clone, Copy)]
pub struct StoredLeaf<'l> {
    /// Its index: the number of leaves before.
    pub index: u64,
    /// The entry's id.
    pub id: EntryId,
    /// The leaf's bytes.
    pub bytes: &'l [u8],
    /// Values that must be new. The entry's id is among them; it is new if the leaf is.
    pub uniques: &'l [Unique],
    /// Blobs that the entry names. One that is stored already is stored once.
    pub blobs: &'l [Blob],
}

impl<'l> StoredLeaf<'l> {
    /// From an entry that the rules accepted.
    pub fn of(effects: &'l Effects) -> Self {
        Self {
            index: effects.index(),
            id: effects.id(),
            bytes: effects.leaf(),
            uniques: effects.uniques(),
            blobs: effects.blobs(),
        }
    }
}

/// What a group commits besides its leaves and its earlier writes ([`StorageGroup::put`]).
#[derive(Debug, Clone)]
pub struct Commit {
    /// The head after it.
    pub head: Head,
    /// Tree nodes that its leaves completed.
    pub nodes: Vec<(Node, Hash)>,
    /// Every row that it changed, once, in the form after the group.
    pub rows: Vec<RowChange>,
}

/// Reads the committed data of a ledger's store.
pub trait StorageReader: Send + Sync {
    /// The error.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The head of the newest committed group. `None` before the first, and if the stored state is
    /// of another version.
    fn head(&self) -> impl Future<Output = Result<Option<Head>, Self::Error>> + Send;

    /// The values of committed rows, in the order of the keys; `None` for each row that does not
    /// exist.
    fn get(
        &self,
        keys: &[RowKey],
    ) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, Self::Error>> + Send;

    /// The first `limit` rows of a table from a key on, in the order of keys.
    fn range(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
    ) -> impl Future<Output = Result<Vec<KeyValue>, Self::Error>> + Send;

    /// The leaf that used up a value, if one did.
    fn used(
        &self,
        set: UniqueSet,
        value: &[u8; 32],
    ) -> impl Future<Output = Result<Option<u64>, Self::Error>> + Send;

    /// Index of an entry's leaf.
    fn find(&self, id: &EntryId) -> impl Future<Output = Result<Option<u64>, Self::Error>> + Send;

    /// The first `limit` entries from an id on, in the order of ids, with the indices of their leaves.
    fn ids_from(
        &self,
        from: &EntryId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(EntryId, u64)>, Self::Error>> + Send;

    /// Leaves from `from` on, before `until`, until they hold `bytes` or more: at least one, if there is
    /// one.
    fn leaves(
        &self,
        from: u64,
        until: u64,
        bytes: usize,
    ) -> impl Future<Output = Result<Vec<Vec<u8>>, Self::Error>> + Send;

    /// Hashes of complete subtrees. Hashes that are not stored are missing from the answer.
    fn nodes(
        &self,
        wanted: &[Node],
    ) -> impl Future<Output = Result<HashMap<Node, Hash>, Self::Error>> + Send;

    /// The error in words, and whether the store can be used after it.
    fn explain(error: Self::Error) -> StoreFailure;

    /// The log that it holds; `None` before it is founded.
    fn founded(&self) -> impl Future<Output = Result<Option<Founded>, Self::Error>> + Send;

    /// The number of stored leaves, and the greatest index. In a store that lost no leaf, the number is one more than
    /// the index.
    fn leaf_count(&self) -> impl Future<Output = Result<(u64, Option<u64>), Self::Error>> + Send;

    /// The layout of the stored state ([`STATE_VERSION`]); `None` if no state is stored.
    fn state_version(&self) -> impl Future<Output = Result<Option<i64>, Self::Error>> + Send;

    /// The leaf of an entry, with its index.
    fn entry(
        &self,
        id: &EntryId,
    ) -> impl Future<Output = Result<Option<(u64, Vec<u8>)>, Self::Error>> + Send;

    /// The indices of those of these entries that have a leaf. It is [`StorageReader::find`] for each, with as few
    /// queries as for one.
    fn find_all(
        &self,
        ids: &[EntryId],
    ) -> impl Future<Output = Result<HashMap<EntryId, u64>, Self::Error>> + Send;

    /// Which of these values are used up. It is [`StorageReader::used`] for each, with as few queries as for one.
    fn used_all(
        &self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> impl Future<Output = Result<HashSet<(UniqueSet, [u8; 32])>, Self::Error>> + Send;

    /// The stored bytes of a blob that a committed leaf names.
    fn blob(
        &self,
        digest: &BlobDigest,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;

    /// Closes the store for reading.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// A ledger's store, for its one writer.
pub trait Storage: StorageReader {
    /// A transaction of appends.
    type Group<'s>: StorageGroup<Error = Self::Error> + Send
    where
        Self: 's;

    /// Stores the log's name, key and founding parameters, with the checkpoint of the empty tree. Call it only once.
    fn found(&mut self, founded: &Founded) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Replaces the stored state by another one of the same `size` leaves.
    fn replace_state(
        &mut self,
        size: u64,
        rows: &[RowChange],
        digest: &StateDigest,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Closes the store.
    fn end(self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Begins a group. There can be only one at a time.
    fn begin(&mut self) -> impl Future<Output = Result<Self::Group<'_>, Self::Error>> + Send;
}

/// One transaction of appends.
pub trait StorageGroup {
    /// The error.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The error in words, and whether the store can be used after it.
    fn explain(error: Self::Error) -> StoreFailure;

    /// The values of rows before the group, or as the group wrote them ([`StorageGroup::put`]).
    fn get(
        &mut self,
        keys: &[RowKey],
    ) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, Self::Error>> + Send;

    /// Index of an entry's leaf, including leaves of this group.
    fn find(
        &mut self,
        id: &EntryId,
    ) -> impl Future<Output = Result<Option<u64>, Self::Error>> + Send;

    /// Appends a leaf with the values that it uses up and the blobs that it names. A taken value is an answer, not an
    /// error; the leaf then has no effect on the group.
    fn append(
        &mut self,
        leaf: StoredLeaf<'_>,
    ) -> impl Future<Output = Result<Result<(), Conflict>, Self::Error>> + Send;

    /// The indices of those of these entries that have a leaf. It is [`StorageGroup::find`] for
    /// each, with as few queries as for one.
    fn find_all(
        &mut self,
        ids: &[EntryId],
    ) -> impl Future<Output = Result<HashMap<EntryId, u64>, Self::Error>> + Send;

    /// Which of these values are used up, also by a leaf of this group. It is [`StorageReader::used`] for each, with
    /// as few queries as for one.
    fn used_all(
        &mut self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> impl Future<Output = Result<HashSet<(UniqueSet, [u8; 32])>, Self::Error>> + Send;

    /// Appends leaves together or not at all. If a value is taken, the answer is the position of
    /// the first leaf that uses it again, and the group must then be dropped.
    fn append_all(
        &mut self,
        leaves: &[StoredLeaf<'_>],
    ) -> impl Future<Output = Result<Result<(), (usize, Conflict)>, Self::Error>> + Send;

    /// Writes tree nodes and changed rows before the group's end, so that a long group need not
    /// keep them in memory.
    fn put(
        &mut self,
        nodes: Vec<(Node, Hash)>,
        rows: Vec<RowChange>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Makes the group durable.
    fn commit(self, commit: Commit) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
