//! Batches of affine additions that share one inversion: the engine's only use of the group law.
//!
//! An affine addition needs `1/(x_q - x_p)`. Montgomery's trick turns the inverses of a batch into
//! one inversion and three products each, so an addition costs five products and a square, against
//! ten or more in projective coordinates. The additions themselves are in [`words`] and, eight at a
//! time, in `ifma`. Equal and opposite operands, where the formula divides by zero, are handled: a
//! doubling uses the tangent's slope, and a sum that is the identity is reported in `vanished`
//! instead of being stored.

use ark_bn254::Fq;
use ark_ff::{AdditiveGroup, Field, One};

#[cfg(target_arch = "x86_64")]
mod ifma;
mod words;

use crate::buffer::Buffer;
use crate::curve::Curve;
use crate::inversion::inverse;
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

/// Buffers that a thread keeps between batches, of either group.
#[derive(Default)]
pub(crate) struct AddScratch {
    /// Pairs with equal or opposite operands.
    exceptional: Vec<Pair>,
    /// Values that a batch keeps between its passes, in rows of either path's form.
    kept: Buffer,
}

/// Adds every pair. Outputs whose sum is the identity are not written. Their positions are pushed
/// on `vanished`, in no particular order.
pub(crate) fn add_pairs<C: Curve>(
    path: Path,
    source: &[C::Stored],
    pairs: &[Pair],
    out: &mut [C::Stored],
    vanished: &mut Vec<u32>,
    AddScratch { exceptional, kept }: &mut AddScratch,
) {
    exceptional.clear();
    match path.0 {
        Kind::Scalar => words::add_pairs::<C>(source, pairs, out, exceptional, kept),
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => ifma::add_pairs::<C>(isa, source, pairs, out, exceptional, kept),
    }
    if !exceptional.is_empty() {
        add_exceptional::<C>(path, source, exceptional, out, vanished);
    }
}

/// Pairs to an inversion.
const BATCH: usize = 1024;

/// The values of a pair that the backward pass needs.
struct Kept<F> {
    px: F,
    py: F,
    /// The slope of the tangent, as a fraction; `None` if the points are opposite.
    slope: Option<(F, F)>,
    /// The denominator's norm, in the base field.
    norm: Fq,
    /// Product of the norms of the pairs before this one.
    before: Fq,
}

/// Handles pairs whose operands have the same x: doublings, and sums that are the identity. It
/// computes in arkworks' field, and takes points of either path's form.
fn add_exceptional<C: Curve>(
    path: Path,
    source: &[C::Stored],
    pairs: &[Pair],
    out: &mut [C::Stored],
    vanished: &mut Vec<u32>,
) {
    let mut kept = Vec::with_capacity(pairs.len().min(BATCH));
    for batch in pairs.chunks(BATCH) {
        kept.clear();
        let mut product = Fq::one();
        for pair in batch {
            let (px, py) = operand::<C>(path, source, pair.a);
            let (_, qy) = operand::<C>(path, source, pair.b);
            // The tangent; both curves have a = 0 and no point with y = 0.
            let slope = (py == qy).then(|| {
                let square = px.square();
                (square.double() + square, py.double())
            });
            let norm = slope.map_or(Fq::one(), |(_, denominator)| C::norm(&denominator));
            kept.push(Kept {
                px,
                py,
                slope,
                norm,
                before: product,
            });
            product *= &norm;
        }
        // A product of field elements that are not zero has an inverse.
        let mut inverse = inverse(product).unwrap_or(product);
        for (pair, kept) in batch.iter().zip(kept.iter()).rev() {
            let Some((numerator, denominator)) = &kept.slope else {
                vanished.push(pair.out);
                continue;
            };
            let slope = C::inverse_from(denominator, inverse * kept.before) * numerator;
            inverse *= &kept.norm;
            let x = slope.square() - kept.px.double();
            let y = (kept.px - x) * slope - kept.py;
            out[pair.out as usize] = C::store(path, x, y);
        }
    }
}

/// The coordinates of a point with its sign.
#[inline(always)]
fn operand<C: Curve>(
    path: Path,
    source: &[C::Stored],
    reference: u32,
) -> (C::BaseField, C::BaseField) {
    let (x, mut y) = C::restore(path, &source[(reference & !NEGATIVE) as usize]);
    if reference & NEGATIVE != 0 {
        y.neg_in_place();
    }
    (x, y)
}
