//! Complete addition in Edwards form, for sums that may hit any case.

use merits_primitives::Fr;
use merits_primitives::jubjub::EdwardsAffine;

use crate::builder::{Builder, Lc};

const A: u64 = 168_700;
const D: u64 = 168_696;

/// A point by its Edwards coordinates; the identity is (0, 1).
#[derive(Clone, Debug)]
pub struct EdwardsPoint {
    /// x coordinate.
    pub x: Lc,
    /// y coordinate.
    pub y: Lc,
}

/// `p + q` for a constant `q`: 3 constraints.
pub fn add_constant(b: &mut Builder, p: &EdwardsPoint, q: &EdwardsAffine) -> EdwardsPoint {
    let q = EdwardsPoint {
        x: q.x.into(),
        y: q.y.into(),
    };
    let parts = Parts::of(b, p, &q);
    // a is a square and d is not, so neither denominator is ever 0 on the curve.
    EdwardsPoint {
        x: b.quotient(&parts.x_numerator, &parts.x_denominator),
        y: b.quotient(&parts.y_numerator, &parts.y_denominator),
    }
}

/// `p + q` for any two points of the curve: 6 constraints.
pub fn add(b: &mut Builder, p: &EdwardsPoint, q: &EdwardsPoint) -> EdwardsPoint {
    let parts = Parts::of(b, p, q);
    // As above.
    EdwardsPoint {
        x: b.quotient(&parts.x_numerator, &parts.x_denominator),
        y: b.quotient(&parts.y_numerator, &parts.y_denominator),
    }
}

/// Demands `p + q = sum`: 6 constraints.
pub fn assert_sum(b: &mut Builder, p: &EdwardsPoint, q: &EdwardsPoint, sum: &EdwardsPoint) {
    let parts = Parts::of(b, p, q);
    b.assert_mul(&sum.x, &parts.x_denominator, &parts.x_numerator);
    b.assert_mul(&sum.y, &parts.y_denominator, &parts.y_numerator);
}

/// x₃ = (x₁y₂ + y₁x₂) / (1 + d·x₁x₂y₁y₂), y₃ = (y₁y₂ − a·x₁x₂) / (1 − d·x₁x₂y₁y₂).
struct Parts {
    x_numerator: Lc,
    x_denominator: Lc,
    y_numerator: Lc,
    y_denominator: Lc,
}

impl Parts {
    /// circomlib's way (`babyjub.circom`): 4 products; 1 if a point is constant.
    fn of(b: &mut Builder, p: &EdwardsPoint, q: &EdwardsPoint) -> Self {
        let (a, d) = (Fr::from(A), Fr::from(D));
        let beta = b.mul(&p.x, &q.y);
        let gamma = b.mul(&p.y, &q.x);
        // (y₁ − a·x₁)(x₂ + y₂) = γ + y₁y₂ − a·x₁x₂ − a·β
        let delta = b.mul(&(&p.y - &p.x * a), &(&q.x + &q.y));
        let tau = b.mul(&beta, &gamma) * d;
        Self {
            x_numerator: &beta + &gamma,
            x_denominator: Lc::one() + &tau,
            y_numerator: delta + beta * a - gamma,
            y_denominator: Lc::one() - tau,
        }
    }
}
