//! Totals under At: of the credits, and of the measure if there is one.

use ark_ec::CurveGroup;
use merits_primitives::{jubjub::Point, view_encryption::EXPONENT_BITS};

use crate::{
    builder::{Builder, Lc},
    gadgets::jubjub::{
        EdwardsPoint, PointTable, SignedBits, add_constant, assert_edwards, assert_sum, fixed_base,
        from_edwards, half_base, to_edwards, variable_base,
    },
};

/// The total of one output, in the order of the public inputs, and the exponent that blinds it.
pub(super) struct TotalKeys {
    pub(super) exponent: SignedBits,
    /// r·B8.
    pub(super) ephemeral: EdwardsPoint,
    /// The sum under At.
    pub(super) sum: EdwardsPoint,
}

/// Bits that hold every sum up to `most`: an even number, two for each window.
#[must_use]
pub const fn total_bits(most: u128) -> usize {
    let bits = (u128::BITS - most.leading_zeros()) as usize;
    let even = bits + bits % 2;
    if even == 0 { 2 } else { even }
}

/// Multiples of At, which blind all totals.
pub(super) fn table(b: &mut Builder, total_key: &EdwardsPoint) -> PointTable {
    let total_key = from_edwards(b, total_key);
    PointTable::new(b, &total_key, EXPONENT_BITS)
}

/// EARN-12 and EARN-13, EARN-16 and EARN-17. `sum` is Σ present·v (or w), at most `most`; `names`
/// are the names of r·B8 and of the sum under At.
pub(super) fn total(
    b: &mut Builder,
    names: [&str; 2],
    keys: &TotalKeys,
    total_key: &PointTable,
    sum: &Lc,
    most: u128,
) {
    b.section(names[0], |b| {
        let ephemeral = fixed_base(b, &keys.exponent, &Point::base());
        assert_edwards(b, &ephemeral, &keys.ephemeral);
    });
    // With the same r.
    let blinding = b.section(&format!("{} blinding", names[1]), |b| {
        let blinding = variable_base(b, &keys.exponent, total_key);
        to_edwards(b, &blinding)
    });
    b.section(&format!("{} sum", names[1]), |b| {
        let n = total_bits(most);
        let bits = b.bits(sum, n);
        let signed = SignedBits::new(b, &bits);
        // The sum may be 0 or even, so windows give (2V − 2^n + 1)·H for H = B8/2, and
        // (2^n − 1)·H is added. V·B8 may be the identity or ±r·At: complete additions from here.
        let (half, offset) = half_base(n);
        let multiple = fixed_base(b, &signed, &half);
        let multiple = to_edwards(b, &multiple);
        let multiple = add_constant(b, &multiple, &offset.into_affine());
        assert_sum(b, &multiple, &blinding, &keys.sum);
    });
}
