//! Comparison of a number in bits with a literal. Up to 64 bits, it costs one constraint for each
//! one of the literal above its lowest zero. Longer numbers are compared by one digit of the
//! difference.

use ark_ff::{BigInt, BigInteger, Field, PrimeField};
use merits_primitives::Fr;

use crate::builder::{Bit, Builder, Lc, MAX_BITS};

/// Demands Σ 2^i·b_i ≤ `max`. One constraint for each one of `max` above its lowest zero, and
/// one more if its highest bit is zero; none when `max` is all ones; 1 when `max` is all ones but
/// the lowest.
///
/// From the lowest bit up, `excess` counts ways in which the low bits exceed those of `max`; only
/// zero or not matters. If the bit of `max` is 0, a set bit exceeds it; if it is 1, an excess of the
/// lower bits remains only under a set bit. The count stays below 2^n, far from p.
pub fn assert_at_most(b: &mut Builder, bits: &[Bit], max: u64) {
    if bits.len() < 64 && max >= (1 << bits.len()) - 1 {
        return;
    }
    if bits.len() > 2 && bits.len() < 64 && max == (1 << bits.len()) - 2 {
        // Only one value is forbidden: the bits must not be all ones. So their number less n has
        // exactly one inverse.
        let missing = Lc::sum(bits.iter().map(Bit::lc)) - Lc::from(bits.len() as u64);
        b.quotient(&Lc::one(), &missing);
        return;
    }
    let high = bits.iter().skip(64).map(Bit::lc);
    let low = &bits[..bits.len().min(64)];
    let last = low.iter().enumerate().rposition(|(i, _)| max >> i & 1 == 1);
    let mut excess = Lc::zero();
    for (i, bit) in low.iter().enumerate() {
        if max >> i & 1 == 0 {
            excess += bit.lc();
        } else if Some(i) == last && i + 1 == bits.len() {
            // The highest product must be 0 itself: no wire for it.
            assert_product_zero(b, bit.lc(), &excess);
            return;
        } else {
            excess = b.mul(bit.lc(), &excess);
        }
    }
    let excess = Lc::sum(high.chain([&excess]));
    b.assert_zero(&excess);
}

/// Demands Σ 2^i·b_i ≥ `min` if `present`; bits are zero unless `present`. Counts as
/// [`assert_at_most`] of the complements, present − b_i, which are all zero when absent.
pub fn assert_at_least(b: &mut Builder, bits: &[Bit], min: u64, present: &Bit) {
    // b_i is 0 or `present`, so present − b_i is a bit.
    let complements: Vec<Bit> = bits
        .iter()
        .map(|bit| Bit::assume(present.lc() - bit.lc()))
        .collect();
    let top = if bits.len() >= 64 {
        u64::MAX
    } else {
        (1 << bits.len()) - 1
    };
    assert!(
        min <= top,
        "a number of {} bits is never {min} or more",
        bits.len()
    );
    assert_at_most(b, &complements, top - min);
}

/// Demands Σ 2^i·b_i < `bound` for a literal of many bits: about 2·√n constraints for n bits (31
/// for 251), where [`assert_at_most`] takes one for each one of the literal.
///
/// Both numbers are read in digits of w bits. Let x_k and c_k be x and c without their k lowest
/// digits. Then x < c if and only if, for some k, the difference c_k − x_k is in [1, 2^w]:
/// - if the difference is in this range for some k, then x_k < c_k, hence x < c;
/// - if x < c, let k be the position of the highest digit that differs. Above it both numbers are
///   the same, so c_k − x_k is the difference of two digits, and positive.
///
/// A digit d of w bits is hinted, and Π_k (c_k − x_k − 1 − d) = 0. The factors are integers of at
/// most n + 1 bits in absolute value, far from p. A few numbers have more than one valid d; the hint
/// takes the highest position.
///
/// # Panics
/// If the bound is 0, because no number is below 0, or if there are more than [`MAX_BITS`] bits.
pub fn assert_below(b: &mut Builder, bits: &[Bit], bound: BigInt<4>) {
    assert!(
        bound != BigInt::from(0u64),
        "no number is below 0: such a bound is a mistake"
    );
    assert!(
        bits.len() <= MAX_BITS,
        "{} bits: at most {MAX_BITS} are expected",
        bits.len()
    );
    if (bound >> bits.len() as u32) != BigInt::from(0u64) {
        // The bits hold no such number.
        return;
    }
    let width = digit_width(bits.len());
    let number = Lc::from_bits(bits);
    // Below 2^253 < p, by the line above.
    let literal = |value: BigInt<4>| Lc::constant(Fr::from_bigint(value).unwrap_or_default());
    let digit = b.hint(&[&number, &literal(bound)], width, highest_difference);
    let digit: Vec<Bit> = digit.iter().map(|bit| b.assert_bool(bit)).collect();
    let difference = Lc::from_bits(&digit) + Fr::ONE;
    let mut factors = (0..bits.len())
        .step_by(width)
        .map(|low| literal(bound >> low as u32) - Lc::from_bits(&bits[low..]) - &difference);
    let Some(first) = factors.next_back() else {
        return;
    };
    let Some(last) = factors.next() else {
        b.assert_zero(&first);
        return;
    };
    let product = factors
        .rev()
        .fold(first, |product, factor| b.mul(&product, &factor));
    b.assert_mul(&product, &last, &Lc::zero());
}

/// Bits of a digit for [`assert_below`]. It chooses the fewest constraints, digit and product
/// together. If several choices are equal, it takes the fewest factors, because each is a long sum.
fn digit_width(bits: usize) -> usize {
    let cost = |width: &usize| width + bits.div_ceil(*width);
    (1..=bits).rev().min_by_key(cost).unwrap_or(1)
}

/// Hint of [`assert_below`], from (number, bound): at the highest digit that differs, the bound's
/// digit less the number's digit less 1, in as many bits as there are outputs.
fn highest_difference(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    const REFUSAL: &str = "the number is not below its bound";
    let [number, bound] = inputs else {
        return Err("a number and a bound are expected");
    };
    let (number, bound) = (number.into_bigint(), bound.into_bigint());
    let width = outputs.len();
    let places = (0..MAX_BITS).step_by(width.max(1)).rev();
    let mut cut = places.map(|low| (number >> low as u32, bound >> low as u32));
    let (x, c) = cut.find(|(x, c)| x != c).ok_or(REFUSAL)?;
    if x > c {
        return Err(REFUSAL);
    }
    let difference =
        Fr::from_bigint(c).unwrap_or_default() - Fr::from_bigint(x).unwrap_or_default() - Fr::ONE;
    let difference = difference.into_bigint();
    for (i, output) in outputs.iter_mut().enumerate() {
        *output = Fr::from(difference.get_bit(i));
    }
    Ok(())
}

fn assert_product_zero(b: &mut Builder, a: &Lc, c: &Lc) {
    if c.as_constant().is_none() {
        b.assert_mul(a, c, &Lc::zero());
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::Fr;

    use super::*;
    use crate::gadgets::bits;

    fn accepts(
        n: usize,
        value: u64,
        present: bool,
        build: impl Fn(&mut Builder, &[Bit], &Bit),
    ) -> bool {
        let mut b = Builder::new();
        let flag = b.input("present");
        let flag = b.assert_bool(&flag);
        let number = bits::gated_input_bits(&mut b, "x", n, &flag);
        build(&mut b, &number, &flag);
        let circuit = b.finish();
        let mut inputs = vec![Fr::from(present)];
        inputs.extend((0..n).map(|i| Fr::from(value >> i & 1 == 1)));
        // If the bits are all ones, which is not allowed, there is no inverse and so no witness.
        circuit
            .program
            .run(&inputs)
            .is_ok_and(|assignment| circuit.check(&assignment).is_ok())
    }

    #[test]
    fn every_bound_of_five_bits_against_every_value() {
        for bound in 0..32 {
            for value in 0..32 {
                let at_most = accepts(5, value, true, |b, x, _| assert_at_most(b, x, bound));
                assert_eq!(at_most, value <= bound, "{value} <= {bound}");
                let at_least = accepts(5, value, true, |b, x, p| assert_at_least(b, x, bound, p));
                assert_eq!(at_least, value >= bound, "{value} >= {bound}");
            }
            assert!(accepts(5, 0, false, |b, x, p| assert_at_least(
                b, x, bound, p
            )));
        }
        assert!(
            !accepts(5, 1, false, |_, _, _| ()),
            "a bit of an absent number must be zero"
        );
    }

    /// Tries every digit that a prover might choose, not only the hinted one.
    #[test]
    fn below_every_bound_of_seven_bits_by_some_digit_or_by_none() {
        const BITS: usize = 7;
        for bound in 1..=1u64 << BITS {
            let mut b = Builder::new();
            let number = bits::input_bits(&mut b, "x", BITS);
            let before = b.n_constraints();
            assert_below(&mut b, &number, BigInt::from(bound));
            let width = digit_width(BITS);
            let free = bound == 1 << BITS;
            let cost = width + BITS.div_ceil(width) - 1;
            assert_eq!(b.n_constraints() - before, if free { 0 } else { cost });
            let circuit = b.finish();
            for value in 0..1u64 << BITS {
                let inputs: Vec<Fr> = (0..BITS).map(|i| Fr::from(value >> i & 1)).collect();
                let honest = circuit.program.run(&inputs);
                let honest = honest.is_ok_and(|wires| circuit.check(&wires).is_ok());
                assert_eq!(honest, value < bound, "{value} < {bound}");
                let some = free
                    || (0..1u64 << width).any(|digit| {
                        let mut wires = vec![Fr::ONE];
                        wires.extend_from_slice(&inputs);
                        wires.extend((0..width).map(|i| Fr::from(digit >> i & 1)));
                        // The constraints define the wires of the product.
                        for i in 0..circuit.r1cs.n_constraints() {
                            let row = circuit.r1cs.constraint(i);
                            if let [(wire, _)] = row.c
                                && *wire as usize == wires.len()
                            {
                                let value = |terms: &[(u32, Fr)]| -> Fr {
                                    terms.iter().map(|(w, c)| wires[*w as usize] * c).sum()
                                };
                                let product = value(row.a) * value(row.b);
                                wires.push(product);
                            }
                        }
                        circuit.check(&wires).is_ok()
                    });
                assert_eq!(some, value < bound, "a digit for {value} < {bound}");
            }
        }
    }

    #[test]
    fn below_the_order_of_baby_jubjub_costs_31() {
        let mut b = Builder::new();
        let number = bits::input_bits(&mut b, "x", 251);
        let before = b.n_constraints();
        let order = merits_primitives::jubjub::Scalar::MODULUS;
        assert_below(&mut b, &number, order);
        assert_eq!(b.n_constraints() - before, 31);
        let circuit = b.finish();
        let accepts = |value: BigInt<4>| {
            let inputs: Vec<Fr> = (0..251).map(|i| Fr::from(value.get_bit(i))).collect();
            let wires = circuit.program.run(&inputs);
            wires.is_ok_and(|wires| circuit.check(&wires).is_ok())
        };
        let (mut most, mut more) = (order, order);
        most.sub_with_borrow(&BigInt::from(1u64));
        more.add_with_carry(&BigInt::from(1u64));
        assert!(accepts(BigInt::from(0u64)) && accepts(BigInt::from(1u64)) && accepts(most));
        assert!(!accepts(order) && !accepts(more));
        // 2^250 is below l, all 251 bits set are not.
        assert!(accepts(BigInt::from(1u64) << 250));
        assert!(!accepts(BigInt::new([u64::MAX; 4]) >> 5));
    }

    #[test]
    fn the_last_minute_of_a_day_costs_three() {
        let mut b = Builder::new();
        let number = bits::input_bits(&mut b, "minute", 11);
        let before = b.n_constraints();
        assert_at_most(&mut b, &number, 1439);
        assert_eq!(b.n_constraints() - before, 3);
    }
}
