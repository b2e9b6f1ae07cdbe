//! The status of a redemption that got no voucher.

use futures::future::BoxFuture;
use merits_primitives::ids::EntryId;
use serde::Serialize;

use super::Wallet;

/// The status of a redemption by the wallet's copy of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RedemptionStanding {
    /// The log has it: the credits are spent.
    Spent {
        /// Its leaf.
        leaf: u64,
    },
    /// The log, up to its present end, does not have it.
    NotYet {
        /// The number of leaves.
        size: u64,
    },
    /// The copy cannot be brought up to date, and did not have the redemption before.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl RedemptionStanding {
    /// From the result of updating the copy, the redemption's leaf in the copy, and the copy's
    /// size.
    pub fn of<E: ToString>(synced: Result<(), E>, leaf: Option<u64>, size: u64) -> Self {
        match (leaf, synced) {
            (Some(leaf), _) => Self::Spent { leaf },
            (None, Ok(())) => Self::NotYet { size },
            (None, Err(error)) => Self::Unknown {
                reason: error.to_string(),
            },
        }
    }
}

impl Wallet {
    /// The status of a redemption after the exchange gave no voucher. Only the log determines it.
    pub fn redemption_standing(&mut self, id: EntryId) -> BoxFuture<'_, RedemptionStanding> {
        Box::pin(async move {
            let synced = self.sync().await;
            let (found, size) = {
                let replica = self.replica();
                (replica.find(&id), replica.size())
            };
            // If the copy cannot be read, that does not mean that the redemption is missing.
            let (leaf, synced) = match found {
                Ok(leaf) => (leaf, synced),
                Err(unreadable) => (None, Err(unreadable.into())),
            };
            RedemptionStanding::of(synced, leaf, size)
        })
    }
}
