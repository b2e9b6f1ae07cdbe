//! The log as an exchange needs it: its own verified copy, and a way to append.

use std::future::Future;

use merits_primitives::ids::EntryId;
use merits_proto::Fault;
use merits_replica::{ClientError, Follower, Replica};
use merits_verifier::{entry::SignedEntry, receipt::Receipt};
use tonic::Code;

/// What an exchange asks of its log.
pub trait LedgerPort: Clone + Send + Sync + 'static {
    /// Brings the own copy up to date, verifying all of it.
    fn sync(&self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Appends an entry; the answer is its receipt, verified under the log's key.
    fn submit(&self, entry: &SignedEntry) -> impl Future<Output = Result<Receipt, Fault>> + Send;

    /// The receipt of an entry that is in the log, verified.
    fn receipt(&self, id: &EntryId) -> impl Future<Output = Result<Receipt, Fault>> + Send;

    /// Looks into the own copy. `read` must not block for long.
    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R;
}

impl LedgerPort for Follower {
    async fn sync(&self) -> Result<(), Fault> {
        let synced = Follower::sync(self).await;
        synced.map(drop).map_err(|error| {
            tracing::error!(%error, "the exchange cannot follow its log");
            unavailable("this exchange's copy of the log cannot be brought up to date")
        })
    }

    async fn submit(&self, entry: &SignedEntry) -> Result<Receipt, Fault> {
        let submitted = self.client().submit(entry).await;
        submitted.map(|done| done.receipt).map_err(passed_on)
    }

    async fn receipt(&self, id: &EntryId) -> Result<Receipt, Fault> {
        self.client().receipt(id).await.map_err(passed_on)
    }

    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R {
        read(&self.replica())
    }
}

/// What the coordinator said goes to the wallet as it is, with the signed refusal; what it could not
/// say becomes a fault that may be tried again.
fn passed_on(error: ClientError) -> Fault {
    match error {
        ClientError::Refused { fault, .. } => *fault,
        ClientError::Unreachable { .. } => unavailable("the log does not answer"),
        // A receipt that does not verify: the operator must know, and nothing is handed out.
        error => {
            tracing::error!(%error, "the coordinator's answer is refused");
            Fault::internal()
        }
    }
}

fn unavailable(what: &str) -> Fault {
    Fault {
        retry_after: Some(std::time::Duration::from_secs(2)),
        ..Fault::new(
            Code::Unavailable,
            "ledger-unavailable",
            "",
            format!("{what}; send the same redemption again later, nothing is lost"),
        )
    }
}
