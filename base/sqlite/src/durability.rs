//! Checks whether a database can be written, and makes durable what an earlier run left, before a server listens.

use std::path::Path;

use sqlx::{Connection as _, SqliteConnection};

use crate::{error::FileError, explain::explain, failure::Trouble, unwritable::NotWritable};

/// Writes one page through the write-ahead log to the disk, without changing data.
///
/// # Errors
/// [`FileError::NotWritable`], which names file, mode, owner and what to do; [`FileError::Failed`].
pub async fn prove_writable(db: &mut SqliteConnection, path: &Path) -> Result<(), FileError> {
    write(db)
        .await
        .map_err(|error| explain_writing(path, error))
}

/// Writes what the write-ahead log holds into the file, and the file to the disk. A program that ended after
/// a failed sync may have left a commit that only the system's memory has. Call this before you answer from a
/// store.
///
/// # Errors
/// [`FileError::StillRead`]; as of [`prove_writable`].
pub async fn make_durable(db: &mut SqliteConnection, path: &Path) -> Result<(), FileError> {
    let (_, frames, folded): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(db)
        .await
        .map_err(|error| explain_writing(path, error))?;
    // A reader of the newest commit prevents emptying the log, but all data is then in the file.
    if folded < frames {
        let path = path.to_owned();
        return Err(FileError::StillRead { path });
    }
    Ok(())
}

fn explain_writing(path: &Path, error: sqlx::Error) -> FileError {
    match Trouble::at(path, &error) {
        Trouble::Full => NotWritable::of(path).because("its disk is full: make room"),
        Trouble::Disk => NotWritable::of(path).because(
            "its disk reports an error when it is written: see the system's log (dmesg), and bring the disk back",
        ),
        _ => explain(path, error),
    }
}

async fn write(db: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut tx = db.begin_with("BEGIN IMMEDIATE").await?;
    let version: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *tx)
        .await?;
    let same = format!("PRAGMA user_version = {version}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(same))
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}
