//! Why a file of a prepared key is rejected.

use std::io;
use std::path::{Path as FilePath, PathBuf};

use merits_guard::GuardError;

/// Why a file was rejected, or could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The file does not exist.
    #[error("there is no prepared key yet")]
    Missing,
    /// The system's answer.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// The operation that failed.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Other users could have changed it.
    #[error("the prepared key: {0}; remove it, and the next start makes it again")]
    Exposed(GuardError),
    /// Nothing can be mapped here.
    #[error("prepared keys cannot be mapped here: {what}")]
    Unsupported {
        /// Why not.
        what: &'static str,
    },
    /// The file is truncated, or it is not a prepared key.
    #[error("the prepared key is torn: {what}")]
    Torn {
        /// What is missing or wrong.
        what: &'static str,
    },
    /// Written by another version of this crate.
    #[error("the prepared key has version {found}, but version {known} is needed")]
    Version {
        /// The file's version.
        found: u32,
        /// The version that this crate reads and writes.
        known: u32,
    },
    /// The file is valid, but it is not the one that was asked for.
    #[error("the prepared key is for another {what}")]
    Other {
        /// What differs: the path, the `.zkey`, or the budget.
        what: &'static str,
    },
    /// The contents changed, by a fault or by intent.
    #[error("the prepared key was altered after it was written: its checksum differs")]
    Altered,
    /// The checksum is right, but the contents are inconsistent: a bug, or an
    /// attack.
    #[error("the prepared key is inconsistent: {what}")]
    Inconsistent {
        /// What is inconsistent.
        what: &'static str,
    },
}

impl LayoutError {
    pub(crate) fn io(action: &'static str, path: &FilePath, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::NotFound && action == "reading" {
            return Self::Missing;
        }
        Self::Io {
            action,
            path: path.into(),
            source,
        }
    }
}
