//! [`crate::affine::add_pairs`] on 64-bit words, for processors without the vector instructions.
//!
//! As in eight lanes (`affine_ifma`): forward, a running product of the denominators; one
//! inversion; backward, peel off each inverse, and add. Two chains of products take turns, so that
//! an addition does not wait for the product of the one before it.
//!
//! A denominator of zero (equal or opposite operands) makes the product zero. An ordinary
//! batch pays nothing for this check. If the product is zero, the forward pass runs again
//! with a zero test for each pair.

use ark_bn254::Fq;
use ark_ff::{One, Zero};

use crate::affine::{NEGATIVE, Pair};
use crate::buffer::Buffer;
use crate::coordinate::WordsCoordinate;
use crate::curve::Curve;
use crate::inversion::inverse;
use crate::job::Job;
use crate::words::{Arithmetic, Words, accelerate};

/// Independent chains of products.
const CHAINS: usize = 2;

/// Bytes that a batch may keep between its passes: an eighth of a 2 MiB second cache.
const BATCH_BYTES: usize = 1 << 18;

/// How many pairs ahead points are prefetched.
const PREFETCH: usize = 6;

/// Rows that the forward pass leaves of a pair for the backward pass: two coordinates of the first
/// point, x of the second, dy; the denominator, and the product of this chain's denominators before.
const fn rows<W: WordsCoordinate>() -> usize {
    4 * W::ROWS + 2
}

/// Adds the pairs. Pairs with equal or opposite operands are pushed on `exceptional` instead, and
/// their outputs are meaningless.
pub(crate) fn add_pairs<C: Curve>(
    source: &[C::Stored],
    pairs: &[Pair],
    out: &mut [C::Stored],
    exceptional: &mut Vec<Pair>,
    kept: &mut Buffer,
) {
    let rows = rows::<C::Words>();
    for pairs in pairs.chunks(BATCH_BYTES / size_of::<[u64; 4]>() / rows) {
        kept.reserve::<[u64; 4]>(pairs.len() * rows);
        let kept = &mut kept.of_mut::<[u64; 4]>()[..pairs.len() * rows];
        let mut totals = accelerate(Forward::<C, false> {
            source,
            pairs,
            kept,
            exceptional,
        });
        if totals.product.is_zero() {
            totals = accelerate(Forward::<C, true> {
                source,
                pairs,
                kept,
                exceptional,
            });
        }
        // Every denominator that was zero has been replaced by one.
        let inverse = inverse(totals.product).unwrap_or(totals.product);
        accelerate(Backward::<C> {
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
    chains: [Words<Fq>; CHAINS],
    product: Fq,
}

/// With `CHECKED`, pairs whose denominator is zero are listed.
struct Forward<'a, C: Curve, const CHECKED: bool> {
    source: &'a [C::Stored],
    pairs: &'a [Pair],
    kept: &'a mut [[u64; 4]],
    exceptional: &'a mut Vec<Pair>,
}

impl<C: Curve, const CHECKED: bool> Job for Forward<'_, C, CHECKED> {
    type Output = Totals;

    #[inline(always)]
    fn run(self) -> Totals {
        let f = Arithmetic::<Fq>::get();
        let one = Words::from_ark(Fq::one());
        let [mut chain, mut other] = [one; CHAINS];
        let each = self.kept.chunks_exact_mut(rows::<C::Words>());
        for ((i, pair), kept) in self.pairs.iter().enumerate().zip(each) {
            if let Some(ahead) = self.pairs.get(i + PREFETCH) {
                for index in [ahead.a, ahead.b] {
                    if let Some(point) = self.source.get((index & !NEGATIVE) as usize) {
                        prefetch(point);
                    }
                }
            }
            let (px, py) = operand::<C>(f, self.source, pair.a);
            let (qx, qy) = operand::<C>(f, self.source, pair.b);
            let mut denominator = qx.difference(f, &px).denominator(f);
            if CHECKED && f.is_zero(&denominator) {
                self.exceptional.push(*pair);
                denominator = one;
            }
            let (points, products) = kept.split_at_mut(4 * C::Words::ROWS);
            let each = points.chunks_exact_mut(C::Words::ROWS);
            for (coordinate, rows) in [px, py, qx, qy.difference(f, &py)].iter().zip(each) {
                coordinate.keep(rows);
            }
            products[0] = denominator.0;
            products[1] = chain.0;
            // Bounds 2.33 and 3.01: again 2.33. The other chain is next.
            (chain, other) = (other, f.mul(&chain, &denominator));
        }
        // The chain of even pairs first.
        let chains = if self.pairs.len().is_multiple_of(CHAINS) {
            [chain, other]
        } else {
            [other, chain]
        };
        let product = f.to_ark(&f.mul(&chain, &other));
        Totals { chains, product }
    }
}

/// Prefetches a point's cache line, where the processor has an instruction for
/// that.
#[inline(always)]
fn prefetch<T>(_point: &T) {
    #[cfg(target_arch = "x86_64")]
    crate::isa::prefetch(_point);
}

/// Coordinates of a point, with its sign.
#[inline(always)]
fn operand<C: Curve>(
    f: &Arithmetic<Fq>,
    source: &[C::Stored],
    reference: u32,
) -> (C::Words, C::Words) {
    let (x, y) = C::load_words(&source[(reference & !NEGATIVE) as usize]);
    (x, y.negate_if(f, reference & NEGATIVE != 0))
}

struct Backward<'a, C: Curve> {
    chains: [Words<Fq>; CHAINS],
    inverse: Fq,
    pairs: &'a [Pair],
    kept: &'a [[u64; 4]],
    out: &'a mut [C::Stored],
}

impl<C: Curve> Job for Backward<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let f = Arithmetic::<Fq>::get();
        // The inverse of a chain's product is that of all, times the other chain.
        let inverse = Words::from_ark(self.inverse);
        let [of_odd, of_even] = self.chains.map(|chain| f.mul(&inverse, &chain));
        // First that of the last pair's chain.
        let (mut chain, mut other) = if self.pairs.len().is_multiple_of(CHAINS) {
            (of_odd, of_even)
        } else {
            (of_even, of_odd)
        };
        let each = self.kept.chunks_exact(rows::<C::Words>());
        for (pair, kept) in self.pairs.iter().zip(each).rev() {
            let (points, products) = kept.split_at(4 * C::Words::ROWS);
            let [px, py, qx, dy] = core::array::from_fn(|i| {
                C::Words::kept(&points[i * C::Words::ROWS..(i + 1) * C::Words::ROWS])
            });
            let [denominator, before] = [0, 1].map(|i| Words::new(products[i]));
            // 1 + 2.33^2 / 5.29 < 2.03
            let own = f.mul(&chain, &before);
            (chain, other) = (other, f.mul(&chain, &denominator));
            let slope = qx.difference(f, &px).slope(f, &own, &dy);
            let x = slope.square_minus_two(f, &px, &qx);
            let y = slope.chord(f, &px, &x, &py);
            self.out[pair.out as usize] = C::store_words(&x, &y);
        }
    }
}
