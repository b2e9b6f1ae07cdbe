//! Totals: sums over many batches, opened publicly, which anybody can check.
//!
//! What may be opened is an interval that the ledger cut: nobody picks batches, and every holder answers for the same.
//! Credits and measure of a scale have separate totals over the same intervals.

use ark_ec::CurveGroup;
use merits_ledger::{entry::TotalPartials, state::IntervalTotal};
use merits_primitives::{
    ids::{EntryId, Epoch, PartyId},
    jubjub::Point,
    sum::Sum,
};
use merits_threshold::quorum::{CombineFault, Partial, PartialFault};
use merits_verifier::{
    Reason,
    possession::{TotalsKey, total_context},
    total::TotalSum,
};
use thiserror::Error;

use crate::{
    asking::{TotalAsk, TotalPartial},
    discrete_log::discrete_log,
    side::Side,
    view::{LedgerView, Unreadable},
};

/// Why a total may not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SetFault {
    /// Nothing to open.
    #[error(
        "every batch of this scale, period and epoch is already in an opened total of this output (a scale \
         without a measure has totals of credits only)"
    )]
    Empty,
    /// No cut allows it.
    #[error(
        "interval {number} of this scale, period and epoch was not cut in this verified copy of the log: holders answer \
         for cuts only"
    )]
    NotCut {
        /// The interval.
        number: u32,
    },
    /// The copy of the log failed, which says nothing about the set.
    #[error(transparent)]
    Copy(#[from] Unreadable),
}

impl SetFault {
    /// The reason, for programs.
    pub fn code(&self) -> Reason {
        match self {
            Self::Empty => Reason::TotalEmpty,
            Self::NotCut { .. } => Reason::TotalCut,
            Self::Copy(_) => Reason::CopyUnreadable,
        }
    }
}

/// What has to happen before the next total of an output is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one is made for a total")]
pub enum Next {
    /// A cut of the interval with this number.
    Cut(u32),
    /// The holders' answers.
    Open(TotalSet),
}

/// A cut whose total may be opened, with its sums. Made from a verified log only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalSet {
    key: TotalsKey,
    number: u32,
    cut: EntryId,
    claims: u64,
    bound: Sum,
    sums: TotalSum,
}

impl TotalSet {
    /// The first interval that no total of this output covers: the next to open, or to cut.
    ///
    /// # Errors
    /// [`SetFault`].
    pub fn next(log: &(impl LedgerView + ?Sized), key: TotalsKey) -> Result<Next, SetFault> {
        let mut intervals = log.intervals(&key)?.into_iter();
        let unopened = intervals.find(|(_, interval)| interval.opened.is_none());
        let (number, interval) = unopened.ok_or(SetFault::Empty)?;
        Ok(match Self::of(key, number, &interval) {
            Some(set) => Next::Open(set),
            None => Next::Cut(number),
        })
    }

    /// The interval with this number, which must have been cut. Whether it was opened already does not matter: the
    /// answers are the same, and public.
    ///
    /// # Errors
    /// [`SetFault`].
    pub fn check(
        log: &(impl LedgerView + ?Sized),
        key: TotalsKey,
        number: u32,
    ) -> Result<Self, SetFault> {
        let interval = log.interval(&key, number)?;
        let set = interval.and_then(|interval| Self::of(key, number, &interval));
        set.ok_or(SetFault::NotCut { number })
    }

    fn of(key: TotalsKey, number: u32, interval: &IntervalTotal) -> Option<Self> {
        Some(Self {
            key,
            number,
            cut: interval.cut?,
            claims: interval.claims,
            bound: interval.worst,
            sums: interval.sums(),
        })
    }

    /// Scale, period, epoch and output.
    pub fn key(&self) -> TotalsKey {
        self.key
    }

    /// The interval.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The entry that cut it, to which partials are bound.
    pub fn cut(&self) -> EntryId {
        self.cut
    }

    /// The number of its claims.
    pub fn claims(&self) -> u64 {
        self.claims
    }

    /// The upper bound of the sum.
    pub fn bound(&self) -> Sum {
        self.bound
    }

    /// ΣT1. `None` when it is the identity: then the sum is already open, and no holder is asked.
    pub fn t1(&self) -> Option<Point> {
        self.sums.t1()
    }

    /// The question for each holder.
    pub fn ask(&self, log: &(impl LedgerView + ?Sized)) -> TotalAsk {
        TotalAsk {
            origin: log.origin().clone(),
            key: self.key,
            number: self.number,
        }
    }

    /// Checks the holders' partials and finds the sum, from the first right ones of each side up to its threshold. A
    /// wrong answer is named and left out. If the sum is already open, answers are ignored.
    ///
    /// # Errors
    /// [`TotalFault`] names the side, and the holders at fault.
    pub fn open(
        &self,
        log: &(impl LedgerView + ?Sized),
        answers: &[TotalPartial],
    ) -> Result<OpenedTotal, TotalFault> {
        let (mut images, mut sides, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(t1) = self.sums.t1() {
            for side in Side::BOTH {
                let answered = self.of_side(log, side, &t1, answers)?;
                images.push(answered.image);
                sides.push(answered.partials);
                wrong.extend(answered.wrong);
            }
        }
        let target = self.sums.message(images.iter()).into_affine();
        let sum = discrete_log(&target, self.bound.0).map(Sum);
        let sum = sum.ok_or(TotalFault::NoSum(self.bound))?;
        let mut sides = sides.into_iter();
        let partials = sides.next().zip(sides.next());
        Ok(OpenedTotal {
            set: self.clone(),
            sum,
            partials: partials.map(|(supervisor, witness)| TotalPartials {
                supervisor,
                witness,
            }),
            wrong,
        })
    }

    /// One side's half times ΣT1.
    fn of_side(
        &self,
        log: &(impl LedgerView + ?Sized),
        side: Side,
        t1: &Point,
        answers: &[TotalPartial],
    ) -> Result<Answered, TotalFault> {
        let epoch = self.key.epoch;
        let half = log
            .quorum(epoch, side)
            .ok_or(TotalFault::NoEpoch(epoch))?
            .total;
        let context = |holder: &PartyId| {
            let key = side.total_half();
            total_context(log.origin(), &self.key, &[self.cut], key, holder)
        };
        // The other side's holders, and strangers, say nothing about this half.
        let partials: Vec<Partial> = answers
            .iter()
            .filter(|answer| half.holder(&answer.holder).is_some())
            .map(|answer| Partial {
                holder: answer.holder,
                image: answer.partial,
                proof: answer.proof,
            })
            .collect();
        match half.combine(t1, &partials, context) {
            Ok(combined) => Ok(Answered {
                image: combined.image,
                partials: combined.used,
                wrong: combined.wrong,
            }),
            Err(CombineFault::TooFew {
                needed,
                right,
                wrong,
            }) => Err(too_few(side, needed, right, wrong)),
            // The sum of checked partials is the identity only if the half is, which the ledger refuses.
            Err(_) => Err(TotalFault::NoSum(self.bound)),
        }
    }
}

/// What one side answered.
struct Answered {
    image: Point,
    /// As many as the threshold.
    partials: Vec<Partial>,
    wrong: Vec<PartialFault>,
}

/// Why a side did not answer: of one holder, what that holder did.
fn too_few(side: Side, needed: u16, right: usize, wrong: Vec<PartialFault>) -> TotalFault {
    match wrong.first() {
        _ if needed > 1 => TotalFault::TooFew {
            side,
            needed,
            right,
            wrong,
        },
        Some(PartialFault::Wrong(holder)) => {
            let holder = *holder;
            TotalFault::BadPartial { side, holder }
        }
        _ => TotalFault::Missing(side),
    }
}

/// Why partials do not open a total.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TotalFault {
    /// The log knows no such epoch.
    #[error("the log has opened no view-key epoch {}", .0.0)]
    NoEpoch(Epoch),
    /// A half is missing.
    #[error("no answer from the {0}'s half of the totals key: both halves are needed")]
    Missing(Side),
    /// A holder's answer is wrong.
    #[error(
        "the {side}'s partial is not made with its published half of the totals key: holder {holder} is at fault"
    )]
    BadPartial {
        /// The side.
        side: Side,
        /// The holder.
        holder: merits_primitives::ids::PartyId,
    },
    /// Fewer holders of a quorum than its threshold answered rightly.
    #[error(
        "of the holders of the {side}'s half of the totals key, {right} answered rightly, and {needed} must{}",
        each(.wrong)
    )]
    TooFew {
        /// The side.
        side: Side,
        /// The threshold.
        needed: u16,
        /// How many answers are right.
        right: usize,
        /// The wrong ones, with their holders.
        wrong: Vec<PartialFault>,
    },
    /// Both partials are right but no sum fits, which valid proofs exclude.
    #[error("no sum up to {0} fits: an entry's proof cannot be valid, replay the log")]
    NoSum(Sum),
}

fn each(wrong: &[PartialFault]) -> String {
    wrong.iter().map(|fault| format!("; {fault}")).collect()
}

/// An opened total, ready for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedTotal {
    /// The cut.
    pub set: TotalSet,
    /// The sum of credits, or of the measure.
    pub sum: Sum,
    /// The partials of both sides, as many as each threshold; `None` of a sum that was open already.
    pub partials: Option<TotalPartials>,
    /// Wrong answers, which were not needed.
    pub wrong: Vec<PartialFault>,
}
