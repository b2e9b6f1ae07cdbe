//! Why a step of a dealing of the tag key's shares is refused.

use std::time::Duration;

use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_threshold::tags::{board::TagFault, dealing::DealingFault};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

/// A dealing, or a message of one, does not fit the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TagKeyRefusal {
    /// No such dealing.
    #[error("party {opener} opened no dealing of generation {generation} of the tag key's shares")]
    Unknown {
        /// The generation.
        generation: u32,
        /// Who was said to have opened it.
        opener: PartyId,
    },
    /// One evaluator with the whole key, where the board has no single hand.
    #[error(
        "this ledger's acts take more than one supervisor, so no evaluator opens a key of the uniqueness tags that it \
         alone has: evaluators make it together with `merits evaluator shares open`"
    )]
    Whole,
    /// Bytes with which nothing could ever be evaluated.
    #[error(
        "the public key is not an element of ristretto255 other than the identity: the evaluator's program is at fault"
    )]
    NoElement,
    /// These parties make no dealing.
    #[error("these parties cannot deal shares of the tag key: {0}")]
    Dealing(DealingFault),
    /// The opener gets no share and deals none.
    #[error(
        "party {party} gets no share and deals none: a party that takes part opens the dealing"
    )]
    OpenerTakesNoPart {
        /// The opener.
        party: PartyId,
    },
    /// The deadline is past, or too far ahead.
    #[error(
        "the deadline {deadline} must be after the ledger's time {now}, and at most {} days after it",
        .limit.as_secs() / 86_400
    )]
    Deadline {
        /// The dealing's deadline.
        deadline: Timestamp,
        /// The ledger's time.
        now: Timestamp,
        /// Longest time to a deadline.
        limit: Duration,
    },
    /// The party's last dealing still runs.
    #[error(
        "a dealing of this party runs until {until}: a party opens another when its last one is over"
    )]
    Open {
        /// Its deadline.
        until: Timestamp,
    },
    /// The deadline is past.
    #[error("the dealing took messages until {deadline}: open another")]
    Over {
        /// Its deadline.
        deadline: Timestamp,
    },
    /// The message is not the one that is waited for, or is wrong.
    #[error("{0}")]
    Message(TagFault),
}

impl TagKeyRefusal {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "faults of the crate below can get further variants"
    )]
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::Unknown { .. } => Reason::KeyGenerationUnknown,
            Self::Dealing(_) | Self::Whole => Reason::QuorumInvalid,
            Self::NoElement => Reason::Malformed,
            Self::OpenerTakesNoPart { .. } => Reason::NotAHolder,
            Self::Deadline { .. } => Reason::Deadline,
            Self::Open { .. } => Reason::KeyGenerationOpen,
            Self::Over { .. } => Reason::KeyGenerationOver,
            Self::Message(fault) => match fault {
                TagFault::Over => Reason::KeyGenerationEnded,
                TagFault::Round { .. } => Reason::KeyGenerationRound,
                TagFault::Published { .. } => Reason::KeyGenerationPublished,
                _ => Reason::KeyGenerationOther,
            },
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "faults of the crate below can get further variants"
    )]
    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::Unknown { .. } | Self::Open { .. } | Self::Over { .. } => fields::ATTEMPT.into(),
            Self::Dealing(_) => fields::HOLDERS.into(),
            Self::Whole => FieldPath::NONE,
            Self::NoElement => fields::KEY.into(),
            Self::OpenerTakesNoPart { .. } => fields::PARTY.into(),
            Self::Deadline { .. } => fields::DEADLINE.into(),
            Self::Message(fault) => match fault {
                TagFault::Round { .. } | TagFault::Published { .. } => fields::ROUND.into(),
                _ => fields::CEREMONY.into(),
            },
        }
    }
}
