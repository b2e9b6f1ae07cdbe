//! The transform of [`crate::fft`] in eight lanes, and the arithmetic between its halves.
//!
//! Every point keeps bound 1.06 (see [`crate::field`]); twiddles and constants have bound 1, factors
//! between the steps 1.02.

use ark_bn254::Fr;
use ark_ff::Field;
use rayon::prelude::*;

use crate::fft::{
    Transform, decimate_in_frequency, decimate_in_time, domain_generator, odd_twiddles, reverse,
    twiddles,
};
use crate::field::{F8, Limbs8};
use crate::isa::{Ifma, Kernel, U64x8};
use crate::modulus::{Modulus, canonical, limbs};
use crate::pages::Pages;

/// Eight points.
pub(crate) type P8 = F8<Fr>;

/// A twiddle, the same for all lanes.
type Limbs = [u64; 5];

/// Vectors that a thread takes at a time.
const PART: usize = 256;

/// The chain values -> coefficients -> values on the odd coset, for domains of `8 * vectors` points.
pub(crate) struct Chain {
    isa: Ifma,
    vectors: usize,
    /// Twiddles within lanes: from values to coefficients, and on to the coset.
    back: Vec<Limbs>,
    forward: Vec<Limbs>,
    /// Between the steps across and within lanes, likewise.
    between_back: Between,
    between_forward: Between,
    /// Across lanes: twiddles after the swap by four and by two.
    across_back: [P8; 2],
    across_forward: [P8; 2],
}

/// Fewest vectors: below, the plain path is as good.
pub(crate) const FEWEST: usize = 8;

/// Factors `first * base^k * (root^k)^v` of vectors `v`, `k` being the frequency that a lane holds.
/// They are multiplied up when they are needed: a table of them would be as large as the transformed
/// data, and fetching it would take longer.
struct Between {
    /// For every [`PART`]th vector.
    starts: Vec<P8>,
    /// From vector to vector.
    step: P8,
}

impl Between {
    fn new(isa: Ifma, vectors: usize, first: Fr, base: Fr, root: Fr) -> Self {
        let lanes = |factor: &dyn Fn(u64) -> Fr| {
            P8::from_ark(
                isa,
                &core::array::from_fn(|lane| factor(reverse(lane, 3) as u64)),
            )
        };
        let start = |v: usize| {
            let x = base * root.pow([v as u64]);
            lanes(&|k| first * x.pow([k]))
        };
        Self {
            starts: (0..vectors).step_by(PART).map(start).collect(),
            step: lanes(&|k| root.pow([k])),
        }
    }
}

impl Chain {
    /// For a domain of `8 * vectors` points; `vectors` is a power of two.
    pub(crate) fn new(isa: Ifma, vectors: usize) -> Self {
        let (n, log_m) = (8 * vectors, vectors.ilog2());
        let root = domain_generator(log_m + 3);
        // A root of unity has an inverse: its power before the last.
        let back_root = root.pow([n as u64 - 1]);
        let shift = domain_generator(log_m + 4);
        // n is a power of two and p is odd.
        let scale = Fr::from(n as u64).inverse().unwrap_or_default();
        let across = |root: Fr| {
            let w8 = root.pow([vectors as u64]);
            let w = |exponent: u64| w8.pow([exponent]);
            let one = Fr::ONE;
            [
                P8::from_ark(isa, &[one, one, one, one, one, w(1), w(2), w(3)]),
                P8::from_ark(isa, &[one, one, one, w(2), one, one, one, w(2)]),
            ]
        };
        let to_limbs = |x: Fr| limbs((x * Fr::sixteen()).words());
        Self {
            isa,
            vectors,
            back: twiddles(back_root.pow([8]), vectors, to_limbs),
            forward: odd_twiddles(shift.pow([8]), vectors, to_limbs),
            between_back: Between::new(isa, vectors, Fr::ONE, Fr::ONE, back_root),
            // The coefficients with remainder k by 8 are a polynomial in x^8 times x^k. Both
            // transforms together give n times the true value.
            between_forward: Between::new(isa, vectors, scale, shift, root),
            across_back: across(back_root),
            across_forward: across(root),
        }
    }

    /// Element `j` of the input of [`load`](Self::load) is in vector `j % vectors`, lane
    /// `j / vectors`; so number `8 * vector + lane` of the results is this element.
    pub(crate) fn element_at(&self, position: usize) -> usize {
        position % 8 * self.vectors + position / 8
    }

    /// Elements into vectors. Arkworks keeps `x * 2^256`, which the lanes read as `x / 16`. All later
    /// steps are linear in it, or products of two such values, and
    /// [`odd_values`](Self::odd_values) undoes the factor.
    pub(crate) fn load(&self, value: impl Fn(usize) -> Fr + Sync) -> Pages<Limbs8> {
        struct Load<'a>([[Fr; 2]; 8], &'a mut [Limbs8; 2]);
        impl Kernel for Load<'_> {
            type Output = ();
            #[inline(always)]
            fn run(self, isa: Ifma) {
                let Self(values, [a, b]) = self;
                let mut rows = [isa.splat(0); 8];
                for (row, [a, b]) in rows.iter_mut().zip(values) {
                    let (a, b) = (a.words(), b.words());
                    *row = isa.load(&[a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]]);
                }
                let [a0, a1, a2, a3, b0, b1, b2, b3] = U64x8::transpose(rows);
                P8::unpack([a0, a1, a2, a3]).store(a);
                P8::unpack([b0, b1, b2, b3]).store(b);
            }
        }
        let (isa, m) = (self.isa, self.vectors);
        let mut loaded = Pages::zeroed(m);
        let (pairs, _) = loaded.as_chunks_mut::<2>();
        pairs
            .par_iter_mut()
            .with_min_len(PART / 2)
            .enumerate()
            .for_each(|(pair, out)| {
                let at = |lane: usize| lane * m + 2 * pair;
                let values = core::array::from_fn(|lane| [value(at(lane)), value(at(lane) + 1)]);
                isa.vectorize(Load(values, out));
            });
        loaded
    }

    /// Products, vector by vector: `c = a * b` on the domain.
    pub(crate) fn multiply(&self, a: &[Limbs8], b: &[Limbs8]) -> Pages<Limbs8> {
        struct Multiply<'a>(&'a [Limbs8], &'a [Limbs8], &'a mut [Limbs8]);
        impl Kernel for Multiply<'_> {
            type Output = ();
            #[inline(always)]
            fn run(self, isa: Ifma) {
                for ((a, b), out) in self.0.iter().zip(self.1).zip(self.2) {
                    P8::load(isa, a).mul(&P8::load(isa, b)).store(out);
                }
            }
        }
        let mut products = Pages::zeroed(self.vectors);
        a.par_chunks(PART)
            .zip(b.par_chunks(PART))
            .zip(products.par_chunks_mut(PART))
            .for_each(|((a, b), out)| self.isa.vectorize(Multiply(a, b, out)));
        products
    }

    /// Values on the domain to values on the coset.
    pub(crate) fn to_coset(&self, data: &mut [Limbs8]) {
        let isa = self.isa;
        data.par_chunks_mut(PART)
            .zip(&self.between_back.starts)
            .for_each(|(data, start)| {
                isa.vectorize(AcrossInFrequency {
                    data,
                    start: *start,
                    step: self.between_back.step,
                    across: &self.across_back,
                });
            });
        decimate_in_frequency(self, data, &self.back);
        decimate_in_time(self, data, &self.forward);
        data.par_chunks_mut(PART)
            .zip(&self.between_forward.starts)
            .for_each(|(data, start)| {
                isa.vectorize(AcrossInTime {
                    data,
                    start: *start,
                    step: self.between_forward.step,
                    across: &self.across_forward,
                });
            });
    }

    /// `a*b - c` as integers below the modulus, at number `8 * vector + lane`. The values come from
    /// [`load`](Self::load), so `a` and `b` are a sixteenth, and `c` is a 256th, of the true values.
    pub(crate) fn odd_values(&self, a: &[Limbs8], b: &[Limbs8], c: &[Limbs8]) -> Pages<[u64; 4]> {
        struct Odd<'a>(&'a [Limbs8], &'a [Limbs8], &'a [Limbs8], &'a mut [[u64; 4]]);
        impl Kernel for Odd<'_> {
            type Output = ();
            #[inline(always)]
            fn run(self, isa: Ifma) {
                // Times 256, and out of Montgomery form. A sliver above p is possible.
                let factor = P8::splat(isa, [256, 0, 0, 0]);
                let all = self.0.iter().zip(self.1).zip(self.2);
                for (((a, b), c), out) in all.zip(self.3.chunks_exact_mut(8)) {
                    let [a, b, c] = [a, b, c].map(|x| P8::load(isa, x));
                    let value = a.mul(&b).minus(&c).raw().reduce().mul(&factor);
                    let [w0, w1, w2, w3] = value.pack();
                    let zero = isa.splat(0);
                    let rows = U64x8::transpose([w0, w1, w2, w3, zero, zero, zero, zero]);
                    for lane in 0..8 {
                        let row = rows[lane].to_array();
                        out[lane] = canonical::<Fr>([row[0], row[1], row[2], row[3]]);
                    }
                }
            }
        }
        let mut out = Pages::zeroed(8 * self.vectors);
        out.par_chunks_mut(8 * PART)
            .zip(a.par_chunks(PART))
            .zip(b.par_chunks(PART).zip(c.par_chunks(PART)))
            .for_each(|((out, a), (b, c))| self.isa.vectorize(Odd(a, b, c, out)));
        out
    }
}

/// `(a + b, a - b)`, bound 1.06 both.
#[inline(always)]
fn sum_and_difference(a: &P8, b: &P8) -> (P8, P8) {
    let difference = a.raw().minus(&b.raw()).plus_multiple::<2>();
    (a.raw().plus(&b.raw()).reduce(), difference.reduce())
}

#[inline(always)]
fn frequency_layer(isa: Ifma, low: &mut [Limbs8], high: &mut [Limbs8], w: &[Limbs]) {
    for ((low, high), w) in low.iter_mut().zip(high).zip(w) {
        let (a, b) = (P8::load(isa, low), P8::load(isa, high));
        a.raw().plus(&b.raw()).reduce().store(low);
        // Bound 3.06 times 1.
        a.minus(&b).mul(&P8::splat_limbs(isa, w)).store(high);
    }
}

#[inline(always)]
fn time_layer(isa: Ifma, low: &mut [Limbs8], high: &mut [Limbs8], w: &[Limbs]) {
    for ((low, high), w) in low.iter_mut().zip(high).zip(w) {
        let t = P8::load(isa, high).mul(&P8::splat_limbs(isa, w));
        let (sum, difference) = sum_and_difference(&P8::load(isa, low), &t);
        sum.store(low);
        difference.store(high);
    }
}

struct FrequencyLayer<'a>(&'a mut [Limbs8], &'a mut [Limbs8], &'a [Limbs]);
impl Kernel for FrequencyLayer<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, isa: Ifma) {
        frequency_layer(isa, self.0, self.1, self.2);
    }
}

struct TimeLayer<'a>(&'a mut [Limbs8], &'a mut [Limbs8], &'a [Limbs]);
impl Kernel for TimeLayer<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, isa: Ifma) {
        time_layer(isa, self.0, self.1, self.2);
    }
}

struct FrequencyBlock<'a>(&'a mut [Limbs8], &'a [Limbs]);
impl Kernel for FrequencyBlock<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, isa: Ifma) {
        let Self(block, w) = self;
        let mut half = block.len() / 2;
        while half > 0 {
            for pair in block.chunks_exact_mut(2 * half) {
                let (low, high) = pair.split_at_mut(half);
                frequency_layer(isa, low, high, &w[half - 1..]);
            }
            half /= 2;
        }
    }
}

struct TimeBlock<'a>(&'a mut [Limbs8], &'a [Limbs]);
impl Kernel for TimeBlock<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, isa: Ifma) {
        let Self(block, w) = self;
        let mut half = 1;
        while half < block.len() {
            for pair in block.chunks_exact_mut(2 * half) {
                let (low, high) = pair.split_at_mut(half);
                time_layer(isa, low, high, &w[half - 1..]);
            }
            half *= 2;
        }
    }
}

impl Transform for Chain {
    type Point = Limbs8;
    type Twiddle = Limbs;
    /// 640 KiB: two threads' blocks fit a shared second cache of 2 MiB.
    const BLOCK: usize = 1 << 11;

    fn frequency_layer(&self, low: &mut [Limbs8], high: &mut [Limbs8], w: &[Limbs]) {
        self.isa.vectorize(FrequencyLayer(low, high, w));
    }

    fn time_layer(&self, low: &mut [Limbs8], high: &mut [Limbs8], w: &[Limbs]) {
        self.isa.vectorize(TimeLayer(low, high, w));
    }

    fn frequency_block(&self, block: &mut [Limbs8], w: &[Limbs]) {
        self.isa.vectorize(FrequencyBlock(block, w));
    }

    fn time_block(&self, block: &mut [Limbs8], w: &[Limbs]) {
        self.isa.vectorize(TimeBlock(block, w));
    }
}

/// `a + a'` in each lane, but `a' - a` in the lanes of `mask`; `a'` is the partner of `a`.
#[inline(always)]
fn with_partner(a: &P8, partner: &P8, mask: u8) -> P8 {
    // Bound 2 + 1.06.
    a.raw().negate_where(mask).plus(&partner.raw()).reduce()
}

/// Lanes with bit 2, 1, 0 of their number set.
const UPPER: [u8; 3] = [0b1111_0000, 0b1100_1100, 0b1010_1010];

struct AcrossInFrequency<'a> {
    data: &'a mut [Limbs8],
    start: P8,
    step: P8,
    across: &'a [P8; 2],
}

impl Kernel for AcrossInFrequency<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, isa: Ifma) {
        let mut between = self.start;
        for point in self.data {
            let x = P8::load(isa, point);
            let x = with_partner(&x, &x.swap_by_4(), UPPER[0]).mul(&self.across[0]);
            let x = with_partner(&x, &x.swap_by_2(), UPPER[1]).mul(&self.across[1]);
            let x = with_partner(&x, &x.swap_by_1(), UPPER[2]);
            x.mul(&between).store(point);
            // Bounds 1.02 and 1: again 1.02.
            between = between.mul(&self.step);
        }
    }
}

struct AcrossInTime<'a> {
    data: &'a mut [Limbs8],
    start: P8,
    step: P8,
    across: &'a [P8; 2],
}

impl Kernel for AcrossInTime<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, isa: Ifma) {
        let mut between = self.start;
        for point in self.data {
            let x = P8::load(isa, point).mul(&between);
            between = between.mul(&self.step);
            let x = with_partner(&x, &x.swap_by_1(), UPPER[2]).mul(&self.across[1]);
            let x = with_partner(&x, &x.swap_by_2(), UPPER[1]).mul(&self.across[0]);
            with_partner(&x, &x.swap_by_4(), UPPER[0]).store(point);
        }
    }
}
