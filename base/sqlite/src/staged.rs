//! Copies that appear under their name completely or not at all.

use std::{
    fs,
    path::{Path, PathBuf, absolute},
};

use merits_guard::beside::{Beside, Readers};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::{
    beside,
    error::FileError,
    explain::{examine, explain},
    failure::{DatabaseError, Trouble},
    inspecting,
};

/// A verified copy that is not yet under its name. If it is dropped without
/// [`put_in_place`](Self::put_in_place), it is deleted.
#[derive(Debug)]
pub struct Staged {
    destination: PathBuf,
    part: Beside,
}

impl Staged {
    /// Copies a snapshot of `source` to a file beside `destination`, also while others write to it,
    /// and lets SQLite check the copy. Only its owner may read it. Free pages are not copied, so
    /// deleted data is not in the copy.
    ///
    /// # Errors
    /// [`FileError::Exists`] for a destination that exists, or that has a write-ahead log or journal
    /// beside it; [`FileError::Damaged`] for a source that SQLite finds damaged; the errors of [`examine`].
    pub async fn copy_of(source: &Path, destination: &Path) -> Result<Self, FileError> {
        // Absolute, so that no name is taken for a URI; SQLite reads names as text.
        let destination =
            absolute(destination).map_err(FileError::io("find the folder of", destination))?;
        // SQLite would apply a leftover log beside the destination to the copy when it is opened.
        for suffix in ["", "-wal", "-journal"] {
            let path = beside(&destination, suffix);
            if fs::symlink_metadata(&path).is_ok() {
                return Err(FileError::Exists { path });
            }
        }
        examine(source)?;
        let failed = |error| explain(source, error);
        let mut db = inspecting(source).connect().await.map_err(failed)?;
        // SQLite writes into an existing empty file. Making it here gives it the right mode from
        // the start, and a name that no file had.
        let (part, _) = Beside::make(&destination, Readers::Owner)
            .map_err(FileError::io("create", &destination))?;
        let staged = Self { destination, part };
        let part = staged.path().to_owned();
        let target = part
            .to_str()
            .ok_or_else(|| FileError::PathEncoding { path: part.clone() })?;
        sqlx::query("VACUUM INTO ?")
            .bind(target)
            .execute(&mut db)
            .await
            .map_err(|error| match Trouble::of(&error) {
                Trouble::Full | Trouble::Disk | Trouble::ReadOnly => FileError::Failed {
                    path: part.clone(),
                    source: DatabaseError::at(&part, error),
                },
                _ => failed(error),
            })?;
        db.close().await.map_err(failed)?;
        let mut copy = inspecting(&part).connect().await?;
        check_integrity(&mut copy, &part).await?;
        copy.close().await?;
        Ok(staged)
    }

    /// The present path of the copy, for the store's own checks.
    pub fn path(&self) -> &Path {
        self.part.path()
    }

    /// Gives the copy its name. It is on disk when this returns.
    ///
    /// # Errors
    /// [`FileError::Exists`] when the name was taken meanwhile. After any error, no part of this
    /// copy is left under the name.
    pub fn put_in_place(mut self) -> Result<(), FileError> {
        // SQLite does not synchronise what VACUUM INTO writes.
        let file = fs::File::open(self.path())
            .and_then(|file| file.sync_all().map(|()| file))
            .map_err(FileError::io("write", self.path()))?;
        // Takes the name if it is free; the rename then replaces this empty file of our own.
        match merits_guard::create_new(&self.destination) {
            Ok(_) => {}
            Err(_) if fs::symlink_metadata(&self.destination).is_ok() => {
                return Err(FileError::Exists {
                    path: self.destination.clone(),
                });
            }
            Err(error) => return Err(FileError::io("create", &self.destination)(error)),
        }
        let placed = self
            .part
            .rename()
            .map_err(FileError::io("create", &self.destination))
            .and_then(|()| {
                let folder = self.part.folder();
                folder
                    .sync(&file)
                    .map_err(FileError::io("write", folder.path()))
            });
        if placed.is_err() {
            // The empty file of our own, or a copy that a power cut could take away again.
            let _ = fs::remove_file(&self.destination);
        }
        placed
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // The copy deletes itself.
        if self.part.is_there() {
            let _ = fs::remove_file(beside(self.path(), "-journal"));
        }
    }
}

/// SQLite's findings about a database's pages and constraints, up to a limit.
///
/// # Errors
/// SQLite's.
pub async fn findings(db: &mut SqliteConnection, most: u32) -> sqlx::Result<Vec<String>> {
    // A PRAGMA takes no parameters.
    let check = format!("PRAGMA integrity_check({most})");
    let findings: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(check))
        .fetch_all(db)
        .await?;
    Ok(findings.into_iter().filter(|line| line != "ok").collect())
}

/// Lets SQLite check a database: its pages, its constraints, its foreign keys.
///
/// # Errors
/// [`FileError::Damaged`] with SQLite's first finding.
pub async fn check_integrity(db: &mut SqliteConnection, path: &Path) -> Result<(), FileError> {
    let findings = findings(db, 1)
        .await
        .map_err(|error| explain(path, error))?;
    let damaged = |what: String| FileError::Damaged {
        path: path.to_owned(),
        what,
    };
    if let Some(finding) = findings.into_iter().next() {
        return Err(damaged(finding));
    }
    let dangling = sqlx::query("PRAGMA foreign_key_check")
        .fetch_optional(db)
        .await?;
    match dangling {
        None => Ok(()),
        Some(_) => Err(damaged("a row refers to one that does not exist".into())),
    }
}
