//! Why a file of a prepared key is not taken.

use std::io;
use std::path::{Path as FilePath, PathBuf};

use merits_guard::GuardError;

/// Why a file was not taken, or not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// There is none.
    #[error("there is no prepared key yet")]
    Missing,
    /// The system's answer.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Others could have changed it.
    #[error("the prepared key: {0}; it can be removed, and is then made anew")]
    Exposed(GuardError),
    /// Nothing can be mapped here.
    #[error("prepared keys cannot be mapped here: {what}")]
    Unsupported {
        /// Why not.
        what: &'static str,
    },
    /// Cut off, or no file of ours.
    #[error("the prepared key is torn: {what}")]
    Torn {
        /// What shows it.
        what: &'static str,
    },
    /// Written by another version of this crate.
    #[error("the prepared key is of version {found}, and {known} is needed")]
    Version {
        /// The file's.
        found: u32,
        /// The one that this crate reads and writes.
        known: u32,
    },
    /// Right in itself, but not what was asked for.
    #[error("the prepared key is for another {what}")]
    Other {
        /// What differs: the path, the `.zkey`, or the budget.
        what: &'static str,
    },
    /// A bit flipped, or somebody flipped it.
    #[error("the prepared key was altered after it was written: its checksum differs")]
    Altered,
    /// The checksum is right, and the contents cannot be: a bug, or somebody's work.
    #[error("the prepared key makes no sense: {what}")]
    Inconsistent {
        /// What cannot be.
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
