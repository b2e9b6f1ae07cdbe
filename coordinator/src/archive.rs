//! Reading the stored log, over read-only connections that never wait for the writer.

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    BlobDigest, UniqueSet,
    rows::{RowKey, View},
    tree::Node,
};
use merits_ledger_sqlite::Reader;
use merits_primitives::ids::EntryId;
use merits_proto::limits::PAGE_BYTES;
use merits_verifier::log::Hash;

/// A leaf and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredLeaf {
    pub(crate) index: u64,
    pub(crate) leaf: Vec<u8>,
}

/// The stored leaves and rows.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    readers: Reader,
}

impl Archive {
    pub(crate) fn new(readers: Reader) -> Self {
        Self { readers }
    }

    /// The leaf of an entry, if it is in the log.
    pub(crate) async fn find(&self, id: &EntryId) -> sqlx::Result<Option<StoredLeaf>> {
        let found = self.readers.entry(id).await?;
        Ok(found.map(|(index, leaf)| StoredLeaf { index, leaf }))
    }

    /// Leaves from `from` on, before `until`: as many as a page holds, and at least one if one
    /// exists.
    pub(crate) async fn page(&self, from: u64, until: u64) -> sqlx::Result<Vec<Vec<u8>>> {
        self.readers.leaves(from, until, PAGE_BYTES).await
    }

    /// Hashes of complete subtrees. Hashes that are not stored are missing from the answer.
    pub(crate) async fn nodes(&self, wanted: &[Node]) -> sqlx::Result<HashMap<Node, Hash>> {
        self.readers.nodes(wanted).await
    }

    /// Rows of the state, as a view that knows only these rows.
    pub(crate) async fn view(&self, wanted: Vec<RowKey>) -> sqlx::Result<View> {
        let mut view = View::new();
        if !wanted.is_empty() {
            let values = self.readers.get(&wanted).await?;
            view.learn(wanted.into_iter().zip(values));
        }
        Ok(view)
    }

    /// Which of these values are used up.
    pub(crate) async fn used_all(
        &self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> sqlx::Result<HashSet<(UniqueSet, [u8; 32])>> {
        self.readers.used_all(values).await
    }

    /// The bytes of a blob, as they were stored.
    pub(crate) async fn blob(&self, digest: &BlobDigest) -> sqlx::Result<Option<Vec<u8>>> {
        self.readers.blob(digest).await
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
    }
}
