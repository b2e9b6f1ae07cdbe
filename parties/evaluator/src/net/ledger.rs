//! The ledger as the service sees it.

use std::future::Future;

use merits_primitives::ids::EntryId;
use merits_replica::{ClientError, Follower, Replica};
use merits_verifier::{ReasonCode, entry::SignedEntry};
use thiserror::Error;

/// Why the ledger could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerFault {
    /// The evaluator's own copy cannot be brought up to date or read: the same call may succeed later.
    #[error("the evaluator's copy of the log cannot be brought up to date: {0}")]
    Copy(String),
    /// The log could not be given an entry: the same call may succeed later.
    #[error("the log takes no entry of the evaluator now: {0}")]
    Unreachable(String),
    /// The ledger refused an entry.
    #[error("the ledger refused the evaluator's entry ({code}): {message}")]
    Refused {
        /// Why, for programs.
        code: ReasonCode,
        /// Why, in words.
        message: String,
    },
}

/// The evaluator's verified copy of the log, and its way to append.
pub trait Ledger: Send + Sync + 'static {
    /// Follows the log to its present end, verifying all of it.
    fn sync(&self) -> impl Future<Output = Result<(), LedgerFault>> + Send;

    /// Lets `read` see the copy as it is.
    fn look<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Replica) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, LedgerFault>> + Send;

    /// Appends an entry: it is durable, and its receipt verified, when this returns.
    fn append(
        &self,
        entry: &SignedEntry,
    ) -> impl Future<Output = Result<EntryId, LedgerFault>> + Send;
}

impl Ledger for Follower {
    async fn sync(&self) -> Result<(), LedgerFault> {
        let synced = Follower::sync(self).await;
        synced
            .map(drop)
            .map_err(|error| LedgerFault::Copy(error.to_string()))
    }

    async fn look<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Replica) -> R + Send + 'static,
    ) -> Result<R, LedgerFault> {
        let follower = self.clone();
        tokio::task::spawn_blocking(move || read(&follower.replica()))
            .await
            .map_err(|error| LedgerFault::Copy(error.to_string()))
    }

    async fn append(&self, entry: &SignedEntry) -> Result<EntryId, LedgerFault> {
        let submitted = self.client().submit(entry).await;
        match submitted {
            Ok(submitted) => Ok(submitted.id),
            Err(ClientError::Refused { fault, .. }) if !fault.may_retry() => {
                Err(LedgerFault::Refused {
                    code: fault.reason,
                    message: fault.message,
                })
            }
            Err(error) => Err(LedgerFault::Unreachable(error.to_string())),
        }
    }
}
