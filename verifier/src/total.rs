//! Sums of batches' totals, with one rule for the ledger, for the holders that open them, and for
//! later checks.
//!
//! T1 = r·B8 and T2 = v·B8 + r·At add up to the same form with Σr and Σv. Usually nobody knows Σr,
//! and both halves of At are needed: V·B8 = ΣT2 − a_sup·ΣT1 − a_wit·ΣT1. If the T1 cancel out, ΣT2
//! *is* V·B8, and anybody can read V from it. A party that knows the r of several batches can
//! choose them so that they cancel. That reveals only its own sum, and it must not prevent the
//! opening of others' batches. So such a total counts as already open: it has no partials, because
//! there is nothing to decrypt.

use ark_ec::{CurveGroup, twisted_edwards::Projective};
use merits_primitives::{
    dleq::Equality,
    ids::{EntryId, Origin, PartyId},
    jubjub::{Config, Point, Scalar},
    sum::Sum,
};
use thiserror::Error;

use crate::possession::{KeyHalf, TotalsKey, total_context};

/// ΣT1 and ΣT2, or ΣM1 and ΣM2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalSum {
    t1: Option<Point>,
    t2: Projective<Config>,
}

/// One side's answer for a sum: its half of At times ΣT1, with a proof of that.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The half.
    pub half: KeyHalf,
    /// The public half, as its epoch published it.
    pub public: &'a Point,
    /// Its holder.
    pub holder: &'a PartyId,
    /// The partial.
    pub partial: &'a Point,
    /// The proof, made in [`total_context`].
    pub proof: &'a Equality,
}

/// Why answers do not open a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SumFault {
    /// The sum is hidden, but there are no answers.
    #[error("both halves of the totals key are needed to open this sum")]
    Missing,
    /// The T1 cancel out, but there are answers.
    #[error("the T1 of these batches cancel out: the sum is open already and has no partials")]
    OpenAlready,
    /// An answer was made with another half, for another set, or from a value that is not a total.
    #[error("the partial is not made with its published half of the totals key")]
    Partial(KeyHalf),
    /// The ciphertexts contain another sum.
    #[error("the sum {0} is not the one in the batches' totals")]
    Wrong(Sum),
}

impl TotalSum {
    /// Adds up (T1, T2) of batches.
    pub fn of(totals: impl IntoIterator<Item = (Point, Point)>) -> Self {
        let zero = Projective::<Config>::default();
        let (t1, t2) = totals.into_iter().fold((zero, zero), |(t1, t2), batch| {
            (t1 + batch.0.projective(), t2 + batch.1.projective())
        });
        Self {
            // A sum of points of the subgroup is in the subgroup, so it is either the identity or
            // acceptable.
            t1: Point::from_affine(t1.into_affine()).ok(),
            t2,
        }
    }

    /// ΣT1, which partials are computed from. `None` when it is the identity and the sum is already
    /// open.
    pub fn t1(&self) -> Option<Point> {
        self.t1
    }

    /// V·B8, after subtracting the partials.
    pub fn message<'a>(&self, partials: impl IntoIterator<Item = &'a Point>) -> Projective<Config> {
        let partials = partials.into_iter();
        partials.fold(self.t2, |left, partial| left - partial.projective())
    }

    /// Checks an opened sum of the credits or measure of these entries: the answers of both halves,
    /// or none if the sum is already open, and that the sum is V.
    ///
    /// # Errors
    /// [`SumFault`].
    pub fn check(
        &self,
        origin: &Origin,
        key: &TotalsKey,
        entries: &[EntryId],
        answers: Option<[Answer<'_>; 2]>,
        sum: Sum,
    ) -> Result<(), SumFault> {
        let message = match (&self.t1, &answers) {
            (Some(t1), Some(answers)) => {
                for answer in answers {
                    answer.check(origin, key, entries, t1)?;
                }
                self.message(answers.iter().map(|answer| answer.partial))
            }
            (None, None) => self.t2,
            (Some(_), None) => return Err(SumFault::Missing),
            (None, Some(_)) => return Err(SumFault::OpenAlready),
        };
        if message == Point::base().projective() * Scalar::from(sum.0) {
            Ok(())
        } else {
            Err(SumFault::Wrong(sum))
        }
    }
}

impl Answer<'_> {
    /// Checks one answer for ΣT1 of these entries.
    ///
    /// # Errors
    /// [`SumFault::Partial`].
    pub fn check(
        &self,
        origin: &Origin,
        key: &TotalsKey,
        entries: &[EntryId],
        t1: &Point,
    ) -> Result<(), SumFault> {
        let context = total_context(origin, key, entries, self.half, self.holder);
        self.proof
            .verify(self.public, t1, self.partial, &context)
            .map_err(|_| SumFault::Partial(self.half))
    }
}
