//! Who the wallet is.

use merits_primitives::field;
use serde::Serialize;

use crate::{keys::WalletKeys, view::View};

/// Who a wallet is on its ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Identity {
    /// Nobody registered it.
    Unregistered {
        /// The commitment that its first registration will have.
        commitment: String,
    },
    /// Registered.
    Registered {
        /// Its commitment.
        commitment: String,
        /// Periods count that begin on this day or later.
        eligible_from: String,
        /// The ledger's count of the person's registrations, from 0.
        generation: u8,
        /// Whether it ended: it can claim, withdraw and spend nothing any more.
        retired: bool,
    },
}

/// Who the wallet with these keys is.
pub fn identity(view: &View, keys: &WalletKeys) -> Identity {
    match &view.identity {
        None => Identity::Unregistered {
            commitment: hex::encode(field::to_bytes(&keys.commitment(0))),
        },
        Some(own) => Identity::Registered {
            commitment: hex::encode(field::to_bytes(&own.commitment)),
            eligible_from: own.birth.from.to_string(),
            generation: own.birth.generation,
            retired: own.retired,
        },
    }
}
