//! Totals: sums over many batches, opened publicly, which anybody can check.
//!
//! A set that may be opened is the head, in log order, of all batches of one scale, period and
//! epoch that no opened total covers. So sets never overlap, nobody can select batches, and a later
//! batch waits for the next set. Credits and measure of a scale have separate totals over the same
//! sets: the one that is opened first determines the set of the other.

use std::collections::BTreeSet;

use ark_ec::CurveGroup;
use merits_ledger::entry::{MAX_TOTAL_ENTRIES, TotalPartials};
use merits_primitives::{
    field,
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
    discrete_log::{MAX_SUM, discrete_log},
    side::Side,
    view::{LedgerView, LoggedBatch, Unreadable},
};

/// Why a set of entries may not be opened as a total.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SetFault {
    /// Nothing to add.
    #[error(
        "every batch of this scale, period and epoch is already in an opened total of this output (a scale \
         without a measure has totals of credits only)"
    )]
    Empty,
    /// Not an earn batch, or of another scale, period or epoch, or covered already; a claim's
    /// ciphertext has no entry of its own and ends here.
    #[error("entry {0} is not an uncovered earn batch of this scale, period, epoch and output")]
    Foreign(EntryId),
    /// A batch is left out, repeated or out of order.
    #[error(
        "the set must be the first uncovered batches in log order, so that nobody picks batches out; {0} is \
         expected here"
    )]
    Skipped(EntryId),
    /// The set is not that of the other output.
    #[error(
        "the set has {found} batches, and the other output of the first {expected} was opened \
         together: open exactly these"
    )]
    Cut {
        /// Batches of the other output's total.
        expected: usize,
        /// Batches of the set.
        found: usize,
    },
    /// More batches than one TotalsOpened entry holds.
    #[error(
        "the set has {0} batches, but one entry of the log holds at most {MAX_TOTAL_ENTRIES}: open fewer batches"
    )]
    TooMany(usize),
    /// The sum would reveal too much about single claims.
    #[error("the set has {found} claims, but totals are opened over at least {minimum}")]
    TooFew {
        /// Claims of the set.
        found: u64,
        /// The ledger's minimum.
        minimum: u64,
    },
    /// The sum could be too large to find, or not unique.
    #[error(
        "the set could reach more than 2^48, by its number of claims and the limit of one claim: open \
     fewer batches"
    )]
    TooLarge,
    /// The copy of the log failed, which says nothing about the set.
    #[error(transparent)]
    Copy(#[from] Unreadable),
}

impl SetFault {
    /// The reason, for programs.
    pub fn code(&self) -> Reason {
        match self {
            Self::Empty => Reason::TotalEmpty,
            Self::Foreign(_) => Reason::TotalForeignEntry,
            Self::Skipped(_) => Reason::TotalSkipsEntry,
            Self::Cut { .. } => Reason::TotalCut,
            Self::TooMany(_) => Reason::TotalTooManyEntries,
            Self::TooFew { .. } => Reason::TotalTooFewClaims,
            Self::TooLarge => Reason::TotalTooLarge,
            Self::Copy(_) => Reason::CopyUnreadable,
        }
    }
}

/// A set of batches whose total may be opened, with its sums. Made from a verified log only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalSet {
    key: TotalsKey,
    entries: Vec<EntryId>,
    claims: u64,
    bound: Sum,
    sums: TotalSum,
}

impl TotalSet {
    /// The first `limit` uncovered batches of a period; for `None` the set that the other output
    /// was opened over, or else as many as one entry of the log holds.
    ///
    /// # Errors
    /// [`SetFault`].
    pub fn head(
        log: &(impl LedgerView + ?Sized),
        key: TotalsKey,
        limit: Option<usize>,
    ) -> Result<Self, SetFault> {
        let uncovered = log.uncovered(&key)?;
        let limit = limit.or(log.cut(&key)?).unwrap_or(MAX_TOTAL_ENTRIES);
        let length = limit.min(uncovered.len());
        Self::check(log, key, &uncovered[..length])
    }

    /// Checks a given set, and adds it up.
    ///
    /// # Errors
    /// [`SetFault`].
    pub fn check(
        log: &(impl LedgerView + ?Sized),
        key: TotalsKey,
        entries: &[EntryId],
    ) -> Result<Self, SetFault> {
        if entries.is_empty() {
            return Err(SetFault::Empty);
        }
        if entries.len() > MAX_TOTAL_ENTRIES {
            return Err(SetFault::TooMany(entries.len()));
        }
        let uncovered = log.uncovered(&key)?;
        let known: BTreeSet<&EntryId> = uncovered.iter().collect();
        if let Some(foreign) = entries.iter().find(|entry| !known.contains(entry)) {
            return Err(SetFault::Foreign(*foreign));
        }
        let misplaced = uncovered.iter().zip(entries).find(|(log, set)| log != set);
        if let Some((expected, _)) = misplaced {
            return Err(SetFault::Skipped(*expected));
        }
        if let Some(repeated) = entries.get(uncovered.len()) {
            return Err(SetFault::Foreign(*repeated));
        }
        let found = entries.len();
        if let Some(expected) = log.cut(&key)?.filter(|cut| *cut != found) {
            return Err(SetFault::Cut { expected, found });
        }
        let totals: Vec<BatchTotal> = entries
            .iter()
            .map(|entry| {
                log.batch(entry)?
                    .and_then(|batch| BatchTotal::of(&batch, &key))
                    .ok_or(SetFault::Foreign(*entry))
            })
            .collect::<Result<_, _>>()?;
        let claims = totals.iter().map(|total| total.claims).sum();
        let minimum = log.minimum_claims();
        if claims < minimum {
            return Err(SetFault::TooFew {
                found: claims,
                minimum,
            });
        }
        let bound = totals
            .iter()
            .try_fold(Sum(0), |sum, total| {
                sum.checked_add(total.most.checked_mul(total.claims)?)
            })
            .filter(|bound| bound.0 <= MAX_SUM)
            .ok_or(SetFault::TooLarge)?;
        Ok(Self {
            key,
            entries: entries.to_vec(),
            claims,
            bound,
            sums: TotalSum::of(totals.iter().map(|total| (total.t1, total.t2))),
        })
    }

    /// Scale, period, epoch and output.
    pub fn key(&self) -> TotalsKey {
        self.key
    }

    /// The entries, in the log's order.
    pub fn entries(&self) -> &[EntryId] {
        &self.entries
    }

    /// The number of their claims.
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

    /// Identifies the set of batches, for either output: a holder answers for a batch in one set
    /// only.
    pub fn digest(&self) -> [u8; 32] {
        set_digest(&self.key, &self.entries)
    }

    /// The question for each holder.
    pub fn ask(&self, log: &(impl LedgerView + ?Sized)) -> TotalAsk {
        TotalAsk {
            origin: log.origin().clone(),
            key: self.key,
            entries: self.entries.clone(),
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
            total_context(log.origin(), &self.key, &self.entries, key, holder)
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

/// [`TotalSet::digest`] of the batches `entries`.
pub(crate) fn set_digest(key: &TotalsKey, entries: &[EntryId]) -> [u8; 32] {
    let entries: Vec<u8> = entries.iter().flat_map(|entry| entry.0).collect();
    field::digest(
        "merits/total-set/v1",
        &[
            &key.asset.0.to_le_bytes(),
            &key.period.to_u64().to_le_bytes(),
            &key.epoch.0.to_le_bytes(),
            &entries,
        ],
    )
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
    /// The batches.
    pub set: TotalSet,
    /// The sum of credits, or of the measure.
    pub sum: Sum,
    /// The partials of both sides, as many as each threshold; `None` of a sum that was open already.
    pub partials: Option<TotalPartials>,
    /// Wrong answers, which were not needed.
    pub wrong: Vec<PartialFault>,
}

/// One batch's part of a set.
struct BatchTotal {
    claims: u64,
    /// The upper bound for a claim.
    most: Sum,
    t1: Point,
    t2: Point,
}

impl BatchTotal {
    /// `None` for a batch that is not of the key's, or has no such output.
    fn of(batch: &LoggedBatch, key: &TotalsKey) -> Option<Self> {
        let TotalsKey {
            asset,
            period,
            epoch,
            output,
        } = *key;
        let fits = batch.asset == asset && batch.period == period && batch.epoch == epoch;
        let (most, t1, t2) = batch.total(output).filter(|_| fits)?;
        Some(Self {
            claims: batch.claims.len() as u64,
            most,
            t1,
            t2,
        })
    }
}
