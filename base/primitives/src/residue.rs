//! Which elements of the field are squares, for public values: variable time.
//!
//! The Jacobi symbol by the binary algorithm (Shallit and Sorenson 1993): halvings and subtractions of four
//! words instead of the 366 multiplications of Euler's criterion, in about half of their time.

use alloc::vec::Vec;

use ark_ff::PrimeField as _;

use crate::Fr;

/// Words of an element.
const N: usize = 4;

/// Whether an element is the square of an element other than 0.
pub fn is_nonzero_square(value: &Fr) -> bool {
    // The words in memory are 2^256 times the value, and 2^256 is a square.
    let mut a = value.0.0;
    let mut n = Fr::MODULUS.0;
    // Whether the symbol is (a/n) or its opposite. n is always odd.
    let mut is_opposite = false;
    while a != [0; N] {
        let zeros = halve_to_odd(&mut a);
        // (2/n) = -1 if n is 3 or 5 modulo 8.
        let two_is_none = (n[0] ^ n[0] >> 1) & 2 != 0;
        is_opposite ^= zeros % 2 == 1 && two_is_none;
        // Reciprocity: (a/n) = (n/a), or its opposite if both are 3 modulo 4.
        let (difference, is_less) = minus(&a, &n);
        is_opposite ^= is_less && a[0] & n[0] & 2 != 0;
        let mask = u64::from(is_less).wrapping_neg();
        let mut carry = u64::from(is_less);
        for ((word, of_n), of_difference) in a.iter_mut().zip(&mut n).zip(difference) {
            *of_n ^= mask & (*of_n ^ *word);
            let (sum, over) = (of_difference ^ mask).overflowing_add(carry);
            (*word, carry) = (sum, u64::from(over));
        }
    }
    // A prime and a smaller number have no other common divisor. For 0 the loop leaves p.
    n == [1, 0, 0, 0] && !is_opposite
}

/// [`is_nonzero_square`] of each. With the feature `simd`, it tests sixteen at a time if the processor can.
pub fn are_nonzero_squares(values: &[Fr]) -> Vec<bool> {
    #[cfg(feature = "simd")]
    {
        use merits_bn254_simd::{Path, are_nonzero_squares};

        let path = Path::preferred();
        if path.is_vectorized() && values.len() >= FEWEST {
            return are_nonzero_squares(path, values);
        }
    }
    values.iter().map(is_nonzero_square).collect()
}

/// Fewest values for lanes: two vectors take as long as three values by themselves.
#[cfg(feature = "simd")]
const FEWEST: usize = 4;

/// Divides a number other than 0 by 2 until it is odd. Returns how often, modulo 64.
fn halve_to_odd(a: &mut [u64; N]) -> u32 {
    while a[0] == 0 {
        *a = [a[1], a[2], a[3], 0];
    }
    let zeros = a[0].trailing_zeros();
    if zeros > 0 {
        for i in 0..N {
            let above = a.get(i + 1).map_or(0, |word| word << (64 - zeros));
            a[i] = a[i] >> zeros | above;
        }
    }
    zeros
}

/// a - b modulo 2^256, and whether a is less.
fn minus(a: &[u64; N], b: &[u64; N]) -> ([u64; N], bool) {
    let mut difference = [0; N];
    let mut borrow = false;
    for ((word, a), b) in difference.iter_mut().zip(a).zip(b) {
        let (first, one) = a.overflowing_sub(*b);
        let (second, other) = first.overflowing_sub(u64::from(borrow));
        (*word, borrow) = (second, one || other);
    }
    (difference, borrow)
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup as _, Field as _};
    use rand::SeedableRng as _;

    use super::*;
    use crate::field;

    #[test]
    fn it_is_eulers_criterion() {
        let rng = &mut rand::rngs::StdRng::seed_from_u64(4);
        let small = (0..300u64).flat_map(|n| [Fr::from(n), -Fr::from(n)]);
        let powers = (0..254).map(|n| Fr::from(2u64).pow([n]));
        let random = (0..500).map(|_| field::random(rng)).collect::<Vec<_>>();
        let (mut squares, mut others) = (0, 0);
        let values: Vec<Fr> = small.chain(powers).chain(random).collect();
        let each: Vec<bool> = values.iter().map(is_nonzero_square).collect();
        for count in (0..40).chain([values.len()]) {
            assert_eq!(are_nonzero_squares(&values[..count]), each[..count]);
        }
        for value in values {
            let expected = value.legendre().is_qr();
            assert_eq!(is_nonzero_square(&value), expected, "{value}");
            assert_eq!(is_nonzero_square(&value.square()), value != Fr::ZERO);
            *(if expected { &mut squares } else { &mut others }) += 1;
        }
        assert!(squares > 300 && others > 300, "{squares} and {others}");
    }
}
