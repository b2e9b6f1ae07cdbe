//! Why a step of a key generation, or the end of a share, is refused.

use std::time::Duration;

use merits_primitives::{
    calendar::Timestamp,
    ids::{Epoch, PartyId},
};
use merits_threshold::{Side, ceremony::CeremonyFault, message::Round};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

/// An attempt to make a half of the view keys, a message of it, or a share does not fit the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyGenerationRefusal {
    /// No such attempt.
    #[error(
        "no entry of this log opened attempt {attempt} to make the {}' half of epoch {}",
        side.many(),
        epoch.0
    )]
    Unknown {
        /// The epoch.
        epoch: Epoch,
        /// The side.
        side: Side,
        /// The attempt.
        attempt: u32,
    },
    /// The numbers make no quorum.
    #[error("these holders make no quorum: {0}")]
    Quorum(CeremonyFault),
    /// Half of the holders, or fewer, would be enough. Two such groups need not know of each other's answers, and
    /// totals of two sets that overlap would open their difference.
    #[error(
        "{needed} of {holders} holders are not more than half of them: two groups of them could answer for totals \
         that overlap, so demand {} at least",
        .holders / 2 + 1
    )]
    Minority {
        /// How many must answer.
        needed: u16,
        /// How many there are.
        holders: usize,
    },
    /// The deadline is past, or too far ahead.
    #[error(
        "the deadline {deadline} must be after the ledger's time {now}, and at most {} days after it",
        .limit.as_secs() / 86_400
    )]
    Deadline {
        /// The attempt's deadline.
        deadline: Timestamp,
        /// The ledger's time.
        now: Timestamp,
        /// Longest time to a deadline.
        limit: Duration,
    },
    /// The party's last attempt still runs.
    #[error(
        "attempt {attempt} of this party runs until {until}: a party opens another attempt when its last one is over"
    )]
    Open {
        /// The attempt that runs.
        attempt: u32,
        /// Its deadline.
        until: Timestamp,
    },
    /// The party opened as many attempts as it may in a day.
    #[error(
        "a party opens at most {} attempts to make a half in 24 hours: this one may open the next at {until}, and any \
         other supervisor or log witness may open one now",
        crate::entry::ATTEMPTS_A_DAY
    )]
    TooMany {
        /// From when it may open another.
        until: Timestamp,
    },
    /// The party takes no part, or holds no share.
    #[error("party {party} is not a holder of this half")]
    NotAHolder {
        /// The party.
        party: PartyId,
    },
    /// The attempt failed, or made its half.
    #[error("attempt {attempt} is {how}: it takes no more messages")]
    Ended {
        /// The attempt.
        attempt: u32,
        /// "failed" or "done".
        how: &'static str,
    },
    /// The deadline is past.
    #[error("attempt {attempt} took messages until {deadline}: begin another attempt")]
    Over {
        /// The attempt.
        attempt: u32,
        /// Its deadline.
        deadline: Timestamp,
    },
    /// Made for another attempt, epoch, side, threshold or set of holders.
    #[error(
        "the message was made for another key generation: its digest is not that of this attempt"
    )]
    OtherCeremony,
    /// Another round is waited for.
    #[error("the attempt waits for the round {expected}, and this message is of the round {found}")]
    Round {
        /// The round that is not complete.
        expected: Round,
        /// The message's.
        found: Round,
    },
    /// The holder has published in this round.
    #[error(
        "party {party} has published its message of the round {round}, or has none to publish in it"
    )]
    Published {
        /// The holder.
        party: PartyId,
        /// The round.
        round: Round,
    },
    /// The attempt made no half.
    #[error("attempt {attempt} has not made the {}' half: name one that is done", side.many())]
    NotDone {
        /// The side.
        side: Side,
        /// The attempt.
        attempt: u32,
    },
    /// The epoch's shares are still needed.
    #[error(
        "the shares of epoch {} are kept {}: what was encrypted under it may still be opened",
        epoch.0,
        kept(.until)
    )]
    Retained {
        /// The epoch.
        epoch: Epoch,
        /// The end of its retention, if the epoch has one.
        until: Option<Timestamp>,
    },
}

fn kept(until: &Option<Timestamp>) -> String {
    match until {
        Some(until) => format!("until it is retired, and until {until}"),
        None => "for good, because the epoch names no end".to_owned(),
    }
}

impl KeyGenerationRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::Unknown { .. } => Reason::KeyGenerationUnknown,
            Self::Quorum(_) | Self::Minority { .. } => Reason::QuorumInvalid,
            Self::Deadline { .. } => Reason::Deadline,
            Self::Open { .. } | Self::TooMany { .. } => Reason::KeyGenerationOpen,
            Self::NotAHolder { .. } => Reason::NotAHolder,
            Self::Ended { .. } => Reason::KeyGenerationEnded,
            Self::Over { .. } => Reason::KeyGenerationOver,
            Self::OtherCeremony => Reason::KeyGenerationOther,
            Self::Round { .. } => Reason::KeyGenerationRound,
            Self::Published { .. } => Reason::KeyGenerationPublished,
            Self::NotDone { .. } => Reason::HalfNotMade,
            Self::Retained { .. } => Reason::ShareRetained,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::Unknown { .. }
            | Self::Open { .. }
            | Self::TooMany { .. }
            | Self::Ended { .. }
            | Self::Over { .. } => fields::ATTEMPT.into(),
            Self::Quorum(_) => fields::HOLDERS.into(),
            Self::Minority { .. } => fields::NEEDED.into(),
            Self::Deadline { .. } => fields::DEADLINE.into(),
            Self::NotAHolder { .. } => fields::PARTY.into(),
            Self::OtherCeremony => fields::CEREMONY.into(),
            Self::Round { .. } | Self::Published { .. } => fields::ROUND.into(),
            Self::NotDone { side, .. } => match side {
                Side::Supervisor => fields::SUPERVISOR.into(),
                Side::Witness => fields::WITNESS.into(),
            },
            Self::Retained { .. } => fields::EPOCH.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_named_as_people_name_it() {
        for (side, named) in [
            (Side::Supervisor, "the supervisors' half"),
            (Side::Witness, "the log witnesses' half"),
        ] {
            let (epoch, attempt) = (Epoch(2), 1);
            for refusal in [
                KeyGenerationRefusal::Unknown {
                    epoch,
                    side,
                    attempt,
                },
                KeyGenerationRefusal::NotDone { side, attempt },
            ] {
                let said = refusal.to_string();
                assert!(said.contains(named), "{said}");
            }
        }
    }
}
