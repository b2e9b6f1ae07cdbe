//! Pools whose connections are fit to be used again, and files that are their owner's.

use std::{
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use sqlx::{Connection as _, sqlite::SqlitePoolOptions};

use crate::{error::FileError, fold::beside};

/// A pool of at most so many connections, which drops a connection that is still inside a transaction
/// when it comes back.
///
/// When the disk is full, SQLite ends a transaction by itself; the rollback that follows then fails,
/// and the connection counts as inside for ever: everything that it is used for later is refused, or
/// never committed.
#[must_use]
pub fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(most)
        .after_release(|db, _| {
            Box::pin(async move {
                // Rollbacks that are only queued happen before the answer.
                db.ping().await?;
                let fit = !db.is_in_transaction();
                if !fit {
                    tracing::warn!("dropped a connection that a transaction had broken");
                }
                Ok(fit)
            })
        })
}

/// Makes the file of a store if there is none, and has its owner alone read it and what lies beside it.
///
/// # Errors
/// [`FileError::Io`].
pub fn restrict(path: &Path) -> Result<(), FileError> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(FileError::io("create", path)(error)),
    }
    for suffix in ["", "-wal", "-shm"] {
        let path = beside(path, suffix);
        if path.exists() {
            fs::set_permissions(&path, Permissions::from_mode(0o600))
                .map_err(FileError::io("restrict", &path))?;
        }
    }
    Ok(())
}
