//! Why an opened total is refused.

use merits_primitives::sum::{Sum, WideSum};
use merits_threshold::{Side, total::TotalFault};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

/// A total covers batches that it may not cover, or is not their sum.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TotalRefusal {
    /// The entries are not the next unopened batches.
    #[error(
        "entry {position} of the total is not the next unopened batch of this asset, period, epoch and output"
    )]
    Set {
        /// Position at fault.
        position: usize,
    },
    /// The other output of these batches was opened in another set. Credits and measure follow
    /// from the same records, so sets that differ would say more than either sum.
    #[error(
        "the total covers {found} batches; the other output was opened over the first {expected}: open exactly these"
    )]
    Cut {
        /// Batches of the other output's total.
        expected: usize,
        /// Batches of this total.
        found: usize,
    },
    /// The other output must be opened first: the ledger cannot remember more sets that wait for
    /// it.
    #[error(
        "{waiting} opened totals wait for the other output of the same batches: open these first"
    )]
    TwinBehind {
        /// Sets in which this output was opened and the other was not.
        waiting: usize,
    },
    /// The total covers too few claims: a sum over few claims reveals much about each.
    #[error("the total covers {claims} claims; at least {least} are needed")]
    TooFew {
        /// Claims covered.
        claims: u64,
        /// Least number.
        least: u64,
    },
    /// V_max × claims, or W_max × claims, is over 2^48.
    #[error("the total could reach {worst}, over the limit of 2^48: open fewer batches at once")]
    TooLarge {
        /// The most that the sum can be.
        worst: WideSum,
    },
    /// The entries' T1 add up to the identity, but there are partials.
    #[error(
        "the batches' T1 add up to the identity: the sum is already open, so an opened total of it must have no partials"
    )]
    OpenAlready,
    /// The sum is hidden, but there are no partials.
    #[error(
        "the batches' T1 do not cancel out: the partials of both sides are needed to open the sum"
    )]
    PartialsMissing,
    /// The partials of a side: a partial whose proof does not hold (made with another key, for another set of batches,
    /// or from a ciphertext that is not a total), one of a stranger, one holder's twice, or another number than the
    /// threshold. The holder at fault is named.
    #[error(transparent)]
    Partials(TotalFault),
    /// The sum is not the one in the ciphertexts.
    #[error("the sum {sum} is not the one in the batches' totals")]
    SumWrong {
        /// The sum that came.
        sum: Sum,
    },
}

impl TotalRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::Set { .. } => Reason::TotalSet,
            Self::Cut { .. } => Reason::TotalCut,
            Self::TwinBehind { .. } => Reason::TotalTwinBehind,
            Self::TooFew { .. } => Reason::TotalTooFew,
            Self::TooLarge { .. } => Reason::TotalTooLarge,
            Self::OpenAlready => Reason::TotalOpenAlready,
            Self::PartialsMissing => Reason::PartialsMissing,
            Self::Partials(fault) => match fault {
                TotalFault::Count { .. } => Reason::PartialCount,
                TotalFault::Twice { .. } => Reason::PartialTwice,
                TotalFault::Stranger { .. } => Reason::PartialForeign,
                TotalFault::Wrong { .. }
                | TotalFault::Missing
                | TotalFault::OpenAlready
                | TotalFault::Sum(_) => Reason::PartialInvalid,
            },
            Self::SumWrong { .. } => Reason::SumWrong,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::Set { position } => FieldPath::name(fields::ENTRIES).index(*position),
            Self::Cut { .. } => fields::ENTRIES.into(),
            Self::Partials(
                TotalFault::Count { side, .. }
                | TotalFault::Twice { side, .. }
                | TotalFault::Stranger { side, .. }
                | TotalFault::Wrong { side, .. },
            ) => match side {
                Side::Supervisor => fields::SUPERVISOR.into(),
                Side::Witness => fields::WITNESS.into(),
            },
            Self::SumWrong { .. } => fields::SUM.into(),
            Self::OpenAlready | Self::PartialsMissing | Self::Partials(_) => {
                fields::PARTIALS.into()
            }
            Self::TwinBehind { .. } => fields::OUTPUT.into(),
            Self::TooFew { .. } | Self::TooLarge { .. } => FieldPath::NONE,
        }
    }
}
