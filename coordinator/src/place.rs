//! Where a coordinator's ledger is stored.

use std::future::Future;

use merits_ledger::storage::Storage;

use crate::error::StartError;

/// A place that is opened at the start, and again after a write that failed. Another database is another place.
pub(crate) trait Place: Send + 'static {
    /// What is there.
    type Storage: Storage;

    /// Opens the store for the one writer, and proves that it can be written; nothing if nobody's ledger is there.
    /// What an earlier run committed is durable afterwards.
    ///
    /// # Errors
    /// [`StartError`], before anything is changed.
    fn open(&self) -> impl Future<Output = Result<Option<Self::Storage>, StartError>> + Send;
}
