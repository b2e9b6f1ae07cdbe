//! Reading the stored log, beside the writer. A reader never waits for it.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use futures::future::BoxFuture;
use merits_ledger::{
    BlobDigest, UniqueSet,
    rows::{KeyValue, RowKey, Table, View},
    storage::{StorageReader, StoreFailure},
    tree::Node,
};
use merits_primitives::ids::EntryId;
use merits_proto::limits::PAGE_BYTES;
use merits_verifier::log::Hash;

/// A leaf and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredLeaf {
    pub(crate) index: u64,
    pub(crate) leaf: Vec<u8>,
}

/// The stored leaves and rows, in any store. Clones share the store.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    reader: Arc<dyn Reader>,
}

/// [`StorageReader`] as an object, so that services do not depend on the kind of store.
trait Reader: fmt::Debug + Send + Sync {
    fn entry<'a>(&'a self, id: &'a EntryId) -> Answer<'a, Option<(u64, Vec<u8>)>>;
    fn find_all<'a>(&'a self, ids: &'a [EntryId]) -> Answer<'a, HashMap<EntryId, u64>>;
    fn leaf_count(&self) -> Answer<'_, (u64, Option<u64>)>;
    fn leaves(&self, from: u64, until: u64) -> Answer<'_, Vec<Vec<u8>>>;
    fn nodes<'a>(&'a self, wanted: &'a [Node]) -> Answer<'a, HashMap<Node, Hash>>;
    fn get<'a>(&'a self, keys: &'a [RowKey]) -> Answer<'a, Vec<Option<Vec<u8>>>>;
    fn range<'a>(&'a self, table: Table, from: &'a [u8], limit: usize)
    -> Answer<'a, Vec<KeyValue>>;
    fn used_all<'a>(&'a self, values: &'a [Value]) -> Answer<'a, HashSet<Value>>;
    fn blob<'a>(&'a self, digest: &'a BlobDigest) -> Answer<'a, Option<Vec<u8>>>;
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// The answer to a read.
type Answer<'a, T> = BoxFuture<'a, Result<T, StoreFailure>>;

/// A value that may occur only once in the log.
type Value = (UniqueSet, [u8; 32]);

impl<R: StorageReader + fmt::Debug> Reader for R {
    fn entry<'a>(&'a self, id: &'a EntryId) -> Answer<'a, Option<(u64, Vec<u8>)>> {
        Box::pin(async move { StorageReader::entry(self, id).await.map_err(R::explain) })
    }

    fn find_all<'a>(&'a self, ids: &'a [EntryId]) -> Answer<'a, HashMap<EntryId, u64>> {
        Box::pin(async move { StorageReader::find_all(self, ids).await.map_err(R::explain) })
    }

    fn leaf_count(&self) -> Answer<'_, (u64, Option<u64>)> {
        Box::pin(async move { StorageReader::leaf_count(self).await.map_err(R::explain) })
    }

    fn leaves(&self, from: u64, until: u64) -> Answer<'_, Vec<Vec<u8>>> {
        Box::pin(async move {
            let leaves = StorageReader::leaves(self, from, until, PAGE_BYTES).await;
            leaves.map_err(R::explain)
        })
    }

    fn nodes<'a>(&'a self, wanted: &'a [Node]) -> Answer<'a, HashMap<Node, Hash>> {
        Box::pin(async move { StorageReader::nodes(self, wanted).await.map_err(R::explain) })
    }

    fn get<'a>(&'a self, keys: &'a [RowKey]) -> Answer<'a, Vec<Option<Vec<u8>>>> {
        Box::pin(async move { StorageReader::get(self, keys).await.map_err(R::explain) })
    }

    fn range<'a>(
        &'a self,
        table: Table,
        from: &'a [u8],
        limit: usize,
    ) -> Answer<'a, Vec<KeyValue>> {
        Box::pin(async move {
            let rows = StorageReader::range(self, table, from, limit).await;
            rows.map_err(R::explain)
        })
    }

    fn used_all<'a>(&'a self, values: &'a [Value]) -> Answer<'a, HashSet<Value>> {
        Box::pin(async move {
            let used = StorageReader::used_all(self, values).await;
            used.map_err(R::explain)
        })
    }

    fn blob<'a>(&'a self, digest: &'a BlobDigest) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move { StorageReader::blob(self, digest).await.map_err(R::explain) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(StorageReader::close(self))
    }
}

impl Archive {
    pub(crate) fn new(reader: impl StorageReader + fmt::Debug + 'static) -> Self {
        let reader = Arc::new(reader);
        Self { reader }
    }

    /// The leaf of an entry, if it is in the log.
    pub(crate) async fn find(&self, id: &EntryId) -> Result<Option<StoredLeaf>, StoreFailure> {
        let found = self.reader.entry(id).await?;
        Ok(found.map(|(index, leaf)| StoredLeaf { index, leaf }))
    }

    /// The indices of those of these entries that are in the log.
    pub(crate) async fn find_all(
        &self,
        ids: &[EntryId],
    ) -> Result<HashMap<EntryId, u64>, StoreFailure> {
        self.reader.find_all(ids).await
    }

    /// The number of stored leaves, and the greatest index. This takes longer in a longer log.
    pub(crate) async fn leaf_count(&self) -> Result<(u64, Option<u64>), StoreFailure> {
        self.reader.leaf_count().await
    }

    /// Leaves from `from` on, before `until`: as many as a page holds, and at least one if one
    /// exists.
    pub(crate) async fn page(&self, from: u64, until: u64) -> Result<Vec<Vec<u8>>, StoreFailure> {
        self.reader.leaves(from, until).await
    }

    /// Hashes of complete subtrees. Hashes that are not stored are missing from the answer.
    pub(crate) async fn nodes(&self, wanted: &[Node]) -> Result<HashMap<Node, Hash>, StoreFailure> {
        self.reader.nodes(wanted).await
    }

    /// The first `limit` rows of a table from a key on.
    pub(crate) async fn range(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<KeyValue>, StoreFailure> {
        self.reader.range(table, from, limit).await
    }

    /// Adds rows of the state to a view.
    pub(crate) async fn learn(
        &self,
        view: &mut View,
        wanted: Vec<RowKey>,
    ) -> Result<(), StoreFailure> {
        if !wanted.is_empty() {
            let values = self.reader.get(&wanted).await?;
            view.learn(wanted.into_iter().zip(values));
        }
        Ok(())
    }

    /// Which of these values are used up.
    pub(crate) async fn used_all(
        &self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> Result<HashSet<(UniqueSet, [u8; 32])>, StoreFailure> {
        self.reader.used_all(values).await
    }

    /// The bytes of a blob, as they were stored.
    pub(crate) async fn blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>, StoreFailure> {
        self.reader.blob(digest).await
    }

    /// Ends reading.
    pub(crate) async fn close(&self) {
        self.reader.close().await;
    }
}
