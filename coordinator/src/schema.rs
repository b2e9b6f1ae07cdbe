//! The SQLite database: its schema, and opening it.
//!
//! `docs/src/data-model.md` tells the life of each row.

use std::{path::Path, time::Duration};

use merits_ledger_sqlite::Reader;
use merits_sqlite::{Found, Schema};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqlitePoolOptions};

use crate::error::StartError;

/// Written to `PRAGMA user_version`. Raise it with every change of the schema, and write the
/// migration. 2 stores the founding facts, 3 the state.
pub const SCHEMA_VERSION: i64 = 3;

const SCHEMA: Schema = Schema {
    what: "coordinator's database",
    // "MERT".
    application_id: 0x4d45_5254,
    version: SCHEMA_VERSION,
    tables: merits_ledger_sqlite::TABLES,
};

/// Makes the database of a ledger that is founded now.
///
/// # Errors
/// [`StartError::Store`] for a file that holds anything, before anything is changed.
pub(crate) async fn create(path: &Path) -> Result<SqliteConnection, StartError> {
    merits_sqlite::restrict(path)?;
    let mut db = merits_sqlite::durable(path)
        .connect()
        .await
        .map_err(|error| merits_sqlite::explain(path, error))?;
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

/// Opens the database for the one writer, and proves that it can be written; nothing if it is of nobody, without
/// a table.
///
/// # Errors
/// [`StartError::Store`] before anything is changed.
pub(crate) async fn open_writer(path: &Path) -> Result<Option<SqliteConnection>, StartError> {
    // A look that changes nothing comes first: opening for writing changes the journal mode.
    if open_to_inspect(path).await?.is_none() {
        return Ok(None);
    }
    merits_sqlite::keep_private(path)?;
    let mut db = merits_sqlite::durable(path)
        .connect()
        .await
        .map_err(|error| merits_sqlite::explain(path, error))?;
    merits_sqlite::prove_writable(&mut db, path).await?;
    Ok(Some(db))
}

/// Makes sure that entries can be kept, before anything is served: a coordinator that cannot write would
/// refuse the first of them.
///
/// # Errors
/// [`StartError::Store`].
pub(crate) async fn require_writable(path: &Path) -> Result<(), StartError> {
    if let Some(db) = open_writer(path).await? {
        db.close()
            .await
            .map_err(|error| merits_sqlite::explain(path, error))?;
    }
    Ok(())
}

/// Opens `connections` read-only connections to a database that [`open_writer`] has checked.
pub(crate) async fn open_readers(path: &Path, connections: u32) -> Result<Reader, StartError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(merits_sqlite::durable(path).read_only(true))
        .await
        .map_err(|error| merits_sqlite::explain(path, error))?;
    Ok(Reader::new(pool))
}

/// Opens an existing database to look at it only; nothing if it is of nobody, without a table.
///
/// # Errors
/// As [`open_writer`].
pub(crate) async fn open_to_inspect(path: &Path) -> Result<Option<SqliteConnection>, StartError> {
    let mut db = merits_sqlite::inspecting(path)
        .connect()
        .await
        .map_err(|error| merits_sqlite::explain(path, error))?;
    match SCHEMA.look(&mut db, path).await? {
        Found::Ours => Ok(Some(db)),
        Found::Empty => Ok(None),
    }
}
