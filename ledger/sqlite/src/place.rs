//! A coordinator's ledger in a SQLite file: making it, opening it, copying it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use merits_ledger::storage::{Inspect, Place, Staged};
use merits_sqlite::{FileError, Found, Schema, StoreKind};
use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqlitePoolOptions};

use crate::{Ledger, Reader, Writer, inspect::Snapshot};

/// A file, and what it must be.
#[derive(Clone, Debug)]
pub struct SqliteFile {
    path: PathBuf,
    schema: Schema,
}

impl SqliteFile {
    /// The file `path`, whose owner, version and tables are `schema`'s.
    pub fn new(path: PathBuf, schema: Schema) -> Self {
        Self { path, schema }
    }

    /// Opens it for the one writer, checks that it can be written, and makes durable what an earlier run left.
    /// `None` if it has no owner and no table.
    async fn open_writer(&self) -> Result<Option<SqliteConnection>, FileError> {
        let path = &self.path;
        // First check it without changing anything: opening for writing changes the journal mode.
        if look(path, &self.schema).await?.is_none() {
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

    async fn ledger(&self, db: SqliteConnection) -> Result<Ledger, FileError> {
        Ok(Ledger::new(self.readers(1).await?, Writer::new(db)))
    }
}

impl Inspect for SqliteFile {
    type Error = FileError;
    type Inspection = Snapshot;

    fn name(&self) -> &Path {
        &self.path
    }

    async fn inspect(&self) -> Result<Option<Snapshot>, FileError> {
        snapshot(&self.path, &self.schema).await
    }
}

impl Place for SqliteFile {
    type Storage = Ledger;
    type Reader = Reader;
    type Staged = StagedFile;
    type Backup = Self;

    fn judge(&self) -> Result<(), FileError> {
        Ok(merits_guard::require_file_if_any(&self.path)?)
    }

    fn exists(&self) -> bool {
        self.path.exists()
    }

    fn keep_private(&self) -> Result<(), FileError> {
        merits_sqlite::keep_private(&self.path)
    }

    fn files(&self) -> Vec<PathBuf> {
        let beside = |suffix: &str| {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        ["", "-wal", "-shm"].map(beside).to_vec()
    }

    async fn create(&self) -> Result<Option<Ledger>, FileError> {
        let path = &self.path;
        merits_sqlite::restrict(path)?;
        let mut db = merits_sqlite::durable(path)
            .connect()
            .await
            .map_err(|error| merits_sqlite::explain(path, error))?;
        match self.schema.look(&mut db, path).await? {
            Found::Empty => {}
            Found::Ours => return Ok(None),
        }
        self.schema.create(&mut db).await?;
        Ok(Some(self.ledger(db).await?))
    }

    async fn open(&self) -> Result<Option<Ledger>, FileError> {
        match self.open_writer().await? {
            Some(db) => Ok(Some(self.ledger(db).await?)),
            None => Ok(None),
        }
    }

    async fn readers(&self, connections: u32) -> Result<Reader, FileError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            .connect_with(merits_sqlite::durable(&self.path).read_only(true))
            .await
            .map_err(|error| merits_sqlite::explain(&self.path, error))?;
        Ok(Reader::new(pool))
    }

    /// Moves the write-ahead log into the file.
    async fn settle(&self) -> Result<(), FileError> {
        merits_sqlite::fold(&self.path).await
    }

    async fn back_up(&self, output: &Path) -> Result<StagedFile, FileError> {
        StagedFile::copy(&self.path, output, self.schema).await
    }

    async fn backup(&self, input: &Path) -> Result<Self, FileError> {
        StoreKind::Ledger.require(input).await?;
        Ok(Self::new(input.to_owned(), self.schema))
    }

    async fn restore(&self, backup: &Self) -> Result<StagedFile, FileError> {
        StagedFile::copy(&backup.path, &self.path, self.schema).await
    }
}

/// A checked copy of a ledger's file that is not yet under its name.
#[derive(Debug)]
pub struct StagedFile {
    staged: merits_sqlite::Staged,
    schema: Schema,
}

impl StagedFile {
    async fn copy(source: &Path, output: &Path, schema: Schema) -> Result<Self, FileError> {
        let staged = merits_sqlite::Staged::copy_of(source, output).await?;
        Ok(Self { staged, schema })
    }
}

impl Inspect for StagedFile {
    type Error = FileError;
    type Inspection = Snapshot;

    fn name(&self) -> &Path {
        self.staged.path()
    }

    async fn inspect(&self) -> Result<Option<Snapshot>, FileError> {
        snapshot(self.name(), &self.schema).await
    }
}

impl Staged for StagedFile {
    fn put_in_place(self) -> Result<(), FileError> {
        self.staged.put_in_place()
    }
}

async fn snapshot(path: &Path, schema: &Schema) -> Result<Option<Snapshot>, FileError> {
    let Some(db) = look(path, schema).await? else {
        return Ok(None);
    };
    let snapshot = Snapshot::begin(db).await;
    Ok(Some(
        snapshot.map_err(|error| merits_sqlite::explain(path, error))?,
    ))
}

/// Opens an existing file for reading only. `None` if it has no owner and no table.
async fn look(path: &Path, schema: &Schema) -> Result<Option<SqliteConnection>, FileError> {
    merits_sqlite::require_files(path)?;
    let mut db = merits_sqlite::inspecting(path)
        .connect()
        .await
        .map_err(|error| merits_sqlite::explain(path, error))?;
    match schema.look(&mut db, path).await? {
        Found::Ours => Ok(Some(db)),
        Found::Empty => Ok(None),
    }
}

/// How long a reader waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::fs;

    use merits_ledger::storage::Storage as _;
    use sqlx::Connection as _;

    use super::*;

    const SCHEMA: Schema = Schema {
        what: "test's ledger",
        application_id: 7,
        version: 1,
        tables: crate::TABLES,
    };

    fn file(path: &Path) -> SqliteFile {
        SqliteFile::new(path.to_owned(), SCHEMA)
    }

    /// A connection that writes to a new store.
    async fn made(path: &Path) -> SqliteConnection {
        let ledger = file(path).create().await.unwrap().unwrap();
        ledger.end().await.unwrap();
        let db = merits_sqlite::durable(path).connect().await;
        db.unwrap()
    }

    /// Regression: after a failed sync and a kill, a group was published that only the system's
    /// memory had.
    #[tokio::test]
    async fn what_a_killed_run_left_in_the_log_goes_into_the_file_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store.sqlite");
        let mut db = made(&store).await;
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

        let mut db = file(&left).open_writer().await.unwrap().unwrap();
        // The file alone has it.
        let alone = dir.path().join("alone.sqlite");
        fs::copy(&left, &alone).unwrap();
        for db in [&mut db, &mut look(&alone, &SCHEMA).await.unwrap().unwrap()] {
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
        let mut db = made(&path).await;
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
