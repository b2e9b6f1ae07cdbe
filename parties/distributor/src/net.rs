//! The ledger over the network: submissions through a client whose answers are verified.

use merits_replica::{Client, ClientError};
use merits_verifier::entry::SignedEntry;

use crate::outbox::{LedgerPort, SubmitFault};

/// A coordinator behind [`LedgerPort`].
#[derive(Debug, Clone)]
pub struct CoordinatorPort(Client);

impl CoordinatorPort {
    /// Over a connection, which reconnects by itself.
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl LedgerPort for CoordinatorPort {
    async fn submit(&self, entry: SignedEntry) -> Result<String, SubmitFault> {
        match self.0.clone().submit(&entry).await {
            // The client has verified it under the log's key, and that it is this entry's.
            Ok(submitted) => Ok(submitted.receipt.to_string()),
            Err(error) => Err(fault(&error)),
        }
    }
}

/// Only a refusal that the log itself signed ends an entry's life in the outbox. Anything else,
/// a broken connection as well as a malformed answer, leaves it there.
fn fault(error: &ClientError) -> SubmitFault {
    match error {
        ClientError::Refused {
            notice: Some(_),
            fault,
        } if !error.may_retry() => SubmitFault::Refused {
            code: fault.reason.clone(),
            field: fault.field.clone(),
            message: fault.message.clone(),
        },
        other => SubmitFault::Unavailable(other.to_string()),
    }
}
