//! One transaction of appends to a copy.

use std::collections::{HashMap, HashSet};
#[cfg(feature = "sqlite")]
use std::path::{Path, PathBuf};

use merits_ledger::{
    Conflict, UniqueSet,
    rows::{RowChange, RowKey},
    storage::{Commit, MemoryGroup, Outlook, StorageGroup, StoreFailure, StoredLeaf},
    tree::Node,
};
use merits_primitives::ids::EntryId;
use merits_verifier::log::Hash;

use super::ArchiveError;

/// A transaction of the place where the copy is.
#[derive(Debug)]
pub(crate) enum Group {
    /// A group over this database; errors name its path.
    #[cfg(feature = "sqlite")]
    File {
        group: merits_ledger_sqlite::Group<'static>,
        path: PathBuf,
    },
    Memory(MemoryGroup),
}

/// Calls a method of the group, and answers in the copy's errors.
macro_rules! ask {
    ($group:expr, $method:ident($($argument:expr),*)) => {
        match $group {
            #[cfg(feature = "sqlite")]
            Self::File { group, path } => {
                let answer = group.$method($($argument),*).await;
                answer.map_err(failed(&path))
            }
            Self::Memory(group) => {
                let answer = group.$method($($argument),*).await;
                answer.map_err(|never| match never {})
            }
        }
    };
}

impl StorageGroup for Group {
    type Error = ArchiveError;

    /// A copy is read again when it is opened.
    fn explain(error: ArchiveError) -> StoreFailure {
        StoreFailure::new(error, Outlook::Restart)
    }

    async fn get(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, ArchiveError> {
        ask!(self, get(keys))
    }

    async fn find(&mut self, id: &EntryId) -> Result<Option<u64>, ArchiveError> {
        ask!(self, find(id))
    }

    async fn append(&mut self, leaf: StoredLeaf<'_>) -> Result<Result<(), Conflict>, ArchiveError> {
        ask!(self, append(leaf))
    }

    async fn find_all(&mut self, ids: &[EntryId]) -> Result<HashMap<EntryId, u64>, ArchiveError> {
        ask!(self, find_all(ids))
    }

    async fn used_all(
        &mut self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> Result<HashSet<(UniqueSet, [u8; 32])>, ArchiveError> {
        ask!(self, used_all(values))
    }

    async fn append_all(
        &mut self,
        leaves: &[StoredLeaf<'_>],
    ) -> Result<Result<(), (usize, Conflict)>, ArchiveError> {
        ask!(self, append_all(leaves))
    }

    async fn put(
        &mut self,
        nodes: Vec<(Node, Hash)>,
        rows: Vec<RowChange>,
    ) -> Result<(), ArchiveError> {
        ask!(self, put(nodes, rows))
    }

    async fn commit(self, commit: Commit) -> Result<(), ArchiveError> {
        ask!(self, commit(commit))
    }
}

#[cfg(feature = "sqlite")]
fn failed(path: &Path) -> impl Fn(sqlx::Error) -> ArchiveError + use<> {
    let path = path.to_owned();
    move |source| ArchiveError::database(&path, source)
}
