//! Rows for code that cannot await: a party's rules, which are pure and read a few rows.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use merits_ledger::{
    BlobDigest, UniqueSet,
    rows::{KeyValue, RowError, RowKey, Rows, StateDigest, Table},
    storage::{Head, wait},
    tree::Node,
};
use merits_primitives::ids::EntryId;
use merits_verifier::log::Hash;
use sqlx::SqliteConnection;

use crate::read;

/// Rows over one read-only connection. A read blocks its thread for some tens of microseconds, as a read
/// of a file does; SQLite itself runs on a thread of its own.
pub struct StateFile(Mutex<SqliteConnection>);

impl fmt::Debug for StateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateFile(..)")
    }
}

impl StateFile {
    /// Over a connection.
    pub fn new(db: SqliteConnection) -> Self {
        Self(Mutex::new(db))
    }

    /// The head of the newest group, as [`crate::Reader::head`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn head(&self) -> sqlx::Result<Option<Head>> {
        wait(read::head(&mut self.connection()))
    }

    /// Index of an entry's leaf.
    ///
    /// # Errors
    /// SQLite's.
    pub fn find(&self, id: &EntryId) -> sqlx::Result<Option<u64>> {
        wait(read::find(&mut self.connection(), id))
    }

    /// The first `limit` entries from an id on, as [`crate::Reader::ids_from`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn ids_from(&self, from: &EntryId, limit: usize) -> sqlx::Result<Vec<(EntryId, u64)>> {
        wait(read::ids_from(&mut self.connection(), from, limit))
    }

    /// Leaves from `from` on, as [`crate::Reader::leaves`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn leaves(&self, from: u64, until: u64, bytes: usize) -> sqlx::Result<Vec<Vec<u8>>> {
        wait(read::leaves(&mut self.connection(), from, until, bytes))
    }

    /// The bytes of a blob, as they were stored.
    ///
    /// # Errors
    /// SQLite's.
    pub fn blob(&self, digest: &BlobDigest) -> sqlx::Result<Option<Vec<u8>>> {
        wait(read::blob(&mut self.connection(), digest))
    }

    /// Hashes of complete subtrees. What is not stored is missing from the answer.
    ///
    /// # Errors
    /// SQLite's.
    pub fn nodes(&self, wanted: &[Node]) -> sqlx::Result<HashMap<Node, Hash>> {
        wait(read::nodes(&mut self.connection(), wanted))
    }

    /// The connection, for other reads of the same file.
    pub fn connection(&self) -> MutexGuard<'_, SqliteConnection> {
        // A read that panicked left the connection unchanged: it is not inside a transaction.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows for StateFile {
    fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, RowError> {
        wait(read::get(&mut self.connection(), keys)).map_err(failed)
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<KeyValue>, RowError> {
        wait(read::range(&mut self.connection(), table, from, limit)).map_err(failed)
    }

    fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, RowError> {
        wait(read::used(&mut self.connection(), set, value)).map_err(failed)
    }

    fn digest(&self) -> Result<StateDigest, RowError> {
        let head = wait(read::head(&mut self.connection())).map_err(failed)?;
        Ok(head.map_or_else(StateDigest::default, |head| head.digest))
    }
}

fn failed(error: sqlx::Error) -> RowError {
    RowError::Store(merits_sqlite::DatabaseError::from(error).to_string())
}
