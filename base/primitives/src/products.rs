//! Sums of products of field elements, reduced once: about half the cost of reducing each product.
//!
//! An element is held in Montgomery form, x·2^256 mod p, in four 64-bit words. The product of two
//! such lists of words has 512 bits; here the products are added up as integers and the sum is
//! reduced at the end, in time that does not depend on the values.

use ark_ff::{BigInt, Fp, PrimeField};

use crate::Fr;

/// Words of an element.
const N: usize = 4;
/// p.
const P: [u64; N] = Fr::MODULUS.0;
/// −1/p modulo 2^64, by Newton's iteration: each step doubles the number of right bits.
const MINUS_INVERSE: u64 = {
    let mut inverse = 1u64;
    let mut step = 0;
    while step < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(P[0].wrapping_mul(inverse)));
        step += 1;
    }
    inverse.wrapping_neg()
};

/// A sum of products of pairs, of at most [`Products::MOST`] terms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Products([u64; 2 * N]);

impl Products {
    /// Terms that a sum may have: each is below 0.0358·2^512, and the sum has 512 bits.
    pub const MOST: usize = 24;

    /// Adds `a * b`. The caller must not add more than [`Products::MOST`] terms, of both kinds together.
    #[inline(always)]
    pub fn add(&mut self, a: &Fr, b: &Fr) {
        let (a, b) = (a.0.0, b.0.0);
        let mut product = [0u64; 2 * N];
        for i in 0..N {
            let mut carry = 0;
            for j in 0..N {
                (product[i + j], carry) = a[j].carrying_mul_add(b[i], product[i + j], carry);
            }
            product[i + N] = carry;
        }
        let mut carry = false;
        for (word, other) in self.0.iter_mut().zip(product) {
            (*word, carry) = word.carrying_add(other, carry);
        }
    }

    /// Adds `a`: a term too, as a·2^256 is below 0.19·2^512 and hence counts as six.
    #[inline(always)]
    pub fn add_one(&mut self, a: &Fr) {
        let mut carry = false;
        for (word, other) in self.0[N..].iter_mut().zip(a.0.0) {
            (*word, carry) = word.carrying_add(other, carry);
        }
    }

    /// The sum.
    #[inline(always)]
    pub fn sum(&self) -> Fr {
        let mut words = self.0;
        let mut above = 0;
        for i in 0..N {
            let factor = words[i].wrapping_mul(MINUS_INVERSE);
            let mut carry = 0;
            for j in 0..N {
                (words[i + j], carry) = factor.carrying_mul_add(P[j], words[i + j], carry);
            }
            let (word, first) = words[i + N].carrying_add(carry, false);
            let (word, second) = word.carrying_add(above, false);
            words[i + N] = word;
            above = u64::from(first) + u64::from(second);
        }
        // (T + m·p)/2^256 with T < 2^512 and m < 2^256: below 2^256 + p < 6.3·p.
        let mut high = [words[4], words[5], words[6], words[7], above];
        for multiple in &MULTIPLES {
            subtract_where_not_below(&mut high, multiple);
        }
        let [w0, w1, w2, w3, _] = high;
        Fp::new_unchecked(BigInt([w0, w1, w2, w3]))
    }
}

/// 4p, 2p, p.
const MULTIPLES: [[u64; N + 1]; 3] = [multiple(4), multiple(2), multiple(1)];

/// `k`·p.
const fn multiple(k: u64) -> [u64; N + 1] {
    let mut out = [0; N + 1];
    let mut carry = 0u128;
    let mut i = 0;
    while i < N {
        let word = P[i] as u128 * k as u128 + carry;
        out[i] = word as u64;
        carry = word >> 64;
        i += 1;
    }
    out[N] = carry as u64;
    out
}

/// Without a branch.
#[inline(always)]
fn subtract_where_not_below(x: &mut [u64; N + 1], y: &[u64; N + 1]) {
    let mut less = *x;
    let mut borrow = false;
    for (word, other) in less.iter_mut().zip(y) {
        (*word, borrow) = word.borrowing_sub(*other, borrow);
    }
    let keep = u64::from(borrow).wrapping_neg();
    for (word, less) in x.iter_mut().zip(less) {
        *word = (*word & keep) | (less & !keep);
    }
}

/// `Σ a_i * b_i` of two lists of equal length, of any length.
#[inline]
pub fn dot(a: &[Fr], b: &[Fr]) -> Fr {
    let mut chunks = a.chunks(Products::MOST).zip(b.chunks(Products::MOST));
    let part = |(a, b): (&[Fr], &[Fr])| {
        let mut products = Products::default();
        for (a, b) in a.iter().zip(b) {
            products.add(a, b);
        }
        products.sum()
    };
    let first = chunks.next().map(part).unwrap_or_default();
    chunks.map(part).fold(first, |sum, part| sum + part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field;
    use ark_ff::Field;
    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    fn plainly(a: &[Fr], b: &[Fr]) -> Fr {
        a.iter().zip(b).map(|(a, b)| *a * b).sum()
    }

    #[test]
    fn the_largest_terms_and_as_many_as_there_may_be() {
        // The largest words that an element can have.
        let mut words = P;
        words[0] -= 1;
        let largest: Fr = Fp::new_unchecked(BigInt(words));
        for n in 0..=2 * Products::MOST + 1 {
            for value in [largest, -Fr::ONE, Fr::ONE, Fr::from(0u64)] {
                let list = vec![value; n];
                assert_eq!(dot(&list, &list), plainly(&list, &list), "{n} terms");
            }
        }
        let mut sum = Products::default();
        (0..4).for_each(|_| sum.add_one(&largest));
        assert_eq!(sum.sum(), largest * Fr::from(4u64));
    }

    proptest! {
        #[test]
        fn agrees_with_products_reduced_one_by_one(seed: u64, n in 0usize..60) {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut list = || (0..n).map(|_| field::random(&mut rng)).collect::<Vec<_>>();
            let (a, b) = (list(), list());
            prop_assert_eq!(dot(&a, &b), plainly(&a, &b));
        }
    }
}
