//! [`crate::affine::add_pairs`] in eight lanes.
//!
//! Forward: load eight pairs, keep what the second pass needs, multiply their denominators into a
//! running product a lane (and one for each of [`CHAINS`] vectors, as a product's latency is twice
//! its throughput). One inversion. Backward: peel off each inverse, and add.
//!
//! Equal or opposite operands make a denominator zero, so the product is zero and the inversion
//! fails. An ordinary batch pays nothing for this check. After a failure, the forward pass runs
//! again with an exact zero test for each pair, replaces the zeros by one, and lists those pairs
//! for [`crate::affine`].

use ark_bn254::Fq;
use ark_ff::One;

use crate::affine::{NEGATIVE, Pair};
use crate::buffer::Buffer;
use crate::curve::Curve;
use crate::field::{F8, Limbs8};
use crate::isa::{Ifma, Kernel};
use crate::lanes::Coordinate;
use crate::unrolled::unrolled;

/// Vectors whose chains of products are independent, and which are added side by side.
/// Two: [`unrolled!`] writes them out.
const CHAINS: usize = 2;

/// Bytes that a batch may keep between its passes: an eighth of a 2 MiB second cache.
const BATCH_BYTES: usize = 1 << 18;

/// How many pairs ahead points are prefetched.
const PREFETCH: usize = 24;

/// Rows that the forward pass leaves of eight pairs for the backward pass: two coordinates of the
/// first points, x of the second ones, dy; the denominators, and the products of this chain's
/// denominators before.
const fn rows<L: Coordinate>() -> usize {
    4 * L::ROWS + 2
}

/// Adds the pairs. Pairs with equal or opposite operands are pushed on `exceptional` instead, and
/// their outputs are meaningless.
pub(crate) fn add_pairs<C: Curve>(
    isa: Ifma,
    source: &[C::Stored],
    pairs: &[Pair],
    out: &mut [C::Stored],
    exceptional: &mut Vec<Pair>,
    kept: &mut Buffer,
) {
    let rows = rows::<C::Lanes>();
    let vectors = (BATCH_BYTES / size_of::<Limbs8>() / rows).next_multiple_of(CHAINS);
    for pairs in pairs.chunks(8 * vectors) {
        let vectors = pairs.len().div_ceil(8).next_multiple_of(CHAINS);
        kept.reserve::<Limbs8>(vectors * rows);
        let kept = &mut kept.of_mut::<Limbs8>()[..vectors * rows];
        let mut totals = isa.vectorize(Forward::<C, false> {
            source,
            pairs,
            kept,
            exceptional,
        });
        let inverse = match totals.product.inverse(isa) {
            Some(inverse) => inverse,
            None => {
                totals = isa.vectorize(Forward::<C, true> {
                    source,
                    pairs,
                    kept,
                    exceptional,
                });
                // Every denominator that was zero has been replaced by one.
                totals.product.inverse(isa).unwrap_or(totals.product)
            }
        };
        isa.vectorize(Backward::<C> {
            chains: totals.chains,
            inverse,
            pairs,
            kept,
            out,
        });
    }
}

/// The products of the chains' denominators, and of all.
struct Totals {
    chains: [F8<Fq>; CHAINS],
    product: F8<Fq>,
}

/// With `CHECKED`, pairs whose denominator is zero are listed.
struct Forward<'a, C: Curve, const CHECKED: bool> {
    source: &'a [C::Stored],
    pairs: &'a [Pair],
    kept: &'a mut [Limbs8],
    exceptional: &'a mut Vec<Pair>,
}

impl<C: Curve, const CHECKED: bool> Kernel for Forward<'_, C, CHECKED> {
    type Output = Totals;

    #[inline(always)]
    fn run(self, isa: Ifma) -> Totals {
        let one = F8::splat(
            isa,
            (Fq::one() * <Fq as crate::modulus::Modulus>::sixteen()).0.0,
        );
        let mut chains = [one; CHAINS];
        let each = self.kept.chunks_exact_mut(rows::<C::Lanes>());
        for (vector, kept) in each.enumerate() {
            let start = vector * 8;
            for ahead in self.pairs.iter().skip(start + PREFETCH).take(8) {
                for index in [ahead.a, ahead.b] {
                    if let Some(point) = self.source.get((index & !NEGATIVE) as usize) {
                        isa.prefetch(point);
                    }
                }
            }
            let pairs = eight(self.pairs, start);
            let (px, py) = operands::<C>(isa, self.source, pairs.map(|pair| pair.a));
            let (qx, qy) = operands::<C>(isa, self.source, pairs.map(|pair| pair.b));
            let mut denominator = qx.minus(&px).denominator();
            if CHECKED {
                let zero = denominator.zero_mask();
                if zero != 0 {
                    for (lane, pair) in pairs.iter().enumerate() {
                        if zero >> lane & 1 == 1 && start + lane < self.pairs.len() {
                            self.exceptional.push(*pair);
                        }
                    }
                    denominator = denominator.replace_where(zero, &one);
                }
            }
            let chain = &mut chains[vector % CHAINS];
            let (points, products) = kept.split_at_mut(4 * C::Lanes::ROWS);
            let each = points.chunks_exact_mut(C::Lanes::ROWS);
            for (coordinate, rows) in [px, py, qx, qy.minus(&py)].iter().zip(each) {
                coordinate.keep(rows);
            }
            denominator.store(&mut products[0]);
            chain.store(&mut products[1]);
            // Bounds 1.1 and 4: again 1.1.
            *chain = chain.mul(&denominator);
        }
        let mut product = chains[0];
        for chain in &chains[1..] {
            product = product.mul(chain);
        }
        Totals { chains, product }
    }
}

/// Coordinates of eight points, with their signs.
#[inline(always)]
fn operands<C: Curve>(
    isa: Ifma,
    source: &[C::Stored],
    references: [u32; 8],
) -> (C::Lanes, C::Lanes) {
    let (x, y) = C::load(isa, references.map(|i| &source[(i & !NEGATIVE) as usize]));
    let mut negative = 0;
    for (lane, reference) in references.iter().enumerate() {
        negative |= (reference >> 31) << lane;
    }
    // Above the first level nothing is negative.
    if negative == 0 {
        (x, y)
    } else {
        (x, y.negate_where(negative as u8))
    }
}

/// Pairs from `start`; past the end, the first pair again (whose result is not written).
#[inline(always)]
fn eight(pairs: &[Pair], start: usize) -> [Pair; 8] {
    match pairs
        .get(start..start + 8)
        .and_then(<[Pair]>::first_chunk::<8>)
    {
        Some(all) => *all,
        None => core::array::from_fn(|lane| *pairs.get(start + lane).unwrap_or(&pairs[0])),
    }
}

struct Backward<'a, C: Curve> {
    chains: [F8<Fq>; CHAINS],
    inverse: F8<Fq>,
    pairs: &'a [Pair],
    kept: &'a [Limbs8],
    out: &'a mut [C::Stored],
}

impl<C: Curve> Kernel for Backward<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run(self, isa: Ifma) {
        // The inverse of each chain's product: that of all, times the other chains.
        let mut inverses = [
            self.inverse.mul(&self.chains[1]),
            self.inverse.mul(&self.chains[0]),
        ];
        let rows = rows::<C::Lanes>();
        for (group, kept) in self.kept.chunks_exact(CHAINS * rows).enumerate().rev() {
            let kept = unrolled!(0 1; i => kept[i * rows..][..rows].split_at(4 * C::Lanes::ROWS));
            let point = |i: usize, at: usize| {
                C::Lanes::kept(isa, &kept[i].0[at * C::Lanes::ROWS..][..C::Lanes::ROWS])
            };
            let product = |i: usize, at: usize| F8::load(isa, &kept[i].1[at]);
            // Step by step for all chains, so that neighbouring products do not wait for each other.
            let own = unrolled!(0 1; i => inverses[i].mul(&product(i, 1)));
            inverses = unrolled!(0 1; i => inverses[i].mul(&product(i, 0)));
            let (px, qx) = (
                unrolled!(0 1; i => point(i, 0)),
                unrolled!(0 1; i => point(i, 2)),
            );
            let inverse = unrolled!(0 1; i => qx[i].minus(&px[i]).inverse_from(&own[i]));
            let slope = unrolled!(0 1; i => inverse[i].mul(&point(i, 3)));
            let x = unrolled!(0 1; i => slope[i].square_minus_two(&px[i], &qx[i]));
            let y = unrolled!(0 1; i => slope[i].mul_minus(&px[i].minus(&x[i]), &point(i, 1)));
            for i in 0..CHAINS {
                let start = (group * CHAINS + i) * 8;
                let sums = C::unload(&x[i], &y[i]);
                for (pair, sum) in self.pairs.iter().skip(start).zip(&sums) {
                    self.out[pair.out as usize] = *sum;
                }
            }
        }
    }
}
