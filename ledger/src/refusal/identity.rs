//! Why a person's registration, or the group of people that a proof was made for, is refused.

use merits_primitives::{calendar::Day, ids::PartyId};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

/// A person, an evaluation of a uniqueness tag or the group of people does not fit the entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdentityRefusal {
    /// The ledger already has an evaluator's key, which cannot be replaced.
    #[error("the evaluator's key is fixed: another one would give every person a second tag")]
    EvaluatorStands,
    /// Only a holder of the key may log evaluations.
    #[error("party {party} holds no share of this ledger's key of the uniqueness tags")]
    NotTheEvaluator {
        /// The party that signed.
        party: PartyId,
    },
    /// An evaluation that does not continue its evaluator's count.
    #[error("the evaluator's next evaluation has number {expected}, not {found}")]
    EvaluationNumber {
        /// The next one.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The evaluation that a registration names cannot be used for it.
    #[error(
        "the named evaluation is unknown, belongs to another registrar, or was used by an earlier registration: ask the evaluators again"
    )]
    EvaluationUnfit,
    /// Fewer evaluators counted the request than must answer.
    #[error(
        "{counted} evaluators counted this request, and the key of the uniqueness tags needs {needed}: ask further \
         evaluators"
    )]
    EvaluationIncomplete {
        /// Evaluators that counted it.
        counted: usize,
        /// How many must answer.
        needed: u16,
    },
    /// An identity commitment can be registered only once.
    #[error("this identity commitment was registered before: make a new identity in the wallet")]
    CommitmentKnown,
    /// The uniqueness tag is in force for another identity.
    #[error(
        "this person is already registered: a new identity (generation + 1) is only given after a loss"
    )]
    PersonKnown,
    /// A new generation would overlap with tickets of the one before.
    #[error(
        "a new identity after a loss is eligible from {earliest} on, not from {found}: tickets of the \
         previous identity may reach until then"
    )]
    EligibleTooEarly {
        /// The first possible day.
        earliest: Day,
        /// What came.
        found: Day,
    },
    /// The generation exceeds a byte.
    #[error("this person has reached the limit of 256 identities")]
    GenerationsUsedUp,
    /// The group has as many leaves as paths of 32 levels allow.
    #[error("the group has reached the limit of 2^32 identities")]
    GroupFull,
    /// There is no identity to retire.
    #[error("no identity in force has this commitment")]
    Unknown,
    /// The proof of membership is for a root that was superseded over an hour ago, or for none of
    /// the group's roots.
    #[error(
        "the proof was made for an old group of people: only the present one and those of the last hour are \
         accepted; bring the wallet up to date and prove again"
    )]
    GroupRootUnknown,
}

impl IdentityRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::EvaluatorStands => Reason::EvaluatorStands,
            Self::NotTheEvaluator { .. } => Reason::NotTheEvaluator,
            Self::EvaluationNumber { .. } => Reason::EvaluationNumber,
            Self::EvaluationUnfit | Self::EvaluationIncomplete { .. } => Reason::EvaluationUnfit,
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
            Self::NotTheEvaluator { .. } => fields::PARTY.into(),
            Self::EvaluationNumber { .. } => fields::NUMBER.into(),
            Self::EvaluationUnfit | Self::EvaluationIncomplete { .. } => fields::EVALUATION.into(),
            Self::CommitmentKnown | Self::Unknown => fields::COMMITMENT.into(),
            Self::PersonKnown => fields::TAG.into(),
            Self::EligibleTooEarly { .. } => fields::FROM.into(),
            Self::GenerationsUsedUp => fields::GENERATION.into(),
            Self::GroupRootUnknown => fields::ROOT.into(),
        }
    }
}
