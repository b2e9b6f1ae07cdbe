//! Transforms over the scalar field without bit reversals: they take values on the domain to values
//! on its odd coset, in the same order.
//!
//! A decimation in frequency takes values in order to coefficients in bit-reversed order; a
//! decimation in time takes those to values in order, so nothing is ever permuted. The second gives
//! values on the coset if its twiddles are those of the coset's points ([`odd_twiddles`]). Both
//! halves recurse: the two halves of a block are independent after its first layer, which keeps
//! blocks in cache and threads busy.
//!
//! With eight lanes, element `lane * m + v` of `8m` is lane `lane` of vector `v`: a first step of
//! eight-point transforms across lanes, then all lanes do the same transform of `m` points side by
//! side, with the same twiddles.

use ark_bn254::Fr;
use ark_ff::{FftField, Field, Zero};
use rayon::prelude::*;

use crate::job::Job;
use crate::modulus::Modulus;
use crate::words::{Arithmetic, Words, accelerate};

/// The generator of snarkjs's domain of `2^log2` points, a power of the smallest non-residue.
///
/// # Panics
/// If `log2` exceeds the field's two-adicity, 28.
#[must_use]
pub fn domain_generator(log2: u32) -> Fr {
    assert!(
        log2 <= Fr::TWO_ADICITY,
        "BN254 has no domain of 2^{log2} points"
    );
    let mut root = Fr::TWO_ADIC_ROOT_OF_UNITY;
    for _ in log2..Fr::TWO_ADICITY {
        root.square_in_place();
    }
    root
}

/// `[1, base, base^2, ...]`.
pub(crate) fn powers(base: Fr, len: usize) -> Vec<Fr> {
    const PART: usize = 1 << 12;
    let mut out = vec![Fr::zero(); len];
    out.par_chunks_mut(PART)
        .enumerate()
        .for_each(|(part, chunk)| {
            let mut power = base.pow([(part * PART) as u64]);
            for slot in chunk {
                *slot = power;
                power *= base;
            }
        });
    out
}

/// `i` with its low `bits` bits reversed.
pub(crate) fn reverse(i: usize, bits: u32) -> usize {
    if bits == 0 {
        return 0;
    }
    i.reverse_bits() >> (usize::BITS - bits)
}

/// Twiddles of a transform, layer by layer: for blocks of `2h` points, `root^0..root^(h-1)` of the
/// `2h`-th root, at `[h - 1..2h - 1]`; `root` is the `len`-th.
pub(crate) fn twiddles<T>(root: Fr, len: usize, convert: impl Fn(Fr) -> T) -> Vec<T> {
    let all = powers(root, len / 2);
    layers(len, |half, i| convert(all[i * (len / 2 / half)]))
}

/// Twiddles that take coefficients to the odd coset. A polynomial `e(x^2) + x*o(x^2)` of `2h`
/// coefficients is evaluated at the odd powers `x` of the `4h`-th root, whose squares are the odd
/// powers of the `2h`-th. So layer `h` has `root^1, root^3, .., root^(2h-1)` of the `4h`-th root;
/// `double_root` is the `2 len`-th.
pub(crate) fn odd_twiddles<T>(double_root: Fr, len: usize, convert: impl Fn(Fr) -> T) -> Vec<T> {
    let all = powers(double_root, len);
    layers(len, |half, i| convert(all[(2 * i + 1) * (len / 2 / half)]))
}

fn layers<T>(len: usize, twiddle: impl Fn(usize, usize) -> T) -> Vec<T> {
    let mut out = Vec::with_capacity(len.saturating_sub(1));
    let mut half = 1;
    while half < len {
        out.extend((0..half).map(|i| twiddle(half, i)));
        half *= 2;
    }
    out
}

/// Arithmetic of a transform: on plain elements, or on vectors of them.
pub(crate) trait Transform: Sync {
    /// A point, or eight.
    type Point: Send;
    /// A twiddle.
    type Twiddle: Sync;
    /// Points that one thread transforms without splitting.
    const BLOCK: usize;

    /// `(a + b, (a - b) * w)` for all of two halves.
    fn frequency_layer(
        &self,
        low: &mut [Self::Point],
        high: &mut [Self::Point],
        w: &[Self::Twiddle],
    );
    /// `(a + b*w, a - b*w)` for all of two halves.
    fn time_layer(&self, low: &mut [Self::Point], high: &mut [Self::Point], w: &[Self::Twiddle]);
    /// All layers of a block.
    fn frequency_block(&self, block: &mut [Self::Point], w: &[Self::Twiddle]);
    /// All layers of a block.
    fn time_block(&self, block: &mut [Self::Point], w: &[Self::Twiddle]);
}

/// Points of a layer that one thread handles.
const LAYER_PART: usize = 1 << 11;

/// Values in order to coefficients in bit-reversed order, times the length.
pub(crate) fn decimate_in_frequency<T: Transform>(t: &T, data: &mut [T::Point], w: &[T::Twiddle]) {
    if data.len() <= T::BLOCK {
        return t.frequency_block(data, w);
    }
    let half = data.len() / 2;
    let (low, high) = data.split_at_mut(half);
    low.par_chunks_mut(LAYER_PART)
        .zip(high.par_chunks_mut(LAYER_PART))
        .zip(w[half - 1..2 * half - 1].par_chunks(LAYER_PART))
        .for_each(|((low, high), w)| t.frequency_layer(low, high, w));
    rayon::join(
        || decimate_in_frequency(t, low, w),
        || decimate_in_frequency(t, high, w),
    );
}

/// Coefficients in bit-reversed order to values in order.
pub(crate) fn decimate_in_time<T: Transform>(t: &T, data: &mut [T::Point], w: &[T::Twiddle]) {
    if data.len() <= T::BLOCK {
        return t.time_block(data, w);
    }
    let half = data.len() / 2;
    let (low, high) = data.split_at_mut(half);
    rayon::join(
        || decimate_in_time(t, low, w),
        || decimate_in_time(t, high, w),
    );
    low.par_chunks_mut(LAYER_PART)
        .zip(high.par_chunks_mut(LAYER_PART))
        .zip(w[half - 1..2 * half - 1].par_chunks(LAYER_PART))
        .for_each(|((low, high), w)| t.time_layer(low, high, w));
}

/// Plain elements, least representatives before and after every layer.
pub(crate) struct Plain;

type F = Arithmetic<Fr>;

/// `(a + b, a - b + p)`, bound 2 both, for least representatives.
#[inline(always)]
fn sum_and_difference(f: &F, a: Words<Fr>, b: Words<Fr>) -> (Words<Fr>, Words<Fr>) {
    (a.plus(b), f.minus::<1>(&a, &b))
}

#[inline(always)]
fn element(f: &F, x: &Words<Fr>) -> Fr {
    Fr::from_words(f.least(x).0)
}

#[inline(always)]
fn frequency_layer(f: &F, low: &mut [Fr], high: &mut [Fr], w: &[Fr]) {
    for ((a, b), w) in low.iter_mut().zip(high).zip(w) {
        let (sum, difference) = sum_and_difference(f, Words::from_ark(*a), Words::from_ark(*b));
        *a = element(f, &sum);
        // 1 + 2 / 5.29
        *b = element(f, &f.mul(&Words::from_ark(*w), &difference));
    }
}

#[inline(always)]
fn time_layer(f: &F, low: &mut [Fr], high: &mut [Fr], w: &[Fr]) {
    for ((a, b), w) in low.iter_mut().zip(high).zip(w) {
        // 1 + 1 / 5.29
        let t = f.least(&f.mul(&Words::from_ark(*w), &Words::from_ark(*b)));
        let (sum, difference) = sum_and_difference(f, Words::from_ark(*a), t);
        (*a, *b) = (element(f, &sum), element(f, &difference));
    }
}

/// The layer that combines neighbours. Its only twiddle is one.
#[inline(always)]
fn neighbours(f: &F, block: &mut [Fr]) {
    for [a, b] in block.as_chunks_mut::<2>().0 {
        let (sum, difference) = sum_and_difference(f, Words::from_ark(*a), Words::from_ark(*b));
        (*a, *b) = (element(f, &sum), element(f, &difference));
    }
}

struct FrequencyLayer<'a>(&'a mut [Fr], &'a mut [Fr], &'a [Fr]);
impl Job for FrequencyLayer<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        frequency_layer(F::get(), self.0, self.1, self.2);
    }
}

struct TimeLayer<'a>(&'a mut [Fr], &'a mut [Fr], &'a [Fr]);
impl Job for TimeLayer<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        time_layer(F::get(), self.0, self.1, self.2);
    }
}

struct FrequencyBlock<'a>(&'a mut [Fr], &'a [Fr]);
impl Job for FrequencyBlock<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let (f, Self(block, w)) = (F::get(), self);
        let mut half = block.len() / 2;
        while half > 1 {
            for pair in block.chunks_exact_mut(2 * half) {
                let (low, high) = pair.split_at_mut(half);
                frequency_layer(f, low, high, &w[half - 1..]);
            }
            half /= 2;
        }
        neighbours(f, block);
    }
}

struct TimeBlock<'a>(&'a mut [Fr], &'a [Fr]);
impl Job for TimeBlock<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let (f, Self(block, w)) = (F::get(), self);
        let mut half = 1;
        while half < block.len() {
            for pair in block.chunks_exact_mut(2 * half) {
                let (low, high) = pair.split_at_mut(half);
                time_layer(f, low, high, &w[half - 1..]);
            }
            half *= 2;
        }
    }
}

impl Transform for Plain {
    type Point = Fr;
    type Twiddle = Fr;
    const BLOCK: usize = 1 << 12;

    fn frequency_layer(&self, low: &mut [Fr], high: &mut [Fr], w: &[Fr]) {
        accelerate(FrequencyLayer(low, high, w));
    }

    fn time_layer(&self, low: &mut [Fr], high: &mut [Fr], w: &[Fr]) {
        accelerate(TimeLayer(low, high, w));
    }

    fn frequency_block(&self, block: &mut [Fr], w: &[Fr]) {
        accelerate(FrequencyBlock(block, w));
    }

    fn time_block(&self, block: &mut [Fr], w: &[Fr]) {
        accelerate(TimeBlock(block, w));
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::{One, UniformRand};
    use ark_poly::Polynomial;
    use ark_poly::univariate::DensePolynomial;
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn there_and_back_to_the_coset() {
        let mut rng = StdRng::seed_from_u64(9);
        for log in [0u32, 1, 2, 5, 13] {
            let n = 1usize << log;
            let (root, shift) = (domain_generator(log), domain_generator(log + 1));
            let back = twiddles(root.inverse().unwrap(), n, |w| w);
            let values: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
            let mut data = values.clone();
            decimate_in_frequency(&Plain, &mut data, &back);
            let scale = Fr::from(n as u64).inverse().unwrap();
            let coefficients = (0..n).map(|i| data[reverse(i, log)] * scale).collect();
            let polynomial = DensePolynomial {
                coeffs: coefficients,
            };
            for i in [0, n / 3, n - 1] {
                assert_eq!(polynomial.evaluate(&root.pow([i as u64])), values[i]);
            }
            let coefficients = data.clone();
            decimate_in_time(&Plain, &mut data, &twiddles(root, n, |w| w));
            assert_eq!(data.iter().map(|x| *x * scale).collect::<Vec<_>>(), values);
            data = coefficients;
            decimate_in_time(&Plain, &mut data, &odd_twiddles(shift, n, |w| w));
            for i in [0, n / 3, n - 1] {
                let point = shift * root.pow([i as u64]);
                assert_eq!(polynomial.evaluate(&point), data[i] * scale);
            }
        }
    }

    #[test]
    fn the_generator_is_the_one_of_snarkjs() {
        for log in 0..=28 {
            let root = domain_generator(log);
            assert_eq!(root.pow([1u64 << log]), Fr::one());
            if log < 28 {
                assert_eq!(
                    (root, domain_generator(log + 1)),
                    taceo_groth16::groth16_roots_of_unity(log as usize)
                );
            }
        }
    }
}
