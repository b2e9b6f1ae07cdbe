//! The SQLite database: its schema, and opening it.
//!
//! `docs/src/data-model.md` tells the life of each row.

use std::{path::Path, time::Duration};

use merits_sqlite::{FileError, Found, Schema};
use sqlx::{ConnectOptions as _, SqliteConnection, SqlitePool, sqlite::SqlitePoolOptions};

use crate::error::StartError;

/// Written to `PRAGMA user_version`. Raise it with every change of the schema, and write the
/// migration. 2 stores the founding facts.
pub const SCHEMA_VERSION: i64 = 2;

/// Each fact that must be unique stands under a PRIMARY KEY or UNIQUE constraint, because
/// constraints are what holds when a check in code is wrong.
const TABLES: &str = "
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

CREATE INDEX used_by_leaf ON used (idx);

CREATE TABLE node (
    -- Hash of the complete subtree of leaves idx * 2^level up to (idx + 1) * 2^level.
    level       INTEGER NOT NULL,
    idx         INTEGER NOT NULL,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;
";

const SCHEMA: Schema = Schema {
    what: "coordinator's database",
    // "MERT".
    application_id: 0x4d45_5254,
    version: SCHEMA_VERSION,
    tables: TABLES,
};

/// Makes the database of a ledger that is founded now.
///
/// # Errors
/// [`StartError::Store`] for a file that holds anything, before anything is changed.
pub(crate) async fn create(path: &Path) -> Result<SqliteConnection, StartError> {
    let mut db = merits_sqlite::durable(path)
        .create_if_missing(true)
        .connect()
        .await?;
    match SCHEMA.look(&mut db, path).await? {
        Found::Empty => {}
        Found::Ours => {
            return Err(StartError::AlreadyFounded {
                database: path.to_owned(),
            });
        }
    }
    SCHEMA.create(&mut db).await?;
    Ok(db)
}

/// Opens the database for the one writer; nothing if it is of nobody, without a table.
///
/// # Errors
/// [`StartError::Store`] before anything is changed.
pub(crate) async fn open_writer(path: &Path) -> Result<Option<SqliteConnection>, StartError> {
    // A look that changes nothing comes first: opening for writing changes the journal mode.
    if open_to_inspect(path).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(merits_sqlite::durable(path).connect().await?))
}

/// Opens `connections` read-only connections to a database that [`open_writer`] has checked.
pub(crate) async fn open_readers(path: &Path, connections: u32) -> Result<SqlitePool, StartError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(merits_sqlite::durable(path).read_only(true))
        .await?;
    Ok(pool)
}

/// Opens an existing database to look at it only; nothing if it is of nobody, without a table.
///
/// # Errors
/// As [`open_writer`].
pub(crate) async fn open_to_inspect(path: &Path) -> Result<Option<SqliteConnection>, StartError> {
    let mut db = merits_sqlite::inspecting(path)
        .connect()
        .await
        .map_err(FileError::from)?;
    match SCHEMA.look(&mut db, path).await? {
        Found::Ours => Ok(Some(db)),
        Found::Empty => Ok(None),
    }
}
