//! Why a step of an opening request is refused.

use std::time::Duration;

use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

/// An opening request does not exist, or is not in the state that the step needs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpeningRefusal {
    /// No such opening request.
    #[error("opening request {request} is unknown")]
    Unknown {
        /// The entry named.
        request: EntryId,
    },
    /// The party is not the requester.
    #[error("opening request {request} belongs to another party")]
    OfAnother {
        /// The request.
        request: EntryId,
    },
    /// The step was already taken.
    #[error("opening request {request} is already {standing}")]
    Standing {
        /// The request.
        request: EntryId,
        /// "completed" or "revealed".
        standing: &'static str,
    },
    /// The deadline is past, or too far ahead.
    #[error(
        "the deadline {} must be after the ledger's time {}, and at most {} days after it",
        .deadline, .now, .limit.as_secs() / 86_400
    )]
    Deadline {
        /// The request's deadline.
        deadline: Timestamp,
        /// The ledger's time.
        now: Timestamp,
        /// Longest time to a deadline.
        limit: Duration,
    },
    /// Nobody endorses what holders do not answer any more.
    #[error(
        "the deadline {deadline} of opening request {request} is past, by the ledger's time, which is {now}: \
         holders do not answer it any more, so make a new request"
    )]
    Over {
        /// The request.
        request: EntryId,
        /// Its deadline.
        deadline: Timestamp,
        /// The ledger's time.
        now: Timestamp,
    },
    /// The revealed content is not what the request committed to.
    #[error("the revealed content does not open the commitment of request {request}")]
    RevealMismatch {
        /// The request.
        request: EntryId,
    },
}

impl OpeningRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::Unknown { .. } => Reason::RequestUnknown,
            Self::OfAnother { .. } => Reason::RequestOfAnother,
            Self::Standing { .. } => Reason::RequestStanding,
            Self::Deadline { .. } => Reason::Deadline,
            Self::Over { .. } => Reason::DeadlinePast,
            Self::RevealMismatch { .. } => Reason::RevealMismatch,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::Deadline { .. } => fields::DEADLINE.into(),
            Self::Over { .. } => fields::REQUEST.into(),
            Self::Unknown { .. }
            | Self::OfAnother { .. }
            | Self::Standing { .. }
            | Self::RevealMismatch { .. } => FieldPath::NONE,
        }
    }
}
