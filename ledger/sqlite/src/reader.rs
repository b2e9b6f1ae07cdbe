//! [`Reader`] and [`Ledger`] as a [`StorageReader`], and what a reader says about the whole log.

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    BlobDigest, UniqueSet,
    rows::{KeyValue, RowKey, Table},
    storage::{Founded, Head, StorageReader, StoreFailure},
    tree::Node,
};
use merits_primitives::ids::EntryId;
use merits_verifier::log::Hash;
use sqlx::Connection as _;

use crate::{Ledger, corrupt, inspect, read::Reader};

impl Reader {
    /// Whose log it is; nothing before it is founded.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn founded(&self) -> sqlx::Result<Option<Founded>> {
        let mut db = self.pool.acquire().await?;
        // One moment of the file: a group may be committed between two looks.
        let mut snapshot = db.begin().await?;
        let row = inspect::log_row(&mut *snapshot).await?;
        let facts = inspect::facts(&mut *snapshot).await?;
        snapshot.rollback().await?;
        row.map(|row| {
            Ok(Founded {
                origin: row.origin,
                log_key: <[u8; 32]>::try_from(row.log_key).map_err(|_| corrupt("log.log_key"))?,
                facts,
                size: row.size,
                root: Hash::try_from(row.root).map_err(|_| corrupt("log.root"))?,
                checkpoint: row.checkpoint,
            })
        })
        .transpose()
    }

    /// Number of leaves, and the greatest index of one.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn leaf_count(&self) -> sqlx::Result<(u64, Option<u64>)> {
        inspect::leaf_count(&self.pool).await
    }

    /// The layout of the stored state; `None` if no state is stored.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn state_version(&self) -> sqlx::Result<Option<i64>> {
        let row = inspect::state_row(&self.pool).await?;
        Ok(row.map(|row| row.version))
    }
}

/// What answers by a [`Reader`].
trait Answers {
    fn reader(&self) -> &Reader;
}

impl Answers for Reader {
    fn reader(&self) -> &Reader {
        self
    }
}

impl Answers for Ledger {
    fn reader(&self) -> &Reader {
        &self.reader
    }
}

/// Implements [`StorageReader`] by the inherent methods of a [`Reader`], which have the same names.
macro_rules! storage_reader {
    ($type:ty) => {
        storage_reader! {
            $type:
            head() -> Option<Head>;
            get(keys: &[RowKey]) -> Vec<Option<Vec<u8>>>;
            range(table: Table, from: &[u8], limit: usize) -> Vec<KeyValue>;
            used(set: UniqueSet, value: &[u8; 32]) -> Option<u64>;
            find(id: &EntryId) -> Option<u64>;
            ids_from(from: &EntryId, limit: usize) -> Vec<(EntryId, u64)>;
            leaves(from: u64, until: u64, bytes: usize) -> Vec<Vec<u8>>;
            nodes(wanted: &[Node]) -> HashMap<Node, Hash>;
            founded() -> Option<Founded>;
            leaf_count() -> (u64, Option<u64>);
            state_version() -> Option<i64>;
            entry(id: &EntryId) -> Option<(u64, Vec<u8>)>;
            find_all(ids: &[EntryId]) -> HashMap<EntryId, u64>;
            used_all(values: &[(UniqueSet, [u8; 32])]) -> HashSet<(UniqueSet, [u8; 32])>;
            blob(digest: &BlobDigest) -> Option<Vec<u8>>;
        }
    };
    ($type:ty: $($method:ident($($name:ident: $of:ty),*) -> $answer:ty;)*) => {
        impl StorageReader for $type {
            type Error = sqlx::Error;

            fn explain(error: sqlx::Error) -> StoreFailure {
                crate::explain(error)
            }

            $(
                async fn $method(&self, $($name: $of),*) -> sqlx::Result<$answer> {
                    Reader::$method(self.reader(), $($name),*).await
                }
            )*

            async fn close(&self) {
                Reader::close(self.reader()).await;
            }
        }
    };
}

storage_reader!(Reader);
storage_reader!(Ledger);
