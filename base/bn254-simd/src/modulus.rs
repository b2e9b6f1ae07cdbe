//! The two prime fields of BN254 as constants for the kernels: limbs of 52 bits and multiples.

use ark_bn254::{Fq, Fr};
use ark_ff::{BigInt, PrimeField};

/// The low 52 bits, a limb of the vector arithmetic.
pub(crate) const LIMB: u64 = (1 << 52) - 1;

/// A prime `p` with `2^253 < p < 2^254`, and the arkworks field over it.
pub(crate) trait Modulus: PrimeField<BigInt = BigInt<4>> {
    /// `p` in limbs of 52 bits.
    const LIMBS: [u64; 5];
    /// `-1/p mod 2^52`.
    const NEGATIVE_INVERSE: u64;
    /// `2^-52 mod p` in limbs of 52 bits.
    const LIMB_INVERSE: [u64; 5];
    /// `k * p` for `k` in `0..8`: limb `i` of `k * p` at `[i][k]`.
    const MULTIPLES: &'static [[u64; 8]; 5];
    /// `2^260 * 2^260 / 2^256 mod p` as plain words: an arkworks value, whose Montgomery form is
    /// `x * 2^256`, times this in arkworks' representation is `x * 2^260`.
    fn sixteen() -> Self;
    /// The four words that arkworks keeps (`x * 2^256 mod p`).
    fn words(self) -> [u64; 4];
    /// The element whose kept words are these; they must be below `p`.
    fn from_words(words: [u64; 4]) -> Self;
}

/// Four words as five limbs of 52 bits.
pub(crate) const fn limbs(w: [u64; 4]) -> [u64; 5] {
    [
        w[0] & LIMB,
        ((w[0] >> 52) | (w[1] << 12)) & LIMB,
        ((w[1] >> 40) | (w[2] << 24)) & LIMB,
        ((w[2] >> 28) | (w[3] << 36)) & LIMB,
        w[3] >> 16,
    ]
}

const fn negative_inverse(p: u64) -> u64 {
    // Newton: each step doubles the number of correct low bits; 1 is correct modulo 2.
    let mut x = 1u64;
    let mut i = 0;
    while i < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(p.wrapping_mul(x)));
        i += 1;
    }
    x.wrapping_neg() & LIMB
}

/// `(1 + p * (-1/p mod 2^52)) / 2^52`.
const fn limb_inverse(p: [u64; 5]) -> [u64; 5] {
    let factor = negative_inverse(p[0]) as u128;
    let mut all = [0; 5];
    let (mut carry, mut i) = (1, 0);
    while i < 5 {
        carry += p[i] as u128 * factor;
        if i > 0 {
            all[i - 1] = carry as u64 & LIMB;
        }
        carry >>= 52;
        i += 1;
    }
    all[4] = carry as u64;
    all
}

const fn multiples(p: [u64; 5]) -> [[u64; 8]; 5] {
    let mut table = [[0; 8]; 5];
    let mut k = 0;
    while k < 8 {
        let (mut carry, mut i) = (0, 0);
        while i < 5 {
            let t = p[i] * k + carry;
            table[i][k as usize] = t & LIMB;
            carry = t >> 52;
            i += 1;
        }
        k += 1;
    }
    table
}

/// `x` modulo `p`, for any 256-bit `x` (at most five subtractions, as `2^256 < 6p`).
pub(crate) fn canonical<M: Modulus>(mut x: [u64; 4]) -> [u64; 4] {
    loop {
        let mut borrow = false;
        let mut y = [0; 4];
        for (y, (x, p)) in y.iter_mut().zip(x.iter().zip(M::MODULUS.0)) {
            let (t, b0) = x.overflowing_sub(p);
            let (t, b1) = t.overflowing_sub(u64::from(borrow));
            (*y, borrow) = (t, b0 | b1);
        }
        if borrow {
            return x;
        }
        x = y;
    }
}

macro_rules! modulus {
    ($field:ty) => {
        impl Modulus for $field {
            const LIMBS: [u64; 5] = limbs(<$field as PrimeField>::MODULUS.0);
            const NEGATIVE_INVERSE: u64 = negative_inverse(<$field as PrimeField>::MODULUS.0[0]);
            const LIMB_INVERSE: [u64; 5] = limb_inverse(<$field as Modulus>::LIMBS);
            const MULTIPLES: &'static [[u64; 8]; 5] = &multiples(<$field as Modulus>::LIMBS);

            fn sixteen() -> Self {
                const SIXTEEN: $field = ark_ff::MontFp!("16");
                SIXTEEN
            }

            #[inline(always)]
            fn words(self) -> [u64; 4] {
                self.0.0
            }

            #[inline(always)]
            fn from_words(words: [u64; 4]) -> Self {
                <$field>::new_unchecked(BigInt::new(words))
            }
        }
    };
}
modulus!(Fq);
modulus!(Fr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_subtracts_as_often_as_needed() {
        for k in 0..6u64 {
            // k * p + 3, as words
            let (mut words, mut carry) = ([0u64; 4], 3u128);
            for (w, p) in words.iter_mut().zip(Fq::MODULUS.0) {
                carry += u128::from(p) * u128::from(k);
                *w = carry as u64;
                carry >>= 64;
            }
            assert_eq!(carry, 0, "2^256 is above {k}p");
            assert_eq!(canonical::<Fq>(words), [3, 0, 0, 0]);
        }
        assert!(Fq::MODULUS.0[3] > u64::MAX / 6, "2^256 is below 6p");
        assert_eq!(canonical::<Fq>(Fq::MODULUS.0), [0; 4]);
    }

    #[test]
    fn limb_inverses_are_inverses_of_a_limb() {
        fn check<M: Modulus>() {
            let join = |l: [u64; 5]| {
                let all = l.into_iter().rev();
                all.fold(M::ZERO, |sum, limb| {
                    sum * M::from(1u64 << 52) + M::from(limb)
                })
            };
            assert_eq!(join(M::LIMB_INVERSE) * M::from(1u64 << 52), M::ONE);
            // Below p, and its limbs carried.
            assert!(M::LIMB_INVERSE.iter().rev().lt(M::LIMBS.iter().rev()));
            assert!(M::LIMB_INVERSE.iter().all(|limb| *limb <= LIMB));
        }
        check::<Fq>();
        check::<Fr>();
    }

    #[test]
    fn inverse_is_an_inverse() {
        for (inverse, p) in [
            (Fq::NEGATIVE_INVERSE, Fq::MODULUS.0[0]),
            (Fr::NEGATIVE_INVERSE, Fr::MODULUS.0[0]),
        ] {
            assert_eq!(inverse.wrapping_mul(p) & LIMB, LIMB);
        }
    }
}
