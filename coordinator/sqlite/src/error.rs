//! What goes wrong with a database's file.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a database's file cannot be used, folded, copied or put in place.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// SQLite failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A file or folder cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is another program's.
    #[error("{} is no {what}; nothing was changed", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
    },
    /// The file is of another version of this program.
    #[error(
        "{} has schema version {found}, this program reads {known}; \
         use the program of that version, nothing was changed",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Version found.
        found: i64,
        /// Version of this program.
        known: i64,
    },
    /// SQLite finds the file damaged.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's own words.
        what: String,
    },
    /// Nothing is overwritten.
    #[error("{} exists and is not overwritten; move it away or name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The write-ahead log is not in the file.
    #[error(
        "{} still has a write-ahead log beside it that holds part of the data ({why}); \
         nothing is lost, but the file alone is no backup: \
         make one with the backup command, or copy the file and its `-wal` together",
        path.display()
    )]
    NotFolded {
        /// The database.
        path: PathBuf,
        /// What kept it.
        why: &'static str,
    },
    /// SQLite takes paths as text.
    #[error("{} is not UTF-8, and SQLite cannot write to it; name another file", path.display())]
    PathEncoding {
        /// The path.
        path: PathBuf,
    },
}

impl FileError {
    /// For `map_err`.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
