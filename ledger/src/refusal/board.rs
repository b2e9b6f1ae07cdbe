//! Why an act of the board, or a voice on one, is refused.

use std::time::Duration;

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

use crate::role::Role;

/// A proposal, an endorsement, an enactment or an emergency suspension does not fit the board.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BoardRefusal {
    /// A party admits itself, or a supervisor admits a party without an act.
    #[error(
        "party {party} is not named by the founding facts: every other party is admitted by an act of the board"
    )]
    NotAFounder {
        /// The party that would be admitted.
        party: PartyId,
    },
    /// A member of the founding facts with other roles than they give it.
    #[error("the founding facts name party {party} as {role} and as nothing else")]
    FounderRoles {
        /// The party.
        party: PartyId,
        /// Its role.
        role: Role,
    },
    /// No such proposal.
    #[error("act {proposal} is unknown: no entry of this log proposed it")]
    Unknown {
        /// The entry named.
        proposal: EntryId,
    },
    /// The act took effect before.
    #[error("act {proposal} was enacted at {time}")]
    Enacted {
        /// The proposal.
        proposal: EntryId,
        /// When.
        time: Timestamp,
    },
    /// The proposal's end is past.
    #[error("act {proposal} could be enacted until {end}: propose it again")]
    Over {
        /// The proposal.
        proposal: EntryId,
        /// Its end.
        end: Timestamp,
    },
    /// The board's thresholds are not those under which the act was proposed.
    #[error(
        "the act was proposed under generation {found} of the thresholds, and {present} is in force: propose it again"
    )]
    PolicyMoved {
        /// The proposal's generation.
        found: u32,
        /// The generation in force.
        present: u32,
    },
    /// The proposal's end is too soon or too late.
    #[error(
        "a proposal must end after {earliest}, when it could be enacted at the earliest, and by {latest}; this one ends {end}"
    )]
    End {
        /// Its end.
        end: Timestamp,
        /// When the delay could be over.
        earliest: Timestamp,
        /// The latest end.
        latest: Timestamp,
    },
    /// The member has as many open proposals as it may have.
    #[error("the party has {limit} proposals that are neither enacted nor over, which is the most")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The act cannot be enacted by its proposal.
    #[error(
        "the act needs {needed} members, {consents} witnesses and a delay of {} s: propose it with an end, have it endorsed, and enact it", .delay.as_secs()
    )]
    NotAlone {
        /// Members that it needs.
        needed: u16,
        /// Witnesses that must consent.
        consents: u16,
        /// Its delay.
        delay: Duration,
    },
    /// Too few members in standing endorse the act.
    #[error("the act needs the endorsement of {needed} members in standing, and has {found}")]
    TooFewEndorsements {
        /// Those that count.
        found: usize,
        /// Members that it needs.
        needed: usize,
    },
    /// Too few witnesses consent to the act.
    #[error("the act needs the consent of {needed} witnesses, and has {found}")]
    TooFewConsents {
        /// Those that count.
        found: usize,
        /// Witnesses that it needs.
        needed: u16,
    },
    /// The act's delay is not over.
    #[error("the act can be enacted from {from}, when its delay is over")]
    TooEarly {
        /// The earliest time.
        from: Timestamp,
    },
    /// Most of the witnesses that are left object.
    #[error("{objections} of the {witnesses} witnesses that are left object to the act")]
    Objected {
        /// Objections.
        objections: usize,
        /// Witnesses that have not ended.
        witnesses: usize,
    },
    /// The party endorses the act already, or objects to it already.
    #[error("party {party} has said so already")]
    VoiceStanding {
        /// The party.
        party: PartyId,
    },
    /// The party has no endorsement to revoke.
    #[error("party {party} has no endorsement of this act with this number")]
    VoiceMissing {
        /// The party.
        party: PartyId,
    },
    /// The party is neither a supervisor nor a witness.
    #[error("party {party} is neither a supervisor nor a witness, so it has no voice on the board")]
    NoVoice {
        /// The party.
        party: PartyId,
    },
    /// Thresholds that the board cannot have.
    #[error("the board cannot have these thresholds: {why}")]
    Thresholds {
        /// Why.
        why: &'static str,
    },
    /// A party that one member cannot suspend.
    #[error("party {party} is {role}: only an act of the board suspends it")]
    EmergencyProtected {
        /// The party.
        party: PartyId,
        /// Its role.
        role: Role,
    },
    /// The party's last emergency suspension is too recent.
    #[error("one member can suspend party {party} again from {from}; an act of the board can now")]
    EmergencyAgain {
        /// The party.
        party: PartyId,
        /// From when.
        from: Timestamp,
    },
}

impl BoardRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::NotAFounder { .. } => Reason::NotAFounder,
            Self::FounderRoles { .. } => Reason::FounderRoles,
            Self::Unknown { .. } => Reason::ActUnknown,
            Self::Enacted { .. } => Reason::ActEnacted,
            Self::Over { .. } => Reason::ActOver,
            Self::PolicyMoved { .. } => Reason::ActPolicyMoved,
            Self::End { .. } => Reason::ActEnd,
            Self::TooMany { .. } => Reason::ActTooMany,
            Self::NotAlone { .. } => Reason::ActNotAlone,
            Self::TooFewEndorsements { .. } => Reason::ActEndorsements,
            Self::TooFewConsents { .. } => Reason::ActConsents,
            Self::TooEarly { .. } => Reason::ActTooEarly,
            Self::Objected { .. } => Reason::ActObjected,
            Self::VoiceStanding { .. } => Reason::VoiceStanding,
            Self::VoiceMissing { .. } => Reason::VoiceMissing,
            Self::NoVoice { .. } => Reason::NoVoice,
            Self::Thresholds { .. } => Reason::ThresholdsInvalid,
            Self::EmergencyProtected { .. } => Reason::EmergencyProtected,
            Self::EmergencyAgain { .. } => Reason::EmergencyAgain,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::Unknown { .. } | Self::Enacted { .. } | Self::Over { .. } => {
                fields::PROPOSAL.into()
            }
            Self::PolicyMoved { .. } => fields::POLICY.into(),
            Self::End { .. } | Self::NotAlone { .. } => fields::UNTIL.into(),
            Self::VoiceStanding { .. } | Self::VoiceMissing { .. } => fields::NUMBER.into(),
            Self::NotAFounder { .. }
            | Self::NoVoice { .. }
            | Self::EmergencyProtected { .. }
            | Self::EmergencyAgain { .. } => fields::PARTY.into(),
            Self::FounderRoles { .. } => fields::ROLES.into(),
            Self::Thresholds { .. } => fields::THRESHOLDS.into(),
            Self::TooMany { .. }
            | Self::TooFewEndorsements { .. }
            | Self::TooFewConsents { .. }
            | Self::TooEarly { .. }
            | Self::Objected { .. } => FieldPath::NONE,
        }
    }
}
