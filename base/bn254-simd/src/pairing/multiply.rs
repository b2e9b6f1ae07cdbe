//! Points of G1 times short coefficients, each on its own.

#[cfg(target_arch = "x86_64")]
use ark_bn254::Fq;
use ark_bn254::{Fr, G1Affine, G1Projective, g1};
use ark_ec::{AffineRepr, CurveGroup, scalar_mul::glv::GLVConfig};

#[cfg(target_arch = "x86_64")]
use crate::curve::SIXTEENTH;
#[cfg(target_arch = "x86_64")]
use crate::field::F8;
#[cfg(target_arch = "x86_64")]
use crate::isa::{Ifma, Kernel};
#[cfg(target_arch = "x86_64")]
use crate::modulus::Modulus;
use crate::path::{Kind, Path};

/// The scalar `low + λ*high`, where `λ` is the eigenvalue of G1's endomorphism: 2^128 different
/// scalars whose products cost 64 doublings (Gallant, Lambert, Vanstone, CRYPTO 2001).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitScalar {
    /// The part that multiplies the point.
    pub low: u64,
    /// The part that multiplies its image.
    pub high: u64,
}

impl SplitScalar {
    /// The scalar.
    pub fn value(self) -> Fr {
        Fr::from(self.low) + g1::Config::LAMBDA * Fr::from(self.high)
    }
}

/// Each point times its coefficient. Right for every point of the curve, the identity included, and
/// for every coefficient.
pub fn multiply_each(path: Path, pairs: &[(G1Affine, SplitScalar)]) -> Vec<G1Affine> {
    match path.0 {
        Kind::Scalar => in_words(pairs),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => in_lanes(isa, pairs),
    }
}

/// With arkworks. The verifier does not use this on a machine without lanes.
fn in_words(pairs: &[(G1Affine, SplitScalar)]) -> Vec<G1Affine> {
    let products: Vec<_> = pairs.iter().map(|(p, k)| *p * k.value()).collect();
    G1Projective::normalize_batch(&products)
}

/// Vectors that are computed side by side, because a product's latency is twice its throughput.
#[cfg(target_arch = "x86_64")]
const SIDE_BY_SIDE: usize = 2;

#[cfg(target_arch = "x86_64")]
fn in_lanes(isa: Ifma, pairs: &[(G1Affine, SplitScalar)]) -> Vec<G1Affine> {
    let mut vectors: Vec<Multiplication8> = pairs
        .chunks(8)
        .map(|pairs| Multiplication8::new(isa, pairs))
        .collect();
    let rest = vectors.len().next_multiple_of(SIDE_BY_SIDE) - vectors.len();
    vectors.extend((0..rest).map(|_| Multiplication8::new(isa, &[])));
    let product = isa.vectorize(Multiply(&mut vectors));
    // No Z is zero for points of the curve: see `Multiplication8`.
    let Some(inverse) = product.inverse(isa) else {
        return in_words(pairs);
    };
    isa.vectorize(Normalize {
        vectors: &mut vectors,
        inverse,
    });
    let coordinates = vectors.iter().flat_map(|vector| {
        let (x, y) = (vector.x.to_ark(SIXTEENTH), vector.y.to_ark(SIXTEENTH));
        (0..8).map(move |lane| (x[lane], y[lane], vector.started >> lane & 1 == 1))
    });
    pairs
        .iter()
        .zip(coordinates)
        .map(|((point, _), (x, y, started))| {
            if started && !point.is_zero() {
                G1Affine::new_unchecked(x, y)
            } else {
                G1Affine::identity()
            }
        })
        .collect()
}

/// Eight multiplications under way, in Jacobian coordinates (`x = X/Z^2`, `y = Y/Z^3`).
///
/// A lane whose coefficient has had no bit yet (`started` says which) holds a multiple of the point
/// that is not used, and takes the first summand as it is.
///
/// # No exceptional cases
///
/// The curve has prime order `r`, so no doubling meets a point of order two. An addition goes wrong
/// if the sum so far is plus or minus the summand. The sum is `2(a + λb)P` with `a, b < 2^63` not
/// both zero, the summand `(c + λd)P` with `c, d` in `{0, 1}`, not both zero. Equality up to sign means
/// `(2a ∓ c) + λ(2b ∓ d) = 0 mod r`, with both parenthesised numbers below `2^65`. The lattice of pairs
/// `(u, v)` with `u + λv = 0 mod r` has no nonzero vector that short: `u^2 - uv + v^2`, the norm of
/// `u + λv`, is a multiple of `r > 2^253`, and is at most `3 * 2^130`. So both are zero, hence `c` and
/// `d` even, hence zero. The results of lanes that have not started, or that add nothing, are computed
/// and discarded; they are points other than the identity throughout, so no `Z` becomes zero.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Multiplication8 {
    /// x of the point, of its image, and of the opposite of their sum; bound 1.06.
    summands: [F8<Fq>; 3],
    summand_y: F8<Fq>,
    low: [u64; 8],
    high: [u64; 8],
    started: u8,
    x: F8<Fq>,
    y: F8<Fq>,
    z: F8<Fq>,
    before: F8<Fq>,
}

#[cfg(target_arch = "x86_64")]
impl Multiplication8 {
    /// Lanes past the end, and those of the identity, multiply the generator.
    fn new(isa: Ifma, pairs: &[(G1Affine, SplitScalar)]) -> Self {
        let point = |lane: usize| match pairs.get(lane) {
            Some((point, _)) if !point.is_zero() => *point,
            _ => G1Affine::generator(),
        };
        let part = |get: fn(&SplitScalar) -> u64| {
            core::array::from_fn(|lane| pairs.get(lane).map_or(0, |(_, k)| get(k)))
        };
        let points: [G1Affine; 8] = core::array::from_fn(point);
        let beta = g1::Config::ENDO_COEFFS[0];
        let x = points.map(|p| p.x);
        let image = x.map(|x| x * beta);
        // 1 + λ + λ^2 = 0, so P + λP = -λ^2*P.
        let second = image.map(|x| x * beta);
        let (x, y) = (
            F8::from_ark(isa, &x),
            F8::from_ark(isa, &points.map(|p| p.y)),
        );
        Self {
            summands: [x, F8::from_ark(isa, &image), F8::from_ark(isa, &second)],
            summand_y: y,
            low: part(|k| k.low),
            high: part(|k| k.high),
            started: 0,
            x,
            y,
            z: F8::splat(isa, Fq::sixteen().words()),
            before: x,
        }
    }

    /// All coordinates have bound 2 before and after.
    #[inline(always)]
    fn double(&mut self) {
        // Products below have bound 1.06 unless said otherwise: 1 + 2 * 2 / 84. Four times their
        // limbs, not carried, are below 2^59.
        let xx = F8::sum_of_squares([&self.x]);
        let yy = self.y.square();
        // 3x^2: bound 3.2; its square 1.13.
        let m = xx.plus(&xx).plus(&xx).carry();
        // z: 2yz, with a factor of bound 4: 1.1.
        self.z = self.y.plus(&self.y).mul(&self.z);
        // x: m^2 - 8s with s = x*y^2, from m^2 - 2*(4s): 4s has bound 4.3 and is reduced to 1.06.
        let s = F8::sum_of_products([&self.x], [&yy]);
        let four = s.times_power_of_two::<2>().reduce();
        self.x = F8::sum_of_squares([&m])
            .minus(&four.raw().times_power_of_two::<1>())
            .plus_multiple::<3>()
            .reduce();
        // y: m(4s - x) - 8y^4: 4s - x + 2p has bound 3.06, the product 1.2. 4y^4 is reduced to 1.06.
        let fourth = F8::sum_of_squares([&yy]);
        let four_y = fourth.times_power_of_two::<2>().reduce();
        self.y = F8::sum_of_products([&m], [&four.minus(&self.x)])
            .minus(&four_y.raw().times_power_of_two::<1>())
            .plus_multiple::<3>()
            .reduce();
    }

    #[inline(always)]
    fn add(&mut self, isa: Ifma, bit: u32) {
        let (low, high) = (mask(&self.low, bit), mask(&self.high, bit));
        let (either, both) = (low | high, low & high);
        let x2 = self.summands[0]
            .replace_where(high, &self.summands[1])
            .replace_where(both, &self.summands[2]);
        // Bound 2.
        let y2 = self.summand_y.raw().negate_where(both).carry();
        let zz = self.z.square();
        let u = x2.mul(&zz);
        let s = y2.mul(&self.z.mul(&zz));
        // Bounds 1.1 + 2.
        let h = u.minus(&self.x);
        let r = s.minus(&self.y);
        // Bounds: 1 + 9.7 / 84 < 1.12; 1 + 1.12 * 3.1 / 84 < 1.05; 1 + 1.12 * 2 / 84 < 1.03; 1.12.
        let hh = h.square();
        let hhh = hh.mul(&h);
        let v = self.x.mul(&hh);
        // r^2 - h^3 - 2v + 4p: below 1.12 + 4, not negative.
        let x = F8::sum_of_squares([&r])
            .minus(&hhh.raw())
            .minus(&v.raw().times_power_of_two::<1>())
            .plus_multiple::<4>()
            .reduce();
        // r(v - x) - y*h^3, the opposite from 2p: 1 + (3.1 * 3.03 + 2 * 2) / 84 < 1.2.
        let opposite = hhh.raw().negate_where(0xff).carry();
        let y = r.mul_add(&v.minus(&x), &self.y, &opposite);
        let z = self.z.mul(&h);
        let one = F8::splat(isa, Fq::sixteen().words());
        let first = either & !self.started;
        let sum = either & self.started;
        self.x = self.x.replace_where(sum, &x).replace_where(first, &x2);
        self.y = self.y.replace_where(sum, &y).replace_where(first, &y2);
        self.z = self.z.replace_where(sum, &z).replace_where(first, &one);
        self.started |= either;
    }
}

/// A bit for each lane.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn mask(words: &[u64; 8], bit: u32) -> u8 {
    let mut mask = 0;
    for (lane, word) in words.iter().enumerate() {
        mask |= (word >> bit & 1) << lane;
    }
    mask as u8
}

/// Multiplies each point, and returns the product of all `Z`.
#[cfg(target_arch = "x86_64")]
struct Multiply<'a>(&'a mut [Multiplication8]);

#[cfg(target_arch = "x86_64")]
impl Kernel for Multiply<'_> {
    type Output = F8<Fq>;

    #[inline(always)]
    fn run(self, isa: Ifma) -> F8<Fq> {
        let mut product = F8::splat(isa, Fq::sixteen().words());
        for vectors in self.0.chunks_exact_mut(SIDE_BY_SIDE) {
            for bit in (0..64).rev() {
                for vector in &mut *vectors {
                    vector.double();
                }
                for vector in &mut *vectors {
                    vector.add(isa, bit);
                }
            }
            for vector in vectors {
                vector.before = product;
                product = product.mul(&vector.z);
            }
        }
        product
    }
}

/// To affine coordinates.
#[cfg(target_arch = "x86_64")]
struct Normalize<'a> {
    vectors: &'a mut [Multiplication8],
    inverse: F8<Fq>,
}

#[cfg(target_arch = "x86_64")]
impl Kernel for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, _: Ifma) {
        let mut inverse = self.inverse;
        for vector in self.vectors.iter_mut().rev() {
            let own = inverse.mul(&vector.before);
            inverse = inverse.mul(&vector.z);
            let square = own.square();
            vector.x = vector.x.mul(&square);
            vector.y = vector.y.mul(&square.mul(&own));
        }
    }
}
