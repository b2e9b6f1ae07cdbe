//! Multiples of points by signed bits, two a window.
//!
//! An exponent is k = Σ (2b_i − 1)·2^i over an even number n ≤ 250 of boolean b_i. Window j is
//! the digit d_j = 2·(2b_{2j+1} − 1) + (2b_{2j} − 1) in {±1, ±3}, so k·P = Σ d_j·(4^j·P), and a
//! digit's point is ± one of (4^j·P, 3·4^j·P).
//!
//! # Why incomplete additions suffice
//!
//! Windows are added from the lowest up. Before window j the sum is s·P with |s| ≤ Σ_{i<j} 3·4^i
//! = 4^j − 1, and s is odd. The summand is d·4^j·P with 4^j ≤ |d·4^j| ≤ 3·4^j. So
//! s ∓ d·4^j is not 0, and its absolute value is below 4^{j+1} ≤ 2^250 < l. P has order l, hence
//! the two points are neither equal nor opposite nor the identity, **for any bits**: the addition's
//! slope has one value, also for a prover who chooses the bits. Likewise 2·4^j·P is
//! not ±4^j·P, and 3·4^j·P is not ±4^j·P, since l is prime and greater than 5.
//!
//! # Costs
//!
//! Per window: 1 for the product of its bits (shared by all bases that the exponent multiplies);
//! a constant base 3 (both coordinates are linear in b, b', b·b'; one addition); a variable base
//! 6 (one selection for u, two for v, one addition) and 10 once for its table; a variable base
//! that is multiplied only once 12, from the highest window down ([`variable_base_once_u`]).

use std::sync::{Arc, OnceLock};

use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field};
use merits_primitives::jubjub::EdwardsProjective;
use merits_primitives::{
    Fr,
    jubjub::{Point, Scalar},
    view_encryption::EXPONENT_BITS,
};

use super::{
    chain::{self, Row},
    montgomery::{self, MontgomeryPoint, coordinates},
};
use crate::builder::{Bit, Builder, Lc};

/// The bits of an exponent with the product of each window's two.
#[derive(Clone, Debug)]
pub struct SignedBits {
    windows: Vec<Window>,
}

#[derive(Clone, Debug)]
struct Window {
    low: Lc,
    high: Lc,
    /// 1 when both bits are equal: the digit is ±3, else ±1.
    is_three: Lc,
}

impl Window {
    const fn bits(&self) -> [&Lc; 2] {
        [&self.low, &self.high]
    }
}

impl SignedBits {
    /// From an even number of boolean wires, lowest first: 1 constraint a pair.
    ///
    /// # Panics
    /// If the number is odd, zero, or above 250, where the argument above ends.
    pub fn new(b: &mut Builder, bits: &[Bit]) -> Self {
        assert!(
            !bits.is_empty() && bits.len().is_multiple_of(2) && bits.len() <= EXPONENT_BITS,
            "{} signed bits: an even number up to {EXPONENT_BITS} is expected",
            bits.len()
        );
        let window = |pair: &[Bit]| {
            let (low, high) = (pair[0].lc().clone(), pair[1].lc().clone());
            let both = b.mul(&low, &high);
            let is_three = Lc::one() - &low - &high + both * Fr::from(2u64);
            Window {
                low,
                high,
                is_three,
            }
        };
        Self {
            windows: bits.chunks_exact(2).map(window).collect(),
        }
    }
}

/// (4^j·P, 3·4^j·P) for each window j, for a P that is unknown when the circuit is built.
#[derive(Clone, Debug)]
pub struct PointTable {
    rows: Vec<(MontgomeryPoint, MontgomeryPoint)>,
}

impl PointTable {
    /// For exponents of `bits` signed bits: 10 constraints for each window, 3 less for the last.
    pub fn new(b: &mut Builder, base: &MontgomeryPoint, bits: usize) -> Self {
        let kernel = chain::Table {
            rows: (bits / 2).max(1),
        };
        b.fused(&[&base.u, &base.v], kernel, |b| {
            Self::constrain(b, base, bits)
        })
    }

    fn constrain(b: &mut Builder, base: &MontgomeryPoint, bits: usize) -> Self {
        let mut rows = Vec::with_capacity(bits / 2);
        let mut one = base.clone();
        loop {
            let two = montgomery::double(b, &one);
            let three = montgomery::add(b, &two, &one);
            rows.push((one.clone(), three.clone()));
            if rows.len() >= bits / 2 {
                return Self { rows };
            }
            // 3P + P is cheaper than doubling 2P.
            one = montgomery::add(b, &three, &one);
        }
    }
}

/// `k·base` for a constant base of the subgroup.
pub fn fixed_base(b: &mut Builder, k: &SignedBits, base: &Point) -> MontgomeryPoint {
    fixed_sum(b, k, base, false, sum)
}

/// The u of [`fixed_base`]: 1 constraint less.
pub fn fixed_base_u(b: &mut Builder, k: &SignedBits, base: &Point) -> Lc {
    fixed_sum(b, k, base, true, sum_u)
}

/// `k·P` for the P of a table.
///
/// # Panics
/// If the table is for fewer bits.
pub fn variable_base(b: &mut Builder, k: &SignedBits, table: &PointTable) -> MontgomeryPoint {
    variable_sum(b, k, table, false, sum)
}

/// The u of [`variable_base`]: 1 constraint less.
///
/// # Panics
/// If the table is for fewer bits.
pub fn variable_base_u(b: &mut Builder, k: &SignedBits, table: &PointTable) -> Lc {
    variable_sum(b, k, table, true, sum_u)
}

/// The u of `k·base` without a table, for a base that no other exponent multiplies: 12 constraints
/// for each window, and 3 in all for the part that goes beyond a table of two rows.
///
/// From the highest window down, s·P becomes (4s + d)·P = (D + d·P) + D with D = 2s·P. Incomplete
/// additions suffice **for any bits**: s starts as a digit, which is odd, and 4s + d is odd
/// again, below 4^(windows) ≤ 2^250 < l in absolute value. So s·P is not the identity; 2s ∓ d is odd and
/// smaller than that, so D ≠ ±d·P and D + d·P is not the identity; and D + d·P ≠ ±D, since neither d
/// nor 4s + d is 0 modulo l.
pub fn variable_base_once_u(b: &mut Builder, k: &SignedBits, base: &MontgomeryPoint) -> Lc {
    let bits = k.windows.iter().rev().flat_map(Window::bits);
    let inputs: Vec<&Lc> = [&base.u, &base.v].into_iter().chain(bits).collect();
    let kernel = chain::Ladder {
        windows: k.windows.len(),
    };
    b.fused(&inputs, kernel, |b| ladder_u(b, k, base))
}

fn ladder_u(b: &mut Builder, k: &SignedBits, base: &MontgomeryPoint) -> Lc {
    let two = montgomery::double(b, base);
    let three = montgomery::add(b, &two, base);
    let mut windows = k.windows.iter().rev();
    // There is at least one window: `SignedBits::new` checks it.
    let Some(highest) = windows.next() else {
        return base.u.clone();
    };
    let mut sum = variable_digit(b, highest, base, &three);
    let lowest = windows.len().checked_sub(1);
    for (i, window) in windows.enumerate() {
        let double = montgomery::double(b, &sum);
        let digit = variable_digit(b, window, base, &three);
        if Some(i) == lowest {
            return montgomery::add_twice_u(b, &double, &digit);
        }
        sum = montgomery::add_twice(b, &double, &digit);
    }
    sum.u
}

/// H = Base8 / 2, and (2^n − 1)·H: an integer V of n bits v_i gives V·B8 as
/// (Σ (2v_i − 1)·2^i)·H + (2^n − 1)·H, which signed windows can do although V may be even or 0.
pub fn half_base(n: usize) -> (Point, EdwardsProjective) {
    let half = Scalar::from(2u64).inverse().expect("l is odd");
    // Half of a generator of a group of odd order is not the identity.
    let base = Point::mul_base(&half).expect("the half of a generator");
    let all_ones = Scalar::from(2u64).pow([n as u64]) - Scalar::ONE;
    (base, base.projective() * all_ones)
}

/// The sum of a constant base's digits, by `add_up`.
fn fixed_sum<R>(
    b: &mut Builder,
    k: &SignedBits,
    base: &Point,
    only_u: bool,
    add_up: impl FnOnce(&mut Builder, &[MontgomeryPoint]) -> R,
) -> R {
    let windows = k.windows.len();
    let rows = fixed_rows(base, windows);
    let digits = fixed_digits(k, &rows);
    let inputs: Vec<&Lc> = k.windows.iter().flat_map(Window::bits).collect();
    let kernel = chain::FixedBase {
        rows,
        windows,
        only_u,
    };
    b.fused(&inputs, kernel, |b| add_up(b, &digits))
}

/// The sum of the digits of a table's base, by `add_up`.
fn variable_sum<R>(
    b: &mut Builder,
    k: &SignedBits,
    table: &PointTable,
    only_u: bool,
    add_up: impl FnOnce(&mut Builder, &[MontgomeryPoint]) -> R,
) -> R {
    let windows = k.windows.iter().zip(&table.rows);
    let inputs = windows.flat_map(|(window, (one, three))| {
        let points = [&one.u, &one.v, &three.u, &three.v];
        window.bits().into_iter().chain(points)
    });
    let inputs: Vec<&Lc> = inputs.collect();
    let kernel = chain::VariableBase {
        windows: k.windows.len(),
        only_u,
    };
    b.fused(&inputs, kernel, |b| {
        let digits = variable_digits(b, k, table);
        add_up(b, &digits)
    })
}

/// (4^j·base, 3·4^j·base) for each window j. Those of B8 are computed once.
fn fixed_rows(base: &Point, windows: usize) -> Arc<[Row]> {
    static OF_BASE: OnceLock<Arc<[Row]>> = OnceLock::new();
    if *base == Point::base() && windows == EXPONENT_BITS / 2 {
        return OF_BASE.get_or_init(|| rows(base, windows)).clone();
    }
    rows(base, windows)
}

fn rows(base: &Point, windows: usize) -> Arc<[Row]> {
    let mut power = base.projective();
    let row = |_| {
        let double = power.double();
        let row = Row {
            one: coordinates(&power.into_affine()),
            three: coordinates(&(double + power).into_affine()),
        };
        power = double.double();
        row
    };
    (0..windows).map(row).collect()
}

/// In Montgomery form −(u, v) = (u, −v), so u depends on `is_three` alone and v is odd in the
/// signs β = 2b − 1: v = (v₃+v₁)/2·β_high + (v₃−v₁)/2·β_low.
fn fixed_digits(k: &SignedBits, rows: &[Row]) -> Vec<MontgomeryPoint> {
    let half = Fr::from(2u64).inverse().expect("p is odd");
    let windows = k.windows.iter().zip(rows);
    let digit = |(window, row): (&Window, &Row)| {
        let ((u1, v1), (u3, v3)) = (row.one, row.three);
        MontgomeryPoint {
            u: &window.is_three * (u3 - u1) + u1,
            v: sign(&window.high) * ((v3 + v1) * half) + sign(&window.low) * ((v3 - v1) * half),
        }
    };
    windows.map(digit).collect()
}

/// The same with v = β_high·(v₁ + is_three·(v₃ − v₁)): 3 constraints a window.
fn variable_digits(b: &mut Builder, k: &SignedBits, table: &PointTable) -> Vec<MontgomeryPoint> {
    assert!(
        table.rows.len() >= k.windows.len(),
        "the table is for fewer windows"
    );
    k.windows
        .iter()
        .zip(&table.rows)
        .map(|(window, (one, three))| variable_digit(b, window, one, three))
        .collect()
}

/// ± `one` or ± `three`: 3 constraints.
fn variable_digit(
    b: &mut Builder,
    window: &Window,
    one: &MontgomeryPoint,
    three: &MontgomeryPoint,
) -> MontgomeryPoint {
    let u = b.mul_add(&window.is_three, &(&three.u - &one.u), &one.u);
    let size = b.mul_add(&window.is_three, &(&three.v - &one.v), &one.v);
    MontgomeryPoint {
        u,
        v: b.mul(&size, &sign(&window.high)),
    }
}

fn sign(bit: &Lc) -> Lc {
    bit * Fr::from(2u64) - Fr::ONE
}

/// All windows, lowest first: 3 constraints for each but the first.
fn sum(b: &mut Builder, digits: &[MontgomeryPoint]) -> MontgomeryPoint {
    let first = digits[0].clone();
    digits[1..]
        .iter()
        .fold(first, |sum, digit| montgomery::add(b, &sum, digit))
}

fn sum_u(b: &mut Builder, digits: &[MontgomeryPoint]) -> Lc {
    let Some((last, [first, middle @ ..])) = digits.split_last() else {
        // One window: its own u.
        return digits[0].u.clone();
    };
    let sum = middle
        .iter()
        .fold(first.clone(), |sum, digit| montgomery::add(b, &sum, digit));
    montgomery::add_u(b, &sum, last)
}
