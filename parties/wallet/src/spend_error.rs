//! Why nothing can be spent.

use merits_circuits::redeem::RedeemFault;
use merits_ledger::{Refusal, rows::RowError};
use merits_primitives::ids::ScaleId;
use thiserror::Error;

use crate::choice::ChoiceError;

/// Why nothing can be spent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpendError {
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The wallet is not registered.
    #[error(
        "this wallet is not registered: only registered people spend; `merits wallet register` \
         makes the request for a registrar"
    )]
    NotRegistered,
    /// The identity was retired.
    #[error("this wallet's identity was retired: what it owns cannot be spent any more")]
    Retired,
    /// The ledger would refuse it.
    #[error("the ledger would refuse it: {0}")]
    Refused(#[from] Refusal),
    /// There is no view key under which to seal the identity.
    #[error(
        "the ledger has no view-key epoch yet, so nothing can be spent: a supervisor opens one (`merits \
         supervisor epoch`)"
    )]
    NoEpoch,
    /// No one or two notes cover the amount.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// There are no credits of the scale.
    #[error(
        "this wallet has no valid credits of {scale}: `merits wallet credits` shows what it has"
    )]
    NoCredits {
        /// The scale.
        scale: ScaleId,
    },
    /// The daily limit of the offer is reached.
    #[error("daily limit of {limit} redemptions of this offer reached: try again tomorrow")]
    RateLimit {
        /// The limit for each day.
        limit: u32,
    },
    /// The same question again.
    #[error(
        "this verifier's question was answered before: its nonce serves once; ask the verifier \
         for a new one"
    )]
    AnsweredBefore,
    /// The view belongs to another state.
    #[error("the wallet's view does not fit its copy of the ledger: scan again")]
    OtherView,
    /// The statement.
    #[error(transparent)]
    Fault(#[from] RedeemFault),
}
