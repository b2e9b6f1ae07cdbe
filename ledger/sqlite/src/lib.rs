//! A ledger in one SQLite file: leaves, the tree's nodes, used values, and the state as rows.
//!
//! - [`TABLES`]: the schema, for the crates that define a file's owner ([`merits_sqlite::Schema`]);
//! - [`Reader`]: the committed data, over connections that never wait for the writer;
//! - [`Writer`]: groups of entries, each in one transaction; a savepoint an entry;
//! - [`Ledger`]: both, a [`merits_ledger::storage::Storage`] that passes its conformance suite;
//! - [`StateFile`]: rows for code that cannot await, over one connection that blocks its thread for
//!   a read;
//! - [`inspect`]: the raw tables, for checking a file;
//! - [`SqliteFile`]: the place of a coordinator's ledger: making, opening, copying and restoring its file.
//!
//! All SQL about the state is in this crate, so support for another database is another crate.

mod blocking;
pub mod inspect;
mod place;
mod read;
mod reader;
mod write;

pub use blocking::StateFile;
pub use place::{SqliteFile, StagedFile};
pub use read::Reader;
pub use write::{Group, Writer};

use merits_ledger::{
    rows::{RowChange, StateDigest},
    storage::{Founded, Outlook, Storage, StoreFailure},
};
use merits_sqlite::DatabaseError;

/// Each fact that must be unique has a PRIMARY KEY or UNIQUE constraint, because constraints hold
/// even when a check in code is wrong.
pub const TABLES: &str = "
CREATE TABLE log (
    -- The one row that says whose log this is, and its newest checkpoint.
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    origin      TEXT    NOT NULL,
    log_key     BLOB    NOT NULL CHECK (length(log_key) = 32),
    size        INTEGER NOT NULL,
    root        BLOB    NOT NULL CHECK (length(root) = 32),
    checkpoint  TEXT    NOT NULL
) STRICT;

CREATE TABLE founding (
    -- What the ledger was founded on: one row a fact of `LedgerPolicy`.
    fact        TEXT    PRIMARY KEY,
    value       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leaf (
    -- Position in the log, from 0, without gaps.
    idx         INTEGER PRIMARY KEY,
    entry_id    BLOB    NOT NULL UNIQUE CHECK (length(entry_id) = 32),
    leaf        BLOB    NOT NULL
) STRICT;

CREATE TABLE used (
    -- What an entry used up: record commitment, note commitment, nullifiers of claims, of notes and
    -- of daily limits (`merits-ledger`'s `UniqueSet`; entry ids are unique in `leaf`).
    kind        INTEGER NOT NULL,
    value       BLOB    NOT NULL CHECK (length(value) = 32),
    idx         INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE blob (
    -- What entries name by SHA-256 because it does not fit into them. It came with the leaf that names it.
    digest      BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    bytes       BLOB    NOT NULL CHECK (length(bytes) <= 1048576)
) STRICT;

CREATE TABLE node (
    -- Hash of the complete subtree of leaves idx * 2^level up to (idx + 1) * 2^level.
    level       INTEGER NOT NULL,
    idx         INTEGER NOT NULL,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    -- The one row that says of which leaves the rows below are the state, in which layout
    -- (`merits-ledger`'s `STATE_VERSION`), and the sum of their vectors.
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    version     INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    digest      BLOB    NOT NULL CHECK (length(digest) = 2080)
) STRICT;

CREATE TABLE row (
    -- The state: `merits-ledger`'s `rows` tells what stands in which table.
    tbl         INTEGER NOT NULL,
    key         BLOB    NOT NULL,
    value       BLOB    NOT NULL,
    PRIMARY KEY (tbl, key)
) STRICT, WITHOUT ROWID;
";

/// A ledger's file, read and written.
#[derive(Debug)]
pub struct Ledger {
    reader: Reader,
    writer: Writer,
}

impl Ledger {
    /// Makes a ledger from a reader and a writer of the same file.
    pub fn new(reader: Reader, writer: Writer) -> Self {
        Self { reader, writer }
    }
}

impl Storage for Ledger {
    type Group<'s> = Group<'s>;

    async fn found(&mut self, founded: &Founded) -> sqlx::Result<()> {
        self.writer.found(founded).await
    }

    async fn replace_state(
        &mut self,
        size: u64,
        rows: &[RowChange],
        digest: &StateDigest,
    ) -> sqlx::Result<()> {
        self.writer.replace_state(size, rows, digest).await
    }

    async fn end(self) -> sqlx::Result<()> {
        self.reader.close().await;
        self.writer.close().await
    }

    async fn begin(&mut self) -> sqlx::Result<Group<'_>> {
        self.writer.begin().await
    }
}

/// What an error says in words of somebody who runs a server, and what becomes of the file after it.
pub fn explain(error: sqlx::Error) -> StoreFailure {
    let error = DatabaseError::from(error);
    let outlook = if error.is_altered() {
        Outlook::End
    } else if error.is_lasting() {
        // A disk that lost a write may answer from memory that it has it.
        Outlook::Restart
    } else {
        Outlook::Again
    };
    StoreFailure::new(error, outlook)
}

/// SQLite's integers are signed; a log of 2^63 leaves does not exist, and asking past it finds
/// nothing.
fn signed(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// A column has a value that this program never writes, so the file is damaged.
fn corrupt(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the value of {column} is damaged").into())
}
