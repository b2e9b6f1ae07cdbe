//! Points in Montgomery form: incomplete addition and doubling, and conversions from and to Edwards
//! form.
//!
//! Incomplete means that the formulas hold for points of different u only. If u₁ = u₂, the slope
//! would be free and a prover could choose the sum, so every caller argues that this cannot happen
//! (`windows.rs`). Then each wire here is the only solution of its constraint.
//!
//! Slopes are right factors of their products, and coordinates are left factors: a wire that is in no
//! right factor costs a prover no work in the second group.

use ark_ec::twisted_edwards::MontCurveConfig;
use ark_ff::Field;
use merits_primitives::jubjub::EdwardsAffine;
use merits_primitives::{Fr, jubjub::Config};

use super::EdwardsPoint;
use crate::builder::{Builder, Lc};

pub(super) const COEFFICIENT_A: Fr = <Config as MontCurveConfig>::COEFF_A;

/// A point other than the identity, by its Montgomery coordinates.
#[derive(Clone, Debug)]
pub struct MontgomeryPoint {
    /// u coordinate.
    pub u: Lc,
    /// v coordinate.
    pub v: Lc,
}

/// Montgomery coordinates of a point of the subgroup other than the identity.
pub(super) fn coordinates(point: &EdwardsAffine) -> (Fr, Fr) {
    // In the subgroup only the identity has y = 1 or x = 0.
    let u = (Fr::ONE + point.y) * (Fr::ONE - point.y).inverse().expect("not the identity");
    (u, u * point.x.inverse().expect("not the identity"))
}

/// From Edwards coordinates: 2 constraints. The caller guarantees a point of the subgroup other
/// than the identity, so that neither 1 − y nor x is 0.
pub fn from_edwards(b: &mut Builder, point: &EdwardsPoint) -> MontgomeryPoint {
    let u = b.quotient(&(Lc::one() + &point.y), &(Lc::one() - &point.y));
    let v = b.quotient(&u, &point.x);
    MontgomeryPoint { u, v }
}

/// To Edwards coordinates: 2 constraints. Points of the subgroup other than the identity have
/// v ≠ 0 (v = 0 has order 2), and no point at all has u = −1, because d is not a square.
pub fn to_edwards(b: &mut Builder, point: &MontgomeryPoint) -> EdwardsPoint {
    EdwardsPoint {
        x: b.quotient(&point.u, &point.v),
        y: edwards_y(b, &point.u),
    }
}

/// y = (u − 1)/(u + 1): 1 constraint. u is never −1: see [`to_edwards`].
pub fn edwards_y(b: &mut Builder, u: &Lc) -> Lc {
    b.quotient(&(u - Fr::ONE), &(u + Fr::ONE))
}

/// Demands that `point` has these Edwards coordinates: 2 constraints.
pub fn assert_edwards(b: &mut Builder, point: &MontgomeryPoint, expected: &EdwardsPoint) {
    b.assert_mul(&point.v, &expected.x, &point.u);
    b.assert_mul(&(&point.u + Fr::ONE), &expected.y, &(&point.u - Fr::ONE));
}

/// `p + q` for p ≠ ±q: 3 constraints.
pub(super) fn add(b: &mut Builder, p: &MontgomeryPoint, q: &MontgomeryPoint) -> MontgomeryPoint {
    let (slope, u) = slope_and_u(b, p, q);
    let v = b.mul_add(&(&p.u - &u), &slope, &-&p.v);
    MontgomeryPoint { u, v }
}

/// The u of `p + q` for p ≠ ±q: 2 constraints.
pub(super) fn add_u(b: &mut Builder, p: &MontgomeryPoint, q: &MontgomeryPoint) -> Lc {
    slope_and_u(b, p, q).1
}

/// `(p + q) + p` for p ≠ ±q and p + q ≠ ±p: 5 constraints.
pub(super) fn add_twice(
    b: &mut Builder,
    p: &MontgomeryPoint,
    q: &MontgomeryPoint,
) -> MontgomeryPoint {
    let (slope, u) = second_slope_and_u(b, p, q);
    let v = b.mul_add(&(&p.u - &u), &slope, &-&p.v);
    MontgomeryPoint { u, v }
}

/// The u of `(p + q) + p` for p ≠ ±q and p + q ≠ ±p: 4 constraints.
pub(super) fn add_twice_u(b: &mut Builder, p: &MontgomeryPoint, q: &MontgomeryPoint) -> Lc {
    second_slope_and_u(b, p, q).1
}

/// With slope λ and u' of p + q, its v is λ·(u − u') − v. So the slope between p + q and p is
/// −λ − 2v/(u' − u), and v of p + q never has to be computed.
fn second_slope_and_u(b: &mut Builder, p: &MontgomeryPoint, q: &MontgomeryPoint) -> (Lc, Lc) {
    let (first, between) = slope_and_u(b, p, q);
    let rest = b.quotient(&(&p.v * -Fr::from(2u64)), &(&between - &p.u));
    let slope = rest - first;
    let u = b.mul_add(&slope, &slope, &-(&p.u + &between + COEFFICIENT_A));
    (slope, u)
}

fn slope_and_u(b: &mut Builder, p: &MontgomeryPoint, q: &MontgomeryPoint) -> (Lc, Lc) {
    let slope = b.quotient(&(&q.v - &p.v), &(&q.u - &p.u));
    let u = b.mul_add(&slope, &slope, &-(&p.u + &q.u + COEFFICIENT_A));
    (slope, u)
}

/// `2p` for a p that is not of order 2: 4 constraints.
pub(super) fn double(b: &mut Builder, p: &MontgomeryPoint) -> MontgomeryPoint {
    let (two, three) = (Fr::from(2u64), Fr::from(3u64));
    let square = b.square(&p.u);
    let rise = square * three + &p.u * (COEFFICIENT_A * two) + Fr::ONE;
    let slope = b.quotient(&rise, &(&p.v * two));
    let u = b.mul_add(&slope, &slope, &-(&p.u * two + COEFFICIENT_A));
    let v = b.mul_add(&(&p.u - &u), &slope, &-&p.v);
    MontgomeryPoint { u, v }
}
