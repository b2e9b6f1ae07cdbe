//! Why a person's registration, or the group of people that a proof was made for, is refused.

use merits_primitives::{calendar::Day, ids::PartyId};
use merits_verifier::{FieldPath, Reason};
use thiserror::Error;

/// A person, an evaluation of a uniqueness tag or the group of people is not as the entry needs it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityRefusal {
    /// The ledger has an evaluator's key, and keeps it.
    #[error("the evaluator's key is fixed: another one would give every person a second tag")]
    EvaluatorStands,
    /// Only the adopted evaluator says which evaluations it gave.
    #[error("party {party} is not this ledger's evaluator")]
    NotTheEvaluator {
        /// Who says so.
        party: PartyId,
    },
    /// An evaluation that does not carry on the evaluator's count.
    #[error("the next evaluation has number {expected}, not {found}")]
    EvaluationNumber {
        /// The next one.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The evaluation that a registration names cannot serve it.
    #[error(
        "the evaluation named is unknown, another registrar's, or served a registration before: have the evaluator answer again"
    )]
    EvaluationUnfit,
    /// An identity commitment stands in the group once, for ever.
    #[error("this identity commitment was registered before: make a new identity in the wallet")]
    CommitmentKnown,
    /// The uniqueness tag is in force for another identity.
    #[error(
        "this person is registered already: an identity is given anew (generation + 1) only after a loss"
    )]
    PersonKnown,
    /// A new generation would overlap with tickets of the one before.
    #[error(
        "an identity given anew is eligible from {earliest} at the earliest, not from {found}: tickets of the one before may reach until then"
    )]
    EligibleTooEarly {
        /// First day that is possible.
        earliest: Day,
        /// What came.
        found: Day,
    },
    /// A generation is a byte.
    #[error("this person was registered 256 times, which is the most")]
    GenerationsUsedUp,
    /// A path has 32 levels.
    #[error("the group has 2^32 identities, which is the most")]
    GroupFull,
    /// Nothing to retire.
    #[error("no identity in force has this commitment")]
    Unknown,
    /// A proof of membership that is older than an hour, or of no group.
    #[error(
        "the proof was made for a group of people that is not the present one nor of the last hour: bring the wallet up to date and prove again"
    )]
    GroupRootUnknown,
}

impl IdentityRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::EvaluatorStands => Reason::EvaluatorStands,
            Self::NotTheEvaluator { .. } => Reason::NotTheEvaluator,
            Self::EvaluationNumber { .. } => Reason::EvaluationNumber,
            Self::EvaluationUnfit => Reason::EvaluationUnfit,
            Self::CommitmentKnown => Reason::CommitmentKnown,
            Self::PersonKnown => Reason::PersonKnown,
            Self::EligibleTooEarly { .. } => Reason::EligibleTooEarly,
            Self::GenerationsUsedUp => Reason::GenerationsUsedUp,
            Self::GroupFull => Reason::GroupFull,
            Self::Unknown => Reason::IdentityUnknown,
            Self::GroupRootUnknown => Reason::GroupRootUnknown,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::EvaluatorStands | Self::GroupFull => FieldPath::NONE,
            Self::NotTheEvaluator { .. } => "party".into(),
            Self::EvaluationNumber { .. } => "number".into(),
            Self::EvaluationUnfit => "evaluation".into(),
            Self::CommitmentKnown | Self::Unknown => "commitment".into(),
            Self::PersonKnown => "tag".into(),
            Self::EligibleTooEarly { .. } => "from".into(),
            Self::GenerationsUsedUp => "generation".into(),
            Self::GroupRootUnknown => "root".into(),
        }
    }
}
