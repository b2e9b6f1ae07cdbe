//! Sums of batches' totals, for the ledger, for the holders that open them, and for later checks.
//!
//! T1 = r·B8 and T2 = v·B8 + r·At add up to the same form with Σr and Σv. Usually nobody knows Σr,
//! and both halves of At are needed: V·B8 = ΣT2 − a_sup·ΣT1 − a_wit·ΣT1. If the T1 cancel out, ΣT2
//! *is* V·B8, and anybody can read V from it. A party that knows the r of several batches can
//! choose them so that they cancel. That reveals only its own sum, and it must not prevent the
//! opening of others' batches. So such a total counts as already open: it has no partials, because
//! there is nothing to decrypt.

use ark_ec::{CurveGroup, twisted_edwards::Projective};
use merits_primitives::jubjub::{Config, Point};

/// ΣT1 and ΣT2, or ΣM1 and ΣM2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalSum {
    t1: Option<Point>,
    t2: Projective<Config>,
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
}
