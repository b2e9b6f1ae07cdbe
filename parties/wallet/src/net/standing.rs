//! What became of a redemption that got no voucher.

use futures::future::BoxFuture;
use merits_primitives::ids::EntryId;
use serde::Serialize;

use super::Wallet;

/// Where a redemption stands, by the wallet's own copy of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RedemptionStanding {
    /// The log has it: the credits are spent.
    Spent {
        /// Its leaf.
        leaf: u64,
    },
    /// The log up to here does not have it.
    NotYet {
        /// How many leaves there are.
        size: u64,
    },
    /// The copy cannot be brought up to date, and did not have it before.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl RedemptionStanding {
    /// From what came of bringing the copy up to date, where the copy has the redemption, and the copy's
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
    /// Where a redemption stands, after the exchange gave no voucher: only the log says it.
    pub fn redemption_standing(&mut self, id: EntryId) -> BoxFuture<'_, RedemptionStanding> {
        Box::pin(async move {
            let synced = self.sync().await;
            let (found, size) = {
                let replica = self.replica();
                (replica.find(&id), replica.size())
            };
            // A copy that cannot be read does not say that the redemption is not in it.
            let (leaf, synced) = match found {
                Ok(leaf) => (leaf, synced),
                Err(unreadable) => (None, Err(unreadable.into())),
            };
            RedemptionStanding::of(synced, leaf, size)
        })
    }
}
