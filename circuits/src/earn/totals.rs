//! The batch's total under At.

use ark_ec::CurveGroup;
use merits_primitives::{audit::EXPONENT_BITS, jubjub::Point};

use super::circuit::TotalKeys;
use crate::{
    builder::{Builder, Lc},
    gadgets::jubjub::{
        PointTable, SignedBits, add_constant, assert_edwards, assert_sum, fixed_base, half_base,
        to_edwards, variable_base,
    },
};

/// Bits that hold every sum up to `most`: an even number, two a window.
#[must_use]
pub const fn total_bits(most: u128) -> usize {
    let bits = (u128::BITS - most.leading_zeros()) as usize;
    let even = bits + bits % 2;
    if even == 0 { 2 } else { even }
}

/// EARN-12 and EARN-13. `sum` is Σ present·v, at most `most`.
pub(super) fn totals(b: &mut Builder, keys: &TotalKeys, sum: &Lc, most: u128) {
    // EARN-12: T1 = r·B8.
    b.section("T1", |b| {
        let t1 = fixed_base(b, &keys.exponent, &Point::base());
        assert_edwards(b, &t1, &keys.t1);
    });
    // EARN-13: T2 = (Σ present·v)·B8 + r·At, with the same r.
    let blinding = b.section("T2 blinding", |b| {
        let table = PointTable::new(b, &keys.total_key, EXPONENT_BITS);
        let blinding = variable_base(b, &keys.exponent, &table);
        to_edwards(b, &blinding)
    });
    b.section("T2 sum", |b| {
        let n = total_bits(most);
        let bits = b.bits(sum, n);
        let signed = SignedBits::new(b, &bits);
        // V may be 0 or even, so windows give (2V − 2^n + 1)·H for H = B8/2, and (2^n − 1)·H
        // is added. V·B8 may be the identity or ±r·At: complete additions from here on.
        let (half, offset) = half_base(n);
        let multiple = fixed_base(b, &signed, &half);
        let multiple = to_edwards(b, &multiple);
        let multiple = add_constant(b, &multiple, &offset.into_affine());
        assert_sum(b, &multiple, &blinding, &keys.t2);
    });
}
