//! Why an alert, or its handling, is refused.

use std::time::Duration;

use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

/// An alert contradicts itself, or cannot be handled so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AlertRefusal {
    /// The window is empty, too long, or not over.
    #[error(
        "the window from {from} until {until} must have at least a millisecond and at most {} days, and must be over at \
         the ledger's time {now}",
        .limit.as_secs() / 86_400
    )]
    Window {
        /// Its first moment.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
        /// The ledger's time.
        now: Timestamp,
        /// Longest window.
        limit: Duration,
    },
    /// The supervisor raised and handled as many alerts today as it may.
    #[error(
        "daily limit of {limit} entries of a supervisor about alerts reached: send the entry again tomorrow (UTC), and \
         see whether a rule holds too often"
    )]
    Quota {
        /// The limit.
        limit: u32,
    },
    /// No such alert.
    #[error("alert {alert} is unknown: name the entry that raised it")]
    Unknown {
        /// The entry named.
        alert: EntryId,
    },
    /// The party that the alert is about would handle it.
    #[error("alert {alert} is about the party that handles it: another supervisor must do that")]
    AboutItself {
        /// The alert.
        alert: EntryId,
    },
    /// The alert is acknowledged, which is final.
    #[error("alert {alert} is already acknowledged, which is final")]
    Acknowledged {
        /// The alert.
        alert: EntryId,
    },
    /// The silence ends too early or too late.
    #[error(
        "the silence until {} must end after {}, and at most {} days after the ledger's time",
        .until, .earliest, .limit.as_secs() / 86_400
    )]
    Silence {
        /// Its end.
        until: Timestamp,
        /// The later of the ledger's time and the end of the silence before.
        earliest: Timestamp,
        /// Longest silence.
        limit: Duration,
    },
}

impl AlertRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::Window { .. } => Reason::AlertWindow,
            Self::Unknown { .. } => Reason::AlertUnknown,
            Self::AboutItself { .. } => Reason::AlertAboutItself,
            Self::Acknowledged { .. } => Reason::AlertAcknowledged,
            Self::Silence { .. } => Reason::AlertSilence,
            Self::Quota { .. } => Reason::AlertQuota,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::Window { .. } => fields::UNTIL.into(),
            Self::Unknown { .. } => fields::ALERT.into(),
            Self::AboutItself { .. } => fields::PARTY.into(),
            Self::Silence { .. } => fields::SILENT_UNTIL.into(),
            Self::Acknowledged { .. } | Self::Quota { .. } => FieldPath::NONE,
        }
    }
}
