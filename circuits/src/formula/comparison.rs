//! Comparison of numbers by their intervals: which of two is greater, and whether one is below 0.

use ark_ff::{BigInteger as _, Field as _, PrimeField as _};
use merits_formula::Range;
use merits_primitives::Fr;
use num_bigint::{BigInt, Sign};

use super::truth::{Count, Truth};
use super::whole::{element, whole_bits};
use crate::builder::{Bit, Builder, Lc};

/// The greater or the lesser of two numbers, with its interval; all over one denominator.
///
/// It is half of the sum plus or minus the distance: 1 constraint more than the distance has bits,
/// and no wire for the result.
pub(super) fn better(
    b: &mut Builder,
    one: &(Lc, Range),
    other: &(Lc, Range),
    greatest: bool,
) -> (Lc, Range) {
    let bounds = one.1.sub(&other.1);
    if is_near(&bounds) || !bounds.may_be_negative() || bounds.hi.sign() == Sign::Minus {
        return kept(b, one, other, greatest);
    }
    let distance = magnitude(b, &(&one.0 - &other.0), &bounds);
    let distance = if greatest { distance } else { -distance };
    let half = Fr::from(2u64).inverse().expect("p is odd");
    let sum = &one.0 + &other.0;
    ((sum + distance) * half, range_of(one, other, greatest))
}

/// The same by a comparison, for 1 constraint more. In a chain of many, the other method's sums would
/// grow with each step.
pub(super) fn kept(
    b: &mut Builder,
    (best, range): &(Lc, Range),
    (other, other_range): &(Lc, Range),
    greatest: bool,
) -> (Lc, Range) {
    let difference = best - other;
    let ahead = not_negative(b, &difference, &range.sub(other_range));
    let keep = if greatest { ahead } else { ahead.not() };
    let range = if greatest {
        range.greatest(other_range)
    } else {
        range.least(other_range)
    };
    // `best` if it is kept, else the other.
    (other + keep.gate(b, &difference), range)
}

fn range_of(one: &(Lc, Range), other: &(Lc, Range), greatest: bool) -> Range {
    if greatest {
        one.1.greatest(&other.1)
    } else {
        one.1.least(&other.1)
    }
}

/// |x|: n + 1 constraints for |x| < 2^n.
///
/// It is a number w of n bits with (w − x)·(w + x) = 0, so w is x or −x. The other of the two is
/// above p − 2^n, or both are 0: only one w fits.
pub(super) fn magnitude(b: &mut Builder, x: &Lc, bounds: &Range) -> Lc {
    let n = bounds.hi.bits().max(bounds.lo.bits()) as usize;
    let wires = b.hint(&[x], n, magnitude_bits);
    let bits: Vec<Bit> = wires.iter().map(|wire| b.assert_bool(wire)).collect();
    let distance = Lc::from_bits(&bits);
    b.assert_mul(&(&distance - x), &(&distance + x), &Lc::zero());
    distance
}

fn magnitude_bits(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let x = inputs[0].into_bigint().min((-inputs[0]).into_bigint());
    if x.num_bits() as usize > outputs.len() {
        return Err("a number of the formula lies outside its interval");
    }
    for (at, bit) in outputs.iter_mut().enumerate() {
        *bit = Fr::from(x.get_bit(at));
    }
    Ok(())
}

/// Whether a comparison with 0 needs no bits: numbers of one sign, or from −1 up.
pub(super) fn is_near(bounds: &Range) -> bool {
    bounds.lo >= BigInt::from(-1i8) || bounds.hi <= BigInt::from(0u8)
}

/// Whether `x >= 0` for an integer `x` in `bounds` (without the denominator).
pub(super) fn not_negative(b: &mut Builder, x: &Lc, bounds: &Range) -> Truth {
    let (zero, one) = (BigInt::from(0u8), BigInt::from(1u8));
    if bounds.lo >= zero {
        return Truth::Known(true);
    }
    if bounds.hi < zero {
        return Truth::Known(false);
    }
    if bounds.lo == -&one {
        // Negative only at -1.
        return Truth::if_nonzero(Count {
            lc: x + Fr::from(1u64),
            most: &bounds.hi + 1u8,
        });
    }
    if bounds.hi == zero {
        return Truth::if_zero(Count {
            lc: -x,
            most: -&bounds.lo,
        });
    }
    // hi < 2^n and -lo <= 2^n: x + 2^n has n + 1 bits, and the highest is set exactly if x >= 0.
    // The bounds stay below 2^250, so x + 2^n cannot wrap, and its bits are unique.
    let n = bounds.hi.bits().max((-&bounds.lo - 1u8).bits()) as usize;
    let shifted = x + element(&(one << n));
    let bits = whole_bits(b, &shifted, n + 1);
    Truth::Bit(bits[n].clone())
}
