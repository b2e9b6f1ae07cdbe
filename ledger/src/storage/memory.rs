//! A store in memory: for copies that are not kept, such as a page's in a browser, and for tests.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    convert::Infallible,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use merits_primitives::ids::EntryId;
use merits_verifier::log::Hash;

use super::{
    Commit, Founded, Head, STATE_VERSION, Storage, StorageGroup, StorageReader, StoreFailure,
    StoredLeaf,
};
use crate::blob::{Blob, BlobDigest};
use crate::rows::{KeyValue, MemoryRows, RowChange, RowError, RowKey, Rows, StateDigest, Table};
use crate::store::{Conflict, Unique, UniqueSet};
use crate::tree::Node;

/// The committed data.
#[derive(Debug, Default)]
struct Committed {
    founded: Option<Founded>,
    head: Option<Head>,
    rows: MemoryRows,
    leaves: Vec<Vec<u8>>,
    by_id: BTreeMap<EntryId, u64>,
    nodes: HashMap<Node, Hash>,
    blobs: HashMap<BlobDigest, Blob>,
}

/// A store in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage(Arc<RwLock<Committed>>);

impl MemoryStorage {
    /// For a ledger without entries.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Committed> {
        // A commit only inserts, and inserting does not panic.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether these are all the values that leaves used up, beside their own ids.
    pub fn has_used(&self, rows: &MemoryRows) -> bool {
        let committed = self.read();
        let values = |rows: &MemoryRows| -> BTreeMap<(UniqueSet, [u8; 32]), u64> {
            let values = rows.uniques().iter();
            let values = values.filter(|((set, _), _)| *set != UniqueSet::Entry);
            values.map(|(value, index)| (*value, *index)).collect()
        };
        values(&committed.rows) == values(rows)
    }
}

impl Rows for MemoryStorage {
    fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, RowError> {
        self.read().rows.get(keys)
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<KeyValue>, RowError> {
        self.read().rows.range(table, from, limit)
    }

    fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, RowError> {
        self.read().rows.used(set, value)
    }

    fn digest(&self) -> Result<StateDigest, RowError> {
        let committed = self.read();
        let head = committed.head.as_ref();
        Ok(head.map_or_else(StateDigest::default, |head| head.digest.clone()))
    }
}

/// A group in memory: its appends are kept separately until it is committed.
#[derive(Debug)]
pub struct MemoryGroup {
    storage: MemoryStorage,
    leaves: Vec<(EntryId, Vec<u8>)>,
    by_id: HashMap<EntryId, u64>,
    used: BTreeMap<(UniqueSet, [u8; 32]), u64>,
    nodes: Vec<(Node, Hash)>,
    rows: BTreeMap<RowKey, Option<Vec<u8>>>,
    blobs: Vec<Blob>,
}

/// The store cannot fail; rows in memory cannot either.
fn infallible<T>(result: Result<T, RowError>) -> T {
    result.expect("rows in memory are always there")
}

impl StorageReader for MemoryStorage {
    type Error = Infallible;

    async fn head(&self) -> Result<Option<Head>, Infallible> {
        Ok(self.read().head.clone())
    }

    async fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, Infallible> {
        Ok(infallible(self.read().rows.get(keys)))
    }

    async fn range(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<KeyValue>, Infallible> {
        Ok(infallible(self.read().rows.range(table, from, limit)))
    }

    async fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, Infallible> {
        Ok(infallible(self.read().rows.used(set, value)))
    }

    async fn find(&self, id: &EntryId) -> Result<Option<u64>, Infallible> {
        Ok(self.read().by_id.get(id).copied())
    }

    async fn ids_from(
        &self,
        from: &EntryId,
        limit: usize,
    ) -> Result<Vec<(EntryId, u64)>, Infallible> {
        let committed = self.read();
        let ids = committed.by_id.range(*from..).take(limit);
        Ok(ids.map(|(id, index)| (*id, *index)).collect())
    }

    async fn leaves(
        &self,
        from: u64,
        until: u64,
        bytes: usize,
    ) -> Result<Vec<Vec<u8>>, Infallible> {
        let committed = self.read();
        let end = committed.leaves.len().min(place(until));
        let mut held = 0;
        let leaves = committed.leaves.get(place(from)..end).unwrap_or_default();
        let page = leaves.iter().take_while(|leaf| {
            let before = held;
            held += leaf.len();
            before == 0 || before < bytes
        });
        Ok(page.cloned().collect())
    }

    async fn nodes(&self, wanted: &[Node]) -> Result<HashMap<Node, Hash>, Infallible> {
        let committed = self.read();
        let found = wanted
            .iter()
            .filter_map(|node| Some((*node, *committed.nodes.get(node)?)));
        Ok(found.collect())
    }

    async fn blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>, Infallible> {
        let committed = self.read();
        Ok(committed
            .blobs
            .get(digest)
            .map(|blob| blob.bytes().to_vec()))
    }

    fn explain(error: Infallible) -> StoreFailure {
        match error {}
    }

    async fn founded(&self) -> Result<Option<Founded>, Infallible> {
        let committed = self.read();
        let mut founded = committed.founded.clone();
        if let (Some(founded), Some(head)) = (&mut founded, &committed.head) {
            founded.size = head.size;
            founded.root = head.root;
            founded.checkpoint.clone_from(&head.checkpoint);
        }
        Ok(founded)
    }

    async fn leaf_count(&self) -> Result<(u64, Option<u64>), Infallible> {
        let count = self.read().leaves.len() as u64;
        Ok((count, count.checked_sub(1)))
    }

    async fn state_version(&self) -> Result<Option<i64>, Infallible> {
        Ok(Some(i64::from(STATE_VERSION)))
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<(u64, Vec<u8>)>, Infallible> {
        let committed = self.read();
        let index = committed.by_id.get(id).copied();
        Ok(index.and_then(|index| Some((index, committed.leaves.get(place(index))?.clone()))))
    }

    async fn find_all(&self, ids: &[EntryId]) -> Result<HashMap<EntryId, u64>, Infallible> {
        let committed = self.read();
        let found = ids
            .iter()
            .filter_map(|id| Some((*id, *committed.by_id.get(id)?)));
        Ok(found.collect())
    }

    async fn used_all(
        &self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> Result<HashSet<(UniqueSet, [u8; 32])>, Infallible> {
        let committed = self.read();
        let used = committed.rows.uniques();
        let values = values.iter().copied();
        Ok(values.filter(|value| used.contains_key(value)).collect())
    }

    async fn close(&self) {}
}

impl Storage for MemoryStorage {
    type Group<'s> = MemoryGroup;

    async fn found(&mut self, founded: &Founded) -> Result<(), Infallible> {
        let mut committed = self.0.write().unwrap_or_else(PoisonError::into_inner);
        committed.founded = Some(founded.clone());
        Ok(())
    }

    async fn replace_state(
        &mut self,
        _: u64,
        rows: &[RowChange],
        digest: &StateDigest,
    ) -> Result<(), Infallible> {
        let mut committed = self.0.write().unwrap_or_else(PoisonError::into_inner);
        committed.rows.replace(rows);
        if let Some(head) = &mut committed.head {
            head.digest = digest.clone();
        }
        Ok(())
    }

    async fn end(self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn begin(&mut self) -> Result<MemoryGroup, Infallible> {
        Ok(MemoryGroup {
            storage: self.clone(),
            leaves: Vec::new(),
            by_id: HashMap::new(),
            used: BTreeMap::new(),
            nodes: Vec::new(),
            rows: BTreeMap::new(),
            blobs: Vec::new(),
        })
    }
}

impl StorageGroup for MemoryGroup {
    type Error = Infallible;

    fn explain(error: Infallible) -> StoreFailure {
        match error {}
    }

    async fn get(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, Infallible> {
        let stored = StorageReader::get(&self.storage, keys).await?;
        let put = keys.iter().map(|key| self.rows.get(key).cloned());
        Ok(put
            .zip(stored)
            .map(|(put, stored)| put.unwrap_or(stored))
            .collect())
    }

    async fn find(&mut self, id: &EntryId) -> Result<Option<u64>, Infallible> {
        match self.by_id.get(id) {
            Some(index) => Ok(Some(*index)),
            None => self.storage.find(id).await,
        }
    }

    async fn append(&mut self, leaf: StoredLeaf<'_>) -> Result<Result<(), Conflict>, Infallible> {
        let entry = Unique {
            set: UniqueSet::Entry,
            value: leaf.id.0,
            claim: None,
        };
        if self.find(&leaf.id).await?.is_some() {
            return Ok(Err(Conflict(entry)));
        }
        let here = |unique: &&Unique| self.used.contains_key(&(unique.set, unique.value));
        let taken = self.storage.read().rows.taken(leaf.uniques);
        if let Some(unique) = taken.or(leaf.uniques.iter().find(here).copied()) {
            return Ok(Err(Conflict(unique)));
        }
        let used = leaf.uniques.iter();
        self.used
            .extend(used.map(|unique| ((unique.set, unique.value), leaf.index)));
        self.by_id.insert(leaf.id, leaf.index);
        self.leaves.push((leaf.id, leaf.bytes.to_vec()));
        self.blobs.extend_from_slice(leaf.blobs);
        Ok(Ok(()))
    }

    async fn find_all(&mut self, ids: &[EntryId]) -> Result<HashMap<EntryId, u64>, Infallible> {
        let mut found = HashMap::new();
        for id in ids {
            found.extend(self.find(id).await?.map(|index| (*id, index)));
        }
        Ok(found)
    }

    async fn used_all(
        &mut self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> Result<HashSet<(UniqueSet, [u8; 32])>, Infallible> {
        let mut found = HashSet::new();
        for (set, value) in values {
            if self.used.contains_key(&(*set, *value))
                || StorageReader::used(&self.storage, *set, value)
                    .await?
                    .is_some()
            {
                found.insert((*set, *value));
            }
        }
        Ok(found)
    }

    async fn append_all(
        &mut self,
        leaves: &[StoredLeaf<'_>],
    ) -> Result<Result<(), (usize, Conflict)>, Infallible> {
        for (position, leaf) in leaves.iter().enumerate() {
            if let Err(conflict) = self.append(*leaf).await? {
                return Ok(Err((position, conflict)));
            }
        }
        Ok(Ok(()))
    }

    async fn put(
        &mut self,
        nodes: Vec<(Node, Hash)>,
        rows: Vec<RowChange>,
    ) -> Result<(), Infallible> {
        self.nodes.extend(nodes);
        self.rows.extend(rows);
        Ok(())
    }

    async fn commit(mut self, commit: Commit) -> Result<(), Infallible> {
        let mut committed = self
            .storage
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Commit { head, nodes, rows } = commit;
        self.rows.extend(rows);
        let rows: Vec<RowChange> = self.rows.into_iter().collect();
        committed.rows.apply(head.size, &rows, &[]);
        committed.nodes.extend(self.nodes);
        for ((set, value), index) in self.used {
            let unique = Unique {
                set,
                value,
                claim: None,
            };
            committed.rows.apply(index, &[], &[unique]);
        }
        for (id, leaf) in self.leaves {
            let index = committed.leaves.len() as u64;
            committed.by_id.insert(id, index);
            committed.leaves.push(leaf);
        }
        let blobs = self.blobs.into_iter();
        committed
            .blobs
            .extend(blobs.map(|blob| (blob.digest(), blob)));
        committed.nodes.extend(nodes);
        committed.head = Some(head);
        Ok(())
    }
}

fn place(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
