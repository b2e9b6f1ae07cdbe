//! The SQLite database: its schema, and opening it.
//!
//! `docs/src/data-model.md` tells the life of each row.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use merits_ledger_sqlite::{Ledger, Reader, Writer};
use merits_sqlite::{Found, Schema};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqlitePoolOptions};

use crate::{error::StartError, place::Place};

/// Written to `PRAGMA user_version`. Raise it with every change of the schema, and write the
/// migration. 2 stores the founding facts, 3 the state, 4 blobs. Ledgers before 4 have another envelope, so
/// there is nothing to migrate.
pub const SCHEMA_VERSION: i64 = 4;

const SCHEMA: Schema = Schema {
    what: "coordinator's database",
    // "MERT".
    application_id: 0x4d45_5254,
    version: SCHEMA_VERSION,
    tables: merits_ledger_sqlite::TABLES,
};

/// Makes the database of a new ledger.
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

/// Opens the database for the one writer, checks that it can be written, and makes durable what an
/// earlier run left. `None` if it has no owner and no table.
///
/// # Errors
/// [`StartError::Store`] before anything is changed.
pub(crate) async fn open_writer(path: &Path) -> Result<Option<SqliteConnection>, StartError> {
    // First check it without changing anything: opening for writing changes the journal mode.
    if open_to_inspect(path).await?.is_none() {
        return Ok(None);
    }
    merits_sqlite::keep_private(path)?;
    let mut db = merits_sqlite::durable(path)
        .connect()
        .await
        .map_err(|error| merits_sqlite::explain(path, error))?;
    // Do this before writing anything, so that concurrent readers read the newest commit. If
    // nothing can be written at all, that error says more.
    let durable = merits_sqlite::make_durable(&mut db, path).await;
    merits_sqlite::prove_writable(&mut db, path).await?;
    durable?;
    Ok(Some(db))
}

/// Makes sure that entries can be stored, before anything is served: a coordinator that cannot
/// write would refuse the first entry.
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

/// A ledger in a SQLite file.
#[derive(Clone, Debug)]
pub(crate) struct SqliteFile(pub(crate) PathBuf);

impl Place for SqliteFile {
    type Storage = Ledger;

    async fn open(&self) -> Result<Option<Ledger>, StartError> {
        let Self(path) = self;
        let Some(db) = open_writer(path).await? else {
            return Ok(None);
        };
        Ok(Some(Ledger::new(
            open_readers(path, 1).await?,
            Writer::new(db),
        )))
    }
}

/// Opens an existing database to look at it only; nothing if it is of nobody, without a table.
///
/// # Errors
/// As [`open_writer`].
pub(crate) async fn open_to_inspect(path: &Path) -> Result<Option<SqliteConnection>, StartError> {
    merits_sqlite::require_files(path)?;
    let mut db = merits_sqlite::inspecting(path)
        .connect()
        .await
        .map_err(|error| merits_sqlite::explain(path, error))?;
    match SCHEMA.look(&mut db, path).await? {
        Found::Ours => Ok(Some(db)),
        Found::Empty => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Regression: after a failed sync and a kill, a group was published that only the system's
    /// memory had.
    #[tokio::test]
    async fn what_a_killed_run_left_in_the_log_goes_into_the_file_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store.sqlite");
        let mut db = create(&store).await.unwrap();
        sqlx::query("INSERT INTO founding VALUES ('fact', 'value')")
            .execute(&mut db)
            .await
            .unwrap();
        // As a kill leaves it: nobody closed the connection.
        let left = dir.path().join("left.sqlite");
        let wal = |path: &Path| path.with_extension("sqlite-wal");
        fs::copy(&store, &left).unwrap();
        fs::copy(wal(&store), wal(&left)).unwrap();
        db.close().await.unwrap();
        assert!(fs::metadata(wal(&left)).unwrap().len() > 0);

        let mut db = open_writer(&left).await.unwrap().unwrap();
        // The file alone has it.
        let alone = dir.path().join("alone.sqlite");
        fs::copy(&left, &alone).unwrap();
        for db in [
            &mut db,
            &mut open_to_inspect(&alone).await.unwrap().unwrap(),
        ] {
            let value: String = sqlx::query_scalar("SELECT value FROM founding")
                .fetch_one(db)
                .await
                .unwrap();
            assert_eq!(value, "value");
        }
    }

    /// A reader of the newest commit does not block others; a reader of an older one is reported.
    #[tokio::test]
    async fn a_reader_of_an_older_commit_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let mut db = create(&path).await.unwrap();
        let reading = merits_sqlite::durable(&path).read_only(true);
        let mut reader = reading.connect().await.unwrap();
        let mut snapshot = reader.begin().await.unwrap();
        let count = "SELECT count(*) FROM founding";
        let found: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut *snapshot)
            .await
            .unwrap();
        assert_eq!(found, 0);
        sqlx::query("INSERT INTO founding VALUES ('fact', 'value')")
            .execute(&mut db)
            .await
            .unwrap();
        sqlx::raw_sql("PRAGMA busy_timeout = 1")
            .execute(&mut db)
            .await
            .unwrap();
        let still_read = merits_sqlite::make_durable(&mut db, &path).await;
        assert!(
            matches!(still_read, Err(merits_sqlite::FileError::StillRead { .. })),
            "{still_read:?}"
        );
        snapshot.rollback().await.unwrap();
        merits_sqlite::make_durable(&mut db, &path).await.unwrap();
    }
}
