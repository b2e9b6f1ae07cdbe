//! Whole numbers: as field elements, and as bits.

use ark_ff::{BigInteger as _, PrimeField as _};
use merits_primitives::Fr;
use num_bigint::{BigInt, Sign};

use crate::builder::{Bit, Builder, Lc};

/// The bits of `a`, lowest first: n constraints, which demand 0 <= a < 2^n.
///
/// The lowest bit has no wire: it is a - Σ 2^i·b_i over the other bits, and its own constraint
/// makes it boolean. So the sum over all bits is `a` by definition. There is only one solution,
/// because 2^n < p.
pub(crate) fn whole_bits(b: &mut Builder, a: &Lc, n: usize) -> Vec<Bit> {
    if n == 0 {
        b.assert_zero(a);
        return Vec::new();
    }
    let mut rest: Vec<Bit> = Vec::with_capacity(n);
    for wire in b.hint(&[a], n - 1, bits_above_lowest) {
        rest.push(b.assert_bool(&wire));
    }
    let lowest = a - Lc::from_bits(&rest) * Fr::from(2u64);
    let lowest = b.assert_bool(&lowest);
    rest.insert(0, lowest);
    rest
}

fn bits_above_lowest(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let integer = inputs[0].into_bigint();
    if integer.num_bits() as usize > outputs.len() + 1 {
        return Err("a number lies outside its interval");
    }
    for (at, bit) in outputs.iter_mut().enumerate() {
        *bit = Fr::from(integer.get_bit(at + 1));
    }
    Ok(())
}

/// An integer below p in magnitude as a field element.
pub(super) fn element(n: &BigInt) -> Fr {
    let magnitude = Fr::from_le_bytes_mod_order(&n.magnitude().to_bytes_le());
    match n.sign() {
        Sign::Minus => -magnitude,
        _ => magnitude,
    }
}

/// As an integer in [0, p).
pub(super) fn integer(x: &Fr) -> BigInt {
    BigInt::from_bytes_le(Sign::Plus, &x.into_bigint().to_bytes_le())
}

/// As an integer in (-p/2, p/2).
pub(super) fn signed(x: &Fr) -> BigInt {
    if x.into_bigint() > Fr::MODULUS_MINUS_ONE_DIV_TWO {
        -integer(&-*x)
    } else {
        integer(x)
    }
}
