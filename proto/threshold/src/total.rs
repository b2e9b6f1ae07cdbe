//! Opened totals: the partials of both sides' holders, each checked against its holder's verification share, and
//! the sum that they give. One rule for the ledger and for later checks.
//!
//! V·B8 = ΣT2 − a_sup·ΣT1 − a_wit·ΣT1, where Lagrange's coefficients combine each side's t partials. If the T1 cancel
//! out, the sum is open already and has no partials.

use std::collections::BTreeSet;

use merits_primitives::{
    ids::{EntryId, Origin, PartyId},
    jubjub::{Point, Scalar},
    sum::Sum,
};
use merits_verifier::{
    possession::{TotalsKey, total_context},
    total::TotalSum,
};
use thiserror::Error;

use crate::{
    Side,
    half::QuorumHalf,
    quorum::{CombineFault, Partial, PartialFault},
};

/// One side's partials of ΣT1.
#[derive(Debug, Clone, Copy)]
pub struct SidePartials<'a> {
    /// The side.
    pub side: Side,
    /// Its half, as the epoch has it.
    pub half: &'a QuorumHalf,
    /// The partials of t of its holders.
    pub partials: &'a [Partial],
}

/// Why partials do not open a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TotalFault {
    /// The sum is hidden, but there are no partials.
    #[error("both halves of the totals key are needed to open this sum")]
    Missing,
    /// The T1 cancel out, but there are partials.
    #[error("the T1 of these batches cancel out: the sum is open already and has no partials")]
    OpenAlready,
    /// Not exactly as many as the threshold.
    #[error("{found} partials of the {side}'s half are there; exactly {needed} must be")]
    Count {
        /// The side.
        side: Side,
        /// The threshold.
        needed: u16,
        /// How many there are.
        found: usize,
    },
    /// One holder answers twice.
    #[error("there are two partials of {holder}, who has one share of the {side}'s half")]
    Twice {
        /// The side.
        side: Side,
        /// The holder.
        holder: PartyId,
    },
    /// Not a holder.
    #[error("party {holder} holds no share of the {side}'s half of the totals key")]
    Stranger {
        /// The side.
        side: Side,
        /// The party.
        holder: PartyId,
    },
    /// Made with another share, for another set, or from a value that is not a total.
    #[error(
        "the partial of {holder} is not made with its share of the {side}'s half for these batches"
    )]
    Wrong {
        /// The side.
        side: Side,
        /// The holder.
        holder: PartyId,
    },
    /// The ciphertexts contain another sum.
    #[error("the sum {0} is not the one in the batches' totals")]
    Sum(Sum),
}

/// Checks an opened sum of the credits or measure of these entries: the partials of both sides, or none if the sum
/// is already open, and that the sum is V.
///
/// # Errors
/// [`TotalFault`] names the holder at fault.
pub fn check(
    sums: &TotalSum,
    origin: &Origin,
    key: &TotalsKey,
    entries: &[EntryId],
    answers: Option<[SidePartials<'_>; 2]>,
    sum: Sum,
) -> Result<(), TotalFault> {
    let message = match (sums.t1(), answers) {
        (Some(t1), Some(answers)) => {
            let mut images = Vec::with_capacity(answers.len());
            for answer in &answers {
                images.push(answer.combined(&t1, origin, key, entries, sum)?);
            }
            sums.message(&images)
        }
        (None, None) => sums.message([]),
        (Some(_), None) => return Err(TotalFault::Missing),
        (None, Some(_)) => return Err(TotalFault::OpenAlready),
    };
    if message == Point::base().projective() * Scalar::from(sum.0) {
        Ok(())
    } else {
        Err(TotalFault::Sum(sum))
    }
}

impl SidePartials<'_> {
    /// half · ΣT1.
    fn combined(
        &self,
        t1: &Point,
        origin: &Origin,
        key: &TotalsKey,
        entries: &[EntryId],
        sum: Sum,
    ) -> Result<Point, TotalFault> {
        let Self {
            side,
            half,
            partials,
        } = *self;
        // Who is no holder, or is there twice, is told before any proof is looked at.
        let mut there = BTreeSet::new();
        for Partial { holder, .. } in partials {
            let holder = *holder;
            if !half.has(&holder) {
                return Err(TotalFault::Stranger { side, holder });
            }
            if !there.insert(holder) {
                return Err(TotalFault::Twice { side, holder });
            }
        }
        let (needed, found) = (half.threshold().needed(), partials.len());
        if found != usize::from(needed) {
            return Err(TotalFault::Count {
                side,
                needed,
                found,
            });
        }
        let context =
            |holder: &PartyId| total_context(origin, key, entries, side.total_half(), holder);
        match half.total.combine(t1, partials, context) {
            Ok(combined) => Ok(combined.image),
            Err(CombineFault::TooFew { wrong, .. }) => match wrong.first() {
                Some(PartialFault::Wrong(holder) | PartialFault::Stranger(holder)) => {
                    let holder = *holder;
                    Err(TotalFault::Wrong { side, holder })
                }
                _ => Err(TotalFault::Count {
                    side,
                    needed,
                    found,
                }),
            },
            // Right partials combine to the identity only if the half is it, which no epoch has.
            Err(CombineFault::Interpolation(_)) => Err(TotalFault::Sum(sum)),
        }
    }
}
