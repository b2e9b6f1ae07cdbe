//! Handling of SQLite files, shared by all stores of MERITS:
//!
//! - [`durable`]: how a store opens its file, so that a commit survives kill -9 and power loss;
//! - [`pool`]: connections that a full disk broke are not used again, so a server goes on without a
//!   restart once there is room;
//! - [`restrict`], [`keep_private`]: the files belong to their owner, and nobody else may replace
//!   them;
//! - [`prove_writable`]: a store that cannot be written is reported before anything is served from
//!   it;
//! - [`make_durable`]: data that an earlier run left in the write-ahead log is on the disk before
//!   anything is answered from it;
//! - [`StoreKind`], [`examine`], [`explain`]: what a wrong file is, and what a failure means, in
//!   terms that operators understand ([`DatabaseError`]);
//! - [`Schema`]: the owner and version of a file, checked before anything is read or changed;
//! - [`counted`]: the number of rows that a query counted;
//! - [`fold`]: at the stop, the write-ahead log goes into the file. A server whose readers close
//!   after its writer leaves everything in `-wal`, and a copy of the file alone would be an empty
//!   store;
//! - [`Staged`]: a verified copy, made while the store is in use, that appears under its name
//!   completely or not at all. Backups and restores use it.
//!
//! Out of scope: the meaning of the rows. A store checks its own copies with its own rules between
//! [`Staged::copy_of`] and [`Staged::put_in_place`].

mod access;
mod counted;
mod durability;
mod error;
mod explain;
mod failure;
mod fold;
mod kind;
mod pool;
mod room;
mod schema;
mod staged;
mod tables;
mod unwritable;
mod whose;

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

pub use access::{keep_private, require_files, restrict};
pub use counted::counted;
pub use durability::{make_durable, prove_writable};
pub use error::FileError;
pub use explain::{examine, explain};
pub use fold::fold;
pub use kind::StoreKind;
pub use pool::pool;
pub use schema::{Found, Schema};
pub use staged::{Staged, check_integrity, findings};
pub use tables::{differing_table, require_tables};

pub use failure::DatabaseError;

/// Statements that a connection keeps prepared: a ledger's lists use statements of 11 lengths.
const STATEMENTS: usize = 256;

/// How long a connection waits for another's lock.
const BUSY: Duration = Duration::from_secs(10);

/// How a store opens its file: write-ahead log, each commit synchronised. Nothing is created unless
/// the caller adds `create_if_missing`.
pub fn durable(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode only FULL syncs the log at each commit, and an answer guarantees that the
        // confirmed data survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS)
        .pragma("cell_size_check", "ON")
}

/// Options for opening a file for reading only. It leaves the journal mode alone, so it reads
/// backups (which have no write-ahead log) as well as stores in use.
pub fn inspecting(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY)
        .pragma("cell_size_check", "ON")
}

/// The target of a database's name, if it is a link.
fn real(path: &Path) -> Cow<'_, Path> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    match fs::canonicalize(path) {
        Ok(real) if is_link => real.into(),
        _ => path.into(),
    }
}

/// A file that SQLite keeps beside a database. If the name is a link, it is beside the target.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = real(path).into_owned().into_os_string();
    name.push(suffix);
    name.into()
}
