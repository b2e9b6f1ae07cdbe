//! Why an audit could not be made. What an audit finds is in its report.

use std::path::PathBuf;

use merits_ledger::{rows::RowError, storage::StoreFailure};
use merits_replica::ReplicaError;
use merits_sqlite::FileError;
use thiserror::Error;

/// Why an audit could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The copy cannot be read, or does not hold.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The rows of the state.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The tables of a copy cannot be read.
    #[error("the copy of the log cannot be read: {0}")]
    Store(#[from] StoreFailure),
    /// The file of a copy is none.
    #[error("the copy of the log: {0}")]
    File(#[from] FileError),
    /// The copy has no checkpoint, so there is nothing to check.
    #[error("the copy of the log in {} is empty: bring it up to date first", .0.display())]
    Empty(PathBuf),
    /// The leaves are not as many as the checkpoint says.
    #[error("the copy has {found} leaves, its checkpoint {size}")]
    OtherSize {
        /// Leaves that were replayed.
        found: u64,
        /// Leaves under the checkpoint.
        size: u64,
    },
}
