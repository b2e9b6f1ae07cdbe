//! Boolean wires and numbers made of them.
//!
//! A number has no wire here: it is the combination Σ 2^i·b_i of its bits, so a range costs exactly
//! one constraint for each bit.

use crate::builder::{Bit, Builder, Lc};

/// `n` private inputs that are bits, lowest first: 1 constraint each.
pub fn input_bits(b: &mut Builder, label: &str, n: usize) -> Vec<Bit> {
    (0..n)
        .map(|i| {
            let bit = b.input(&format!("{label}[{i}]"));
            b.assert_bool(&bit)
        })
        .collect()
}

/// `n` private inputs that are bits, and zero unless `present`: 1 constraint each, none for the
/// gate. b·(b − present) = 0 leaves b = 0 or b = present, and `present` is 0 or 1.
pub fn gated_input_bits(b: &mut Builder, label: &str, n: usize, present: &Bit) -> Vec<Bit> {
    (0..n)
        .map(|i| {
            let bit = b.input(&format!("{label}[{i}]"));
            gate(b, bit, present)
        })
        .collect()
}

/// A flag of a sequence that may only fall. The first one is an ordinary bit. For each later one,
/// b·(b − before) = 0, so it is 0 or the flag before. 1 constraint.
pub fn falling_flag(b: &mut Builder, label: &str, before: Option<&Bit>) -> Bit {
    let flag = b.input(label);
    match before {
        None => b.assert_bool(&flag),
        Some(before) => gate(b, flag, before),
    }
}

/// Takes a wire as a bit that is 0 unless `present`: 1 constraint.
pub(crate) fn gate(b: &mut Builder, wire: Lc, present: &Bit) -> Bit {
    b.assert_mul(&wire, &(&wire - present.lc()), &Lc::zero());
    // 0 or `present`, which is boolean itself.
    Bit::assume(wire)
}
