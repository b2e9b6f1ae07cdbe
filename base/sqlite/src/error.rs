//! Errors of a database's file.

use std::{io, path::PathBuf};

use merits_guard::{
    GuardError,
    explain::{Attempt, in_words},
};
use thiserror::Error;

use crate::{failure::DatabaseError, kind::StoreKind};

/// Why a database's file cannot be used, folded, copied or put in place.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// SQLite failed.
    #[error("the database failed: {0}")]
    Database(#[from] DatabaseError),
    /// SQLite failed with a file.
    #[error("{}: {source}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: DatabaseError,
    },
    /// There is no file of this name.
    #[error("there is no file {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The file is not a database.
    #[error(
        "{} is not a SQLite database ({found}); nothing was changed. Name the right file, or bring it back",
        path.display()
    )]
    NoDatabase {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: &'static str,
    },
    /// The file is a truncated database.
    #[error(
        "{} ends early: {found} bytes of {expected}. It was not copied to its end, or its disk was full; nothing \
         was changed. Copy it again, or take another backup",
        path.display()
    )]
    Torn {
        /// The file.
        path: PathBuf,
        /// Bytes of the file.
        found: u64,
        /// Bytes of the whole file.
        expected: u64,
    },
    /// The file belongs to another user; files that SQLite adds would belong to this user.
    #[error(
        "{} belongs to another user (number {owner}; this program runs as {user}): run the program as that \
         user, or make the file this user's (chown {user} {})",
        path.display(),
        path.display()
    )]
    OtherUser {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// This program's user.
        user: u32,
    },
    /// Others could have replaced the file, or it is not a regular file.
    #[error(transparent)]
    Exposed(#[from] GuardError),
    /// Nothing can be written to the file.
    #[error("{} cannot be written ({facts}), so nothing is served: {why}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// Its mode and owner.
        facts: String,
        /// Why, and what to do.
        why: String,
    },
    /// A file or folder cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation that failed.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Its tables are not those of the program.
    #[error(
        "{} has other tables than this program makes: {what}. Something else changed the file, and what it would \
         do with the rows is not known; nothing was changed. {}",
        path.display(),
        if *live {
            "This is the store in use, so no backup of it was made: stop its server and restore an older backup"
        } else {
            "Take another backup"
        }
    )]
    Tables {
        /// The file.
        path: PathBuf,
        /// The first that differs, and how.
        what: String,
        /// Whether it is the store in use, and not a backup of it.
        live: bool,
    },
    /// The file belongs to another program.
    #[error(
        "{} {}; expected: {what}. Nothing was changed. Name the right file",
        path.display(),
        found.map_or_else(
            || "is a database of another program".to_owned(),
            |found| format!("holds {found}")
        )
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// The kind of file, if MERITS made it.
        found: Option<StoreKind>,
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
    /// Existing files are not overwritten.
    #[error("{} exists and is not overwritten; move it away or name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The write-ahead log is not in the file.
    #[error(
        "{} still has a write-ahead log beside it that holds part of the data ({why}); \
         nothing is lost, but the file alone is not a backup: \
         make one with the backup command, or copy the file and its `-wal` together",
        path.display()
    )]
    NotFolded {
        /// The database.
        path: PathBuf,
        /// What prevented it.
        why: &'static str,
    },
    /// Part of the write-ahead log cannot go into the file.
    #[error(
        "{} cannot be made durable, because another program has read it in one transaction since before the last \
         commit: end that program, and start again",
        path.display()
    )]
    StillRead {
        /// The database.
        path: PathBuf,
    },
    /// SQLite takes paths only as text.
    #[error("{} is not UTF-8, and SQLite cannot write to it; name another file", path.display())]
    PathEncoding {
        /// The path.
        path: PathBuf,
    },
}

impl From<sqlx::Error> for FileError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl FileError {
    /// Whether the file exists but has the wrong contents, or only a part.
    pub fn is_about_content(&self) -> bool {
        matches!(
            self,
            Self::NoDatabase { .. }
                | Self::Torn { .. }
                | Self::Foreign { .. }
                | Self::Version { .. }
                | Self::Damaged { .. }
        )
    }

    /// The same error about the store in use, when a backup of it is made.
    #[must_use]
    pub fn of_live(self) -> Self {
        match self {
            Self::Tables { path, what, .. } => Self::Tables {
                path,
                what,
                live: true,
            },
            other => other,
        }
    }

    /// An adapter for `map_err`.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        let attempt = if action == "read" {
            Attempt::Read
        } else {
            Attempt::Write
        };
        move |source| Self::Io {
            action,
            path,
            source: in_words(source, attempt),
        }
    }
}
