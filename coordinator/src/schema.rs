//! The SQLite database: opening it, its schema, and the check that it is ours and of a version
//! that this program reads.
//!
//! `docs/src/data-model.md` tells the life of each row.

use std::{path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::error::StartError;

/// Written to `PRAGMA application_id`: "MERT".
const APPLICATION_ID: i64 = 0x4d45_5254;

/// Written to `PRAGMA user_version`. Raise it with every change of the schema, and write the
/// migration.
pub const SCHEMA_VERSION: i64 = 1;

/// Each fact that must be unique stands under a PRIMARY KEY or UNIQUE constraint, because
/// constraints are what holds when a check in code is wrong.
const SCHEMA: &str = "
CREATE TABLE log (
    -- The one row that says whose log this is, and its newest checkpoint.
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    origin      TEXT    NOT NULL,
    log_key     BLOB    NOT NULL CHECK (length(log_key) = 32),
    size        INTEGER NOT NULL,
    root        BLOB    NOT NULL CHECK (length(root) = 32),
    checkpoint  TEXT    NOT NULL
) STRICT;

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

/// Opens the database for the one writer, and makes it if there is none.
///
/// # Errors
/// [`StartError::ForeignDatabase`] and [`StartError::SchemaVersion`] before anything is changed.
pub(crate) async fn open_writer(path: &Path) -> Result<SqliteConnection, StartError> {
    let mut db = options(path).create_if_missing(true).connect().await?;
    check_version(&mut db, path).await?;
    Ok(db)
}

/// Opens `connections` read-only connections to a database that [`open_writer`] has checked.
pub(crate) async fn open_readers(path: &Path, connections: u32) -> Result<SqlitePool, StartError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options(path).read_only(true))
        .await?;
    Ok(pool)
}

/// Opens an existing database to look at it only.
///
/// # Errors
/// As [`open_writer`]; also when there is no database, or one without a schema.
pub(crate) async fn open_to_inspect(path: &Path) -> Result<SqliteConnection, StartError> {
    let mut db = options(path).read_only(true).connect().await?;
    match versions(&mut db).await? {
        (APPLICATION_ID, SCHEMA_VERSION) => Ok(db),
        (APPLICATION_ID, found) => Err(schema_version(path, found)),
        _ => Err(StartError::ForeignDatabase {
            path: path.to_owned(),
        }),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // In WAL mode only FULL syncs the log at each commit, and a receipt promises that the
        // entry survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .pragma("cell_size_check", "ON")
}

async fn check_version(db: &mut SqliteConnection, path: &Path) -> Result<(), StartError> {
    match versions(db).await? {
        (APPLICATION_ID, SCHEMA_VERSION) => Ok(()),
        (APPLICATION_ID, found) => Err(schema_version(path, found)),
        (0, 0) if is_empty(db).await? => create(db).await,
        _ => Err(StartError::ForeignDatabase {
            path: path.to_owned(),
        }),
    }
}

fn schema_version(path: &Path, found: i64) -> StartError {
    StartError::SchemaVersion {
        path: path.to_owned(),
        found,
        known: SCHEMA_VERSION,
    }
}

async fn versions(db: &mut SqliteConnection) -> Result<(i64, i64), StartError> {
    let application = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *db)
        .await?;
    let schema = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *db)
        .await?;
    Ok((application, schema))
}

async fn is_empty(db: &mut SqliteConnection) -> Result<bool, StartError> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(db)
        .await?;
    Ok(tables == 0)
}

async fn create(db: &mut SqliteConnection) -> Result<(), StartError> {
    // One transaction, version included: a crash leaves an empty database or a whole one.
    let mut tx = db.begin().await?;
    sqlx::raw_sql(SCHEMA).execute(&mut *tx).await?;
    let versions = format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(versions))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}
