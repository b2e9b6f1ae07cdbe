//! The identity of a wallet.

use merits_primitives::field;
use serde::Serialize;

use crate::{keys::WalletKeys, view::View};

/// The identity of a wallet on its ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Identity {
    /// It is not registered.
    Unregistered {
        /// The commitment that its first registration will have.
        commitment: String,
    },
    /// Registered.
    Registered {
        /// Its commitment.
        commitment: String,
        /// Periods that begin on this day or later can be claimed.
        eligible_from: String,
        /// The ledger's count of the person's registrations, from 0.
        generation: u8,
        /// Whether it ended: it can claim, withdraw and spend nothing any more.
        retired: bool,
    },
}

/// The identity of the wallet with these keys.
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
