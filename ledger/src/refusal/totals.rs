//! Why a cut or an opened total is refused.

use merits_primitives::{calendar::Timestamp, ids::AssetId, sum::Sum};
use merits_threshold::{Side, total::TotalFault};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

use crate::cuts::CutFault;

/// A total or a cut covers batches that it may not cover, or a total is not their sum.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TotalRefusal {
    /// The interval was not cut, so nothing of it is opened.
    #[error(
        "interval {number} of this asset, period and epoch was not cut, and totals are opened over what a cut fixed"
    )]
    NotCut {
        /// The interval.
        number: u32,
    },
    /// This output of the interval was opened.
    #[error("this output of interval {number} is open already")]
    OpenedBefore {
        /// The interval.
        number: u32,
    },
    /// There is no such interval, or it was cut.
    #[error(
        "interval {number} of this asset, period and epoch was cut already, or has no batch: there is nothing to cut"
    )]
    NothingToCut {
        /// The interval.
        number: u32,
    },
    /// The founding facts say when a period is cut first, and how often.
    #[error("the next cut of this period may be at {from}, and not before")]
    TooSoon {
        /// The earliest time.
        from: Timestamp,
    },
    /// A sum, or a difference of sums, would be about too few deeds.
    #[error(transparent)]
    Class(CutFault),
    /// Another scale claimed such records first, when it was the only one, so deeds were not compared.
    #[error(
        "scale {} was alone to read such records when this period was claimed first, and nobody compared its deeds with \
         this scale's: no total of this scale is opened for the period",
        first.0
    )]
    OtherScale {
        /// The scale's number.
        first: AssetId,
    },
    /// Too many combinations of intervals and distributors.
    #[error(
        "the deeds of this period lie in more combinations of scales, intervals and distributors than the ledger \
         compares: no further total of it is opened"
    )]
    Tangled,
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
            Self::NotCut { .. } | Self::NothingToCut { .. } | Self::TooSoon { .. } => {
                Reason::TotalCut
            }
            Self::OpenedBefore { .. } => Reason::TotalSet,
            Self::Class(_) => Reason::TotalTooFew,
            Self::OtherScale { .. } | Self::Tangled => Reason::TotalOverlaps,
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
            Self::NotCut { .. } | Self::OpenedBefore { .. } | Self::NothingToCut { .. } => {
                fields::NUMBER.into()
            }
            Self::TooSoon { .. } => fields::PERIOD.into(),
            Self::OtherScale { .. } => fields::ASSET.into(),
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
            Self::Class(_) | Self::Tangled => FieldPath::NONE,
        }
    }
}
