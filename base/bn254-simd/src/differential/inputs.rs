//! Inputs where arithmetic goes wrong.

use ark_bn254::Fr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_std::rand::{Rng, rngs::StdRng};

use crate::curve::Group;
use crate::modulus::{LIMB, Modulus, canonical, limbs};

/// Any 256 bits: limbs of 52 or words of 64 bits that are all ones, all zeros or the modulus's,
/// values beside its multiples, or nothing special.
pub(super) fn words<M: Modulus>(rng: &mut StdRng) -> [u64; 4] {
    match rng.gen_range(0..8) {
        0 => join(core::array::from_fn(|i| limb(limbs(M::MODULUS.0)[i], rng))),
        1 => core::array::from_fn(|i| word(M::MODULUS.0[i], rng)),
        // Beside a multiple of the modulus, a little or in one limb.
        2..=4 => {
            let mut x = multiple::<M>(rng.gen_range(0..=5));
            let change = match rng.gen_range(0..4) {
                0 => 0,
                1 => 1,
                2 => rng.gen_range(0..1 << 20),
                _ => 1 << rng.gen_range(0..64),
            };
            let at = if rng.r#gen() { 0 } else { rng.gen_range(0..4) };
            let up = rng.r#gen::<bool>();
            let mut carry = change;
            for word in &mut x[at..] {
                let (sum, over) = if up {
                    word.overflowing_add(carry)
                } else {
                    word.overflowing_sub(carry)
                };
                (*word, carry) = (sum, u64::from(over));
            }
            x
        }
        // Where the estimate of a quotient steps: the top limb over 2^52/84 is whole.
        5 => {
            let step =
                ((1u64 << 52) / 84 * rng.gen_range(0..6) + rng.gen_range(0..4)).min(LIMB >> 4);
            let mut all: [u64; 5] = core::array::from_fn(|i| limb(limbs(M::MODULUS.0)[i], rng));
            all[4] = step;
            join(all)
        }
        _ => core::array::from_fn(|_| rng.r#gen()),
    }
}

fn limb(p: u64, rng: &mut StdRng) -> u64 {
    match rng.gen_range(0..8) {
        0 => 0,
        1 => 1,
        2 | 3 => LIMB,
        4 => p,
        5 => p.wrapping_sub(1) & LIMB,
        6 => 1 << 51,
        _ => rng.r#gen::<u64>() & LIMB,
    }
}

fn word(p: u64, rng: &mut StdRng) -> u64 {
    match rng.gen_range(0..6) {
        0 => 0,
        1 | 2 => u64::MAX,
        3 => p,
        4 => 1 << 63,
        _ => rng.r#gen(),
    }
}

/// Limbs of 52 bits as words; what exceeds 256 bits is cut off.
fn join([l0, l1, l2, l3, l4]: [u64; 5]) -> [u64; 4] {
    [
        l0 | l1 << 52,
        l1 >> 12 | l2 << 40,
        l2 >> 24 | l3 << 28,
        l3 >> 36 | l4 << 16,
    ]
}

/// `k * p` for `k <= 5`, which fits 256 bits.
fn multiple<M: Modulus>(k: u64) -> [u64; 4] {
    let mut carry = 0u128;
    core::array::from_fn(|i| {
        carry += u128::from(M::MODULUS.0[i]) * u128::from(k);
        let word = carry as u64;
        carry >>= 64;
        word
    })
}

/// An element whose kept words, or whose value, are special.
pub(super) fn element<M: Modulus>(rng: &mut StdRng) -> M {
    let kept = M::from_words(canonical::<M>(words::<M>(rng)));
    match rng.gen_range(0..4) {
        0 => M::from_bigint(kept.into_bigint()).unwrap_or(kept),
        // The value, rather than its Montgomery form, is special.
        1 => M::from_bigint(ark_ff::BigInt(kept.words())).unwrap_or(kept),
        _ => kept,
    }
}

/// Scalars of one proof: all equal, sparse, bits, short, mixed, or at the edges of digits.
pub(super) fn scalars(len: usize, rng: &mut StdRng) -> Vec<Fr> {
    let common = scalar(rng);
    let style = rng.gen_range(0..8);
    (0..len)
        .map(|_| match style {
            0 => common,
            1 => Fr::from(rng.gen_range(0..2u64)),
            2 => {
                if rng.gen_range(0..10) == 0 {
                    scalar(rng)
                } else {
                    Fr::ZERO
                }
            }
            3 => Fr::from(rng.r#gen::<u64>() >> rng.gen_range(0..64)),
            4 => Fr::rand(rng),
            5 => {
                if rng.r#gen() {
                    common
                } else {
                    -common
                }
            }
            _ => scalar(rng),
        })
        .collect()
}

/// One scalar: small, around powers of two (where digits carry), around r/2 (where signs flip),
/// all digits alike, or anything.
pub(super) fn scalar(rng: &mut StdRng) -> Fr {
    let near = |center: Fr, rng: &mut StdRng| {
        let by = Fr::from(rng.gen_range(0..3u64));
        if rng.r#gen() {
            center + by
        } else {
            center - by
        }
    };
    match rng.gen_range(0..9) {
        0 => near(Fr::ZERO, rng),
        1 => near(Fr::from(2u64).pow([rng.gen_range(0..254u64)]), rng),
        2 => near(-Fr::from(2u64).pow([rng.gen_range(0..254u64)]), rng),
        3 => near(Fr::from(2u64).inverse().unwrap_or_default(), rng),
        4 => Fr::from(rng.r#gen::<u128>() >> rng.gen_range(0..128)),
        // The same digit everywhere: halves, all ones, or one below.
        5 => {
            let width = rng.gen_range(2..=17u32);
            let digit = match rng.gen_range(0..3) {
                0 => 1u64 << (width - 1),
                1 => (1 << (width - 1)) - 1,
                _ => (1 << width) - 1,
            };
            let base = Fr::from(1u64 << width);
            let digits = rng.gen_range(1..=254 / width);
            (0..digits).fold(Fr::ZERO, |sum, _| sum * base + Fr::from(digit))
        }
        6 => element::<Fr>(rng),
        _ => Fr::rand(rng),
    }
}

/// A length: small, or beside a power of two or a multiple of eight.
pub(super) fn length(most: usize, rng: &mut StdRng) -> usize {
    let len = match rng.gen_range(0..4) {
        0 => rng.gen_range(0..20),
        1 => (1usize << rng.gen_range(0..=most.ilog2())) + rng.gen_range(0..3) - 1,
        2 => 8 * rng.gen_range(1..=most / 8) + rng.gen_range(0..3) - 1,
        _ => rng.gen_range(0..=most),
    };
    len.min(most)
}

/// Points of one kind: different multiples of one point, few different points, equal or opposite
/// points, or nothing special. The identity is among them if the caller asks for it.
pub(super) fn points<C: Group>(len: usize, identities: bool, rng: &mut StdRng) -> Vec<Affine<C>> {
    let generator = Projective::<C>::generator();
    let start = generator * scalar(rng);
    // Steps by the first point itself make sums of two points equal to a third.
    let step = if rng.r#gen() {
        start
    } else {
        generator * Fr::rand(rng)
    };
    let distinct = match rng.gen_range(0..4) {
        0 => 1,
        1 => len.clamp(1, 3),
        2 => len.clamp(1, 40),
        _ => len.max(1),
    };
    let mut all = Vec::with_capacity(distinct);
    let mut next = start;
    for _ in 0..distinct {
        all.push(next);
        next += step;
    }
    let all = Projective::normalize_batch(&all);
    let fallback = Affine::<C>::generator();
    let negative = [0.0, 0.5, 1.0, 0.1][rng.gen_range(0..4)];
    (0..len)
        .map(|i| {
            let point = all[if distinct == len {
                i
            } else {
                rng.gen_range(0..distinct)
            }];
            let point = match (point.is_zero(), identities) {
                (true, false) => fallback,
                _ if identities && rng.gen_range(0..8) == 0 => Affine::identity(),
                _ => point,
            };
            if rng.gen_bool(negative) {
                -point
            } else {
                point
            }
        })
        .collect()
}
