//! Batches of affine additions that share one inversion: the engine's only use of the group law.
//!
//! An affine addition needs `1/(x_q - x_p)`. Montgomery's trick turns the inverses of a batch into
//! one inversion and three products each, so an addition costs five products and a square, against
//! ten or more in projective coordinates. Equal and opposite operands, where the formula divides by
//! zero, are handled: doublings take their own slope, and a sum that is the identity is reported
//! in `vanished` instead of being stored.

use ark_ec::short_weierstrass::Affine;
use ark_ff::{Field, One, Zero};

use crate::curve::Curve;
use crate::path::{Kind, Path};

/// Bit of [`Pair::a`] and [`Pair::b`]: take the opposite of the point.
pub(crate) const NEGATIVE: u32 = 1 << 31;

/// One addition: `out = ±source[a] ± source[b]`. The low 31 bits are the index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) a: u32,
    pub(crate) b: u32,
    pub(crate) out: u32,
}

/// Buffers that a thread keeps between batches.
pub(crate) struct AddScratch<C: Curve> {
    /// Products of the denominators before each pair.
    products: Vec<C::BaseField>,
    #[cfg(target_arch = "x86_64")]
    pub(crate) ifma: crate::affine_ifma::Scratch<C>,
}

impl<C: Curve> Default for AddScratch<C> {
    fn default() -> Self {
        Self {
            products: Vec::new(),
            #[cfg(target_arch = "x86_64")]
            ifma: Default::default(),
        }
    }
}

/// Adds every pair. Outputs whose sum is the identity are not written; their positions are pushed
/// on `vanished`, in no order.
pub(crate) fn add_pairs<C: Curve>(
    path: Path,
    source: &[C::Stored],
    pairs: &[Pair],
    out: &mut [C::Stored],
    vanished: &mut Vec<u32>,
    scratch: &mut AddScratch<C>,
) {
    match path.0 {
        Kind::Scalar => add_pairs_scalar(path, source, pairs, out, vanished, scratch),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => {
            let mut exceptional = core::mem::take(&mut scratch.ifma.exceptional);
            exceptional.clear();
            crate::affine_ifma::add_pairs::<C>(
                isa,
                source,
                pairs,
                out,
                &mut exceptional,
                &mut scratch.ifma,
            );
            if !exceptional.is_empty() {
                add_pairs_scalar(path, source, &exceptional, out, vanished, scratch);
            }
            scratch.ifma.exceptional = exceptional;
        }
    }
}

/// Pairs to an inversion: the inversion costs about 150 products, so 1,024 pairs make it small, and
/// the products stay in the first cache.
const SCALAR_BATCH: usize = 1024;

/// The same with arkworks' field, on points of either path's form.
pub(crate) fn add_pairs_scalar<C: Curve>(
    path: Path,
    source: &[C::Stored],
    pairs: &[Pair],
    out: &mut [C::Stored],
    vanished: &mut Vec<u32>,
    scratch: &mut AddScratch<C>,
) {
    let operand = |index: u32| {
        let point = C::restore(path, &source[(index & !NEGATIVE) as usize]);
        if index & NEGATIVE == 0 { point } else { -point }
    };
    for batch in pairs.chunks(SCALAR_BATCH) {
        scratch.products.clear();
        let mut product = C::BaseField::one();
        for pair in batch {
            scratch.products.push(product);
            let denominator = Slope::of(&operand(pair.a), &operand(pair.b)).denominator;
            if !denominator.is_zero() {
                product *= denominator;
            }
        }
        // A product of field elements that are not zero.
        let Some(mut inverse) = product.inverse() else {
            continue;
        };
        for (pair, before) in batch.iter().zip(&scratch.products).rev() {
            let (p, q) = (operand(pair.a), operand(pair.b));
            let slope = Slope::of(&p, &q);
            if slope.denominator.is_zero() {
                vanished.push(pair.out);
                continue;
            }
            let lambda = inverse * before * slope.numerator;
            inverse *= slope.denominator;
            let x = lambda.square() - p.x - q.x;
            let y = lambda * (p.x - x) - p.y;
            out[pair.out as usize] = C::store(path, &Affine::new_unchecked(x, y));
        }
    }
}

/// The slope of the line through two points as a fraction; denominator zero if they are opposite.
struct Slope<F> {
    numerator: F,
    denominator: F,
}

impl<F: Field> Slope<F> {
    #[inline]
    fn of<C: Curve<BaseField = F>>(p: &Affine<C>, q: &Affine<C>) -> Self {
        let denominator = q.x - p.x;
        if denominator.is_zero() && p.y == q.y {
            // The tangent; both curves have a = 0 and no point with y = 0.
            let square = p.x.square();
            return Self {
                numerator: square.double() + square,
                denominator: p.y.double(),
            };
        }
        Self {
            numerator: q.y - p.y,
            denominator,
        }
    }
}
