//! Why an audit could not be made. What an audit finds is in its report.

use std::path::PathBuf;

use merits_ledger::rows::RowError;
use merits_replica::ReplicaError;
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
