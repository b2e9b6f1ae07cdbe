//! Comparison of a number in bits with a literal, at one constraint for each one of the literal
//! above its lowest zero.

use crate::builder::{Bit, Builder, Lc};

/// Demands Σ 2^i·b_i ≤ `max`. One constraint for each one of `max` above its lowest zero, and
/// one more if its highest bit is zero; none when `max` is all ones; 1 when `max` is all ones but
/// the lowest.
///
/// Going up from the lowest bit, `excess` counts ways in which the low bits exceed those of
/// `max`; only zero or not matters. Where `max` has 0, a set bit exceeds on its own; where it has
/// 1, the excess below survives only under a set bit. The count stays below 2^n, far from p.
pub fn assert_at_most(b: &mut Builder, bits: &[Bit], max: u64) {
    if bits.len() < 64 && max >= (1 << bits.len()) - 1 {
        return;
    }
    if bits.len() > 2 && bits.len() < 64 && max == (1 << bits.len()) - 2 {
        // All but one value: the bits are not all ones, so their number less n has an inverse,
        // and exactly one.
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
        // A number that is all ones where it may not be has no inverse, hence no witness.
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

    #[test]
    fn the_last_minute_of_a_day_costs_three() {
        let mut b = Builder::new();
        let number = bits::input_bits(&mut b, "minute", 11);
        let before = b.n_constraints();
        assert_at_most(&mut b, &number, 1439);
        assert_eq!(b.n_constraints() - before, 3);
    }
}
