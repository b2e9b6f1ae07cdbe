//! Batches of affine additions that share one inversion: the engine's only use of the group law.
//!
//! An affine addition needs `1/(x_q - x_p)`. Montgomery's trick turns the inverses of a batch into
//! one inversion and three products each, so an addition costs five products and a square, against
//! ten or more in projective coordinates. Equal and opposite operands, where the formula divides by
//! zero, are handled: doublings take their own slope, and a sum that is the identity is reported
//! in `vanished` instead of being stored.

use ark_bn254::Fq;
use ark_ff::{AdditiveGroup, Field, One, Zero};

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
    kept: Vec<Kept<C::BaseField>>,
    #[cfg(target_arch = "x86_64")]
    pub(crate) ifma: crate::affine_ifma::Scratch<C>,
}

impl<C: Curve> Default for AddScratch<C> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
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
        Kind::Scalar => {
            add_pairs_scalar::<C>(path, source, pairs, out, vanished, &mut scratch.kept);
        }
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
                add_pairs_scalar::<C>(path, source, &exceptional, out, vanished, &mut scratch.kept);
            }
            scratch.ifma.exceptional = exceptional;
        }
    }
}

/// Pairs to an inversion: it costs about 300 products, so that 1,024 pairs make it small, and what is
/// kept of them fits the second cache.
const SCALAR_BATCH: usize = 1024;

/// What the backward pass needs of a pair.
pub(crate) struct Kept<F> {
    px: F,
    py: F,
    qx: F,
    /// The slope of the line through the points, as a fraction. A denominator of zero says that the
    /// points are opposite.
    numerator: F,
    denominator: F,
    /// The denominator's norm, in the base field.
    norm: Fq,
    /// Product of the norms before.
    before: Fq,
}

/// The same with arkworks' field, on points of either path's form.
pub(crate) fn add_pairs_scalar<C: Curve>(
    path: Path,
    source: &[C::Stored],
    pairs: &[Pair],
    out: &mut [C::Stored],
    vanished: &mut Vec<u32>,
    kept: &mut Vec<Kept<C::BaseField>>,
) {
    for batch in pairs.chunks(SCALAR_BATCH) {
        kept.clear();
        let mut product = Fq::one();
        for pair in batch {
            let (px, py) = operand::<C>(path, source, pair.a);
            let (qx, qy) = operand::<C>(path, source, pair.b);
            let mut numerator = qy - py;
            let mut denominator = qx - px;
            if denominator.is_zero() && numerator.is_zero() {
                // The tangent; both curves have a = 0 and no point with y = 0.
                let square = px.square();
                numerator = square.double() + square;
                denominator = py.double();
            }
            let norm = C::norm(&denominator);
            kept.push(Kept {
                px,
                py,
                qx,
                numerator,
                denominator,
                norm,
                before: product,
            });
            if !norm.is_zero() {
                product *= &norm;
            }
        }
        // A product of field elements that are not zero has an inverse.
        let mut inverse = product.inverse().unwrap_or(product);
        for (pair, kept) in batch.iter().zip(kept.iter()).rev() {
            if kept.norm.is_zero() {
                vanished.push(pair.out);
                continue;
            }
            let mut slope = C::inverse_from(&kept.denominator, inverse * kept.before);
            slope *= &kept.numerator;
            inverse *= &kept.norm;
            let mut x = slope;
            x.square_in_place();
            x -= &kept.px;
            x -= &kept.qx;
            let mut y = kept.px;
            y -= &x;
            y *= &slope;
            y -= &kept.py;
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
