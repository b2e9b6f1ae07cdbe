//! Folds the write-ahead log into the file.

use std::{fs, path::Path};

use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use crate::{access::require_files, beside, durable, error::FileError, explain::explain};

/// Folds the write-ahead log of `path` into the file and verifies that: afterwards the file alone
/// is the complete store. Call it last, after every connection of this process is closed, also
/// after a failure. Without a file there is nothing to fold.
///
/// # Errors
/// [`FileError::NotFolded`] when another process reads the store; nothing is lost then.
pub async fn fold(path: &Path) -> Result<(), FileError> {
    if !path.exists() {
        return Ok(());
    }
    require_files(path)?;
    // A new connection: a read-only one that closes last folds nothing, and one that failed is not
    // reliable.
    let failed = |error| explain(path, error);
    let mut db = durable(path).connect().await.map_err(failed)?;
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut db)
        .await
        .map_err(failed)?;
    let busy: i64 = row.try_get(0)?;
    db.close().await.map_err(failed)?;
    let why = if busy != 0 {
        Some("another process is reading it")
    } else if fs::metadata(beside(path, "-wal")).is_ok_and(|file| file.len() > 0) {
        Some("another process has it open")
    } else {
        None
    };
    match why {
        None => Ok(()),
        Some(why) => Err(FileError::NotFolded {
            path: path.to_owned(),
            why,
        }),
    }
}
