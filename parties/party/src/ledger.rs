//! The ledger as a party sees it: its own verified copy, and a way to append.

use std::{future::Future, sync::Arc};

use merits_primitives::ids::EntryId;
use merits_replica::{ClientError, FollowError, Follower, Replica};
use merits_verifier::{entry::SignedEntry, receipt::Receipt};
use thiserror::Error;

/// Why a call to the ledger failed. Cheap to clone, because callers that wait together all get it.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum LedgerFault {
    /// The party's copy cannot be brought up to date.
    #[error(transparent)]
    Follow(Arc<FollowError>),
    /// The coordinator refused, failed or does not answer.
    #[error(transparent)]
    Client(Arc<ClientError>),
    /// The thread that read the copy panicked: a bug.
    #[error("reading the copy of the log stopped, which is this program's fault: start it again")]
    ReadingStopped,
}

impl From<FollowError> for LedgerFault {
    fn from(error: FollowError) -> Self {
        Self::Follow(Arc::new(error))
    }
}

impl From<ClientError> for LedgerFault {
    fn from(error: ClientError) -> Self {
        Self::Client(Arc::new(error))
    }
}

/// A party's interface to its ledger. [`Follower`] is the real implementation; tests have others.
pub trait LedgerPort: Clone + Send + Sync + 'static {
    /// Brings the party's copy up to date, verifying all of it.
    fn sync(&self) -> impl Future<Output = Result<(), LedgerFault>> + Send;

    /// Appends an entry: it is durable when this returns. The answer is its receipt, verified under the log's
    /// key.
    fn submit(
        &self,
        entry: &SignedEntry,
    ) -> impl Future<Output = Result<Receipt, LedgerFault>> + Send;

    /// The receipt of an entry that is in the log, verified.
    fn receipt(&self, id: &EntryId) -> impl Future<Output = Result<Receipt, LedgerFault>> + Send;

    /// Reads the party's copy on this thread, which waits for the disk and for a writer of the
    /// copy. Do not call it on the async runtime.
    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R;

    /// Reads the party's copy on a thread that may wait for the disk.
    fn look<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Replica) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, LedgerFault>> + Send {
        let ledger = self.clone();
        async move {
            let looked = tokio::task::spawn_blocking(move || ledger.read(read)).await;
            looked.map_err(|error| {
                tracing::error!(%error, "reading the copy of the log stopped unexpectedly");
                LedgerFault::ReadingStopped
            })
        }
    }
}

impl LedgerPort for Follower {
    async fn sync(&self) -> Result<(), LedgerFault> {
        Self::sync(self).await?;
        Ok(())
    }

    async fn submit(&self, entry: &SignedEntry) -> Result<Receipt, LedgerFault> {
        Ok(self.client().submit(entry).await?.receipt)
    }

    async fn receipt(&self, id: &EntryId) -> Result<Receipt, LedgerFault> {
        Ok(self.client().receipt(id).await?)
    }

    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R {
        read(&self.replica())
    }
}
