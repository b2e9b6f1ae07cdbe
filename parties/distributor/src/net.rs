//! The ledger over the network, as an outbox needs it: submissions whose answers are verified.

use merits_party::ledger::{LedgerFault, LedgerPort};
use merits_replica::ClientError;
use merits_verifier::entry::SignedEntry;

use crate::outbox::{SubmitFault, SubmitPort};

/// A ledger behind [`SubmitPort`].
#[derive(Debug, Clone)]
pub struct LedgerOutbox<L>(L);

impl<L: LedgerPort> LedgerOutbox<L> {
    /// Over the party's port to its ledger, which reconnects by itself.
    pub fn new(ledger: L) -> Self {
        Self(ledger)
    }
}

impl<L: LedgerPort> SubmitPort for LedgerOutbox<L> {
    async fn submit(&self, entry: SignedEntry) -> Result<String, SubmitFault> {
        match self.0.submit(&entry).await {
            // It is verified under the log's key, and is this entry's.
            Ok(receipt) => Ok(receipt.to_string()),
            Err(error) => Err(fault(&error)),
        }
    }
}

/// Only a refusal that the log itself signed removes an entry from the outbox. After anything else,
/// such as a broken connection or a malformed answer, it stays there.
fn fault(error: &LedgerFault) -> SubmitFault {
    if let LedgerFault::Client(error) = error
        && let ClientError::Refused {
            notice: Some(_),
            fault,
            ..
        } = &**error
        && !error.may_retry()
    {
        return SubmitFault::Refused {
            code: fault.reason.clone(),
            field: fault.field.clone(),
            message: fault.message.clone(),
        };
    }
    SubmitFault::Unavailable(error.to_string())
}
