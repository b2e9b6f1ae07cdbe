//! The log as an exchange needs it: its own verified copy, and a way to append.

use std::future::Future;

use merits_primitives::ids::EntryId;
use merits_proto::Fault;
use merits_replica::{ClientError, Follower, Replica, ReplicaError};
use merits_verifier::{Reason, entry::SignedEntry, receipt::Receipt};
use tonic::Code;

/// What an exchange asks of its log.
pub trait LedgerPort: Clone + Send + Sync + 'static {
    /// Brings the own copy up to date, verifying all of it.
    fn sync(&self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Appends an entry; the answer is its receipt, verified under the log's key.
    fn submit(&self, entry: &SignedEntry) -> impl Future<Output = Result<Receipt, Fault>> + Send;

    /// The receipt of an entry that is in the log, verified.
    fn receipt(&self, id: &EntryId) -> impl Future<Output = Result<Receipt, Fault>> + Send;

    /// Looks into the own copy on this thread, which waits for the disk and for who writes the copy: not on
    /// the async runtime.
    fn read<R>(&self, read: impl FnOnce(&Replica) -> R) -> R;

    /// Looks into the own copy on a thread that may wait for the disk.
    fn look<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Replica) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, Fault>> + Send {
        let ledger = self.clone();
        async move {
            let looked = tokio::task::spawn_blocking(move || ledger.read(read)).await;
            looked.map_err(|error| {
                tracing::error!(%error, "reading the copy of the log stopped unexpectedly");
                Fault::internal()
            })
        }
    }
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

/// What the coordinator judged goes to the wallet as it is, with the signed refusal. Its silence or its
/// failure is no judgement, and not the exchange's: it becomes a fault that may be tried again.
fn passed_on(error: ClientError) -> Fault {
    match error {
        ClientError::Refused { fault, .. } => match fault.reason.known() {
            Some(Reason::NoAnswer) => unavailable("the log does not answer"),
            Some(Reason::Internal | Reason::FaultUnreadable) => {
                tracing::error!(%fault, "the coordinator failed");
                unavailable("the log's coordinator failed")
            }
            _ => *fault,
        },
        ClientError::Unreachable(_) => unavailable("the log does not answer"),
        // A receipt that does not verify: the operator must know, and nothing is handed out.
        error => {
            tracing::error!(%error, "the coordinator's answer is refused");
            Fault::internal()
        }
    }
}

/// The own copy cannot be used, which is no judgement on whoever asked.
pub(crate) fn unreadable(error: ReplicaError) -> Fault {
    tracing::error!(%error, "the exchange's copy of the log cannot be used");
    Fault::internal()
}

fn unavailable(what: &str) -> Fault {
    Fault {
        retry_after: Some(std::time::Duration::from_secs(2)),
        ..Fault::new(
            Code::Unavailable,
            Reason::LedgerUnavailable,
            "",
            format!("{what}; send the same redemption again later, nothing is lost"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Status;

    /// The wallet must not read the coordinator's silence as the exchange's.
    #[test]
    fn a_coordinator_that_is_silent_or_broken_is_named_and_asked_again() {
        let told = |status: Status| {
            let fault = Box::new(Fault::from_status(&status));
            passed_on(ClientError::Refused {
                fault,
                notice: None,
            })
        };
        for (status, said) in [
            (Status::unavailable("refused"), "the log does not answer"),
            (
                Status::from(Fault::internal()),
                "the log's coordinator failed",
            ),
        ] {
            let fault = told(status);
            assert_eq!(fault.reason, Reason::LedgerUnavailable);
            assert!(fault.may_retry());
            assert!(fault.message.starts_with(said), "{fault}");
        }
        let judged = Fault::new(Code::FailedPrecondition, Reason::Spent, "sn1", "was spent");
        assert_eq!(told(Status::from(judged.clone())), judged);
    }
}
