//! Multi-scalar multiplication in G1 and G2, right for every input.

use core::ops::{Deref, Range};

use ark_bn254::{Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

use crate::affine::NEGATIVE;
use crate::curve::Group;
use crate::lists::{Sums, Workspace};
use crate::multiples::rows;
use crate::path::Path;
use crate::scalars::{Block, Scalars};
use crate::store::Store;
use crate::table_shape::TableShape;

/// Ones that a thread sums at a time.
const ONES: usize = 1 << 15;

/// References of a window that are worth a thread of their own.
const FEWEST: usize = 1 << 13;

/// The slot of a base that is not stored because it is the identity.
pub(crate) const IDENTITY: u32 = u32::MAX;

/// Bases in the layout that the kernels read.
pub struct Bases<C: Group> {
    pub(crate) path: Path,
    pub(crate) len: usize,
    /// The layout of `points`.
    pub(crate) shape: TableShape,
    pub(crate) points: Store<C::Stored>,
    /// Position of each base in a row of `points`, or [`IDENTITY`]; empty if no base is the identity.
    pub(crate) slots: Option<Store<u32>>,
}

/// Bases in G1.
pub type G1Bases = Bases<g1::Config>;
/// Bases in G2.
pub type G2Bases = Bases<g2::Config>;

/// The number of scalars is not the number of bases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{scalars} scalars for {bases} bases: pass one scalar for each base")]
pub struct LengthMismatch {
    /// The number of bases.
    pub bases: usize,
    /// The number of scalars.
    pub scalars: usize,
}

impl<C: Group> Bases<C> {
    /// Lays the bases out for `path`. Any points of the curve are valid, the identity included (for
    /// points of G2's curve outside of the subgroup of order `r`, see [`msm`](Self::msm)). There
    /// must be fewer than `2^31`. Points off the curve give meaningless results.
    pub fn new(path: Path, bases: &[Affine<C>]) -> Self {
        Self::with_tables(path, bases, TableShape::NONE)
    }

    /// The same with multiples of each base kept beside it: `shape.levels()` times the memory, and
    /// fewer additions (see [`TableShape`]). There must be fewer than `2^31` points in all.
    pub fn with_tables(path: Path, bases: &[Affine<C>], shape: TableShape) -> Self {
        assert!(
            bases.len().saturating_mul(shape.levels as usize) < NEGATIVE as usize,
            "2^31 bases, or rows of bases, or more"
        );
        let identities = bases.par_iter().any(|base| base.is_zero());
        let slots = identities.then(|| {
            let mut next = 0;
            let slot = |base: &Affine<C>| {
                if base.is_zero() {
                    return IDENTITY;
                }
                next += 1;
                next - 1
            };
            bases.iter().map(slot).collect::<Vec<u32>>().into()
        });
        Self {
            path,
            len: bases.len(),
            shape,
            points: rows::<C>(path, bases, shape).into(),
            slots,
        }
    }

    /// How many bases, identities included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sum of each base times its scalar. Runs on the rayon pool it is called from. Its time
    /// depends on the scalars.
    ///
    /// This is defined for points in the subgroup of order `r`. A point of G2's curve outside of
    /// it has multiples by integers only, so there a scalar stands for the integer of its class
    /// that is nearest to 0.
    pub fn msm(&self, scalars: &[Fr]) -> Result<Projective<C>, LengthMismatch> {
        self.check(scalars.len())?;
        self.msm_prepared(&Scalars::for_shape(self.shape, scalars))
    }

    /// The same for integers up to the modulus, four words each.
    pub(crate) fn msm_integers(
        &self,
        integers: impl Deref<Target = [[u64; 4]]>,
    ) -> Result<Projective<C>, LengthMismatch> {
        self.check(integers.len())?;
        let words: &[[u64; 4]] = &integers;
        let scalars = Scalars::cut(self.shape, words.len(), |i| words[i]);
        // Free them now: the sums need the memory.
        drop(integers);
        self.msm_prepared(&scalars)
    }

    /// The same with prepared scalars, which several sets of bases can share.
    pub fn msm_prepared(&self, scalars: &Scalars) -> Result<Projective<C>, LengthMismatch> {
        self.check(scalars.len())?;
        if !self.takes(scalars.shape()) {
            return self.msm_prepared(&scalars.without_tables());
        }
        let (ones, windows) = rayon::join(
            || self.sum_ones(scalars.ones()),
            || {
                let sums: Vec<Projective<C>> = (0..scalars.windows())
                    .into_par_iter()
                    .with_max_len(1)
                    .map(|window| self.sum_block(&scalars.block(window), scalars))
                    .collect();
                weigh(scalars, sums.into_iter())
            },
        );
        Ok(ones + windows)
    }

    /// Whether these bases have the rows that such scalars name.
    fn takes(&self, shape: TableShape) -> bool {
        shape == TableShape::NONE || shape == self.shape
    }

    fn check(&self, scalars: usize) -> Result<(), LengthMismatch> {
        if scalars == self.len {
            return Ok(());
        }
        Err(LengthMismatch {
            bases: self.len,
            scalars,
        })
    }

    fn sum_ones(&self, ones: &[u32]) -> Projective<C> {
        ones.par_chunks(ONES)
            .map(|references| {
                Workspace::with(|workspace| {
                    let Workspace {
                        halving,
                        sums: [sums, ..],
                    } = workspace;
                    let push = |_, to: &mut Vec<u32>| self.push_references(references, to);
                    halving.sum::<C>(self.path, &self.points, 1, push, sums);
                    self.projective(sums, 0)
                })
            })
            .sum()
    }

    /// Sum over the buckets of digit times bucket, by several threads if there are fewer windows.
    fn sum_block(&self, block: &Block, scalars: &Scalars) -> Projective<C> {
        let highs = (1usize << (block.width - 1 - low_bits(block.width))) + 1;
        let references: usize = block.segments.iter().map(|s| s.references.len()).sum();
        let parts = (3 * rayon::current_num_threads())
            .div_ceil(scalars.windows().max(1))
            .min(references / FEWEST)
            .clamp(1, highs);
        (0..parts)
            .into_par_iter()
            .with_max_len(1)
            .map(|part| {
                let range = highs * part / parts..highs * (part + 1) / parts;
                Workspace::with(|workspace| self.sum_buckets(workspace, block, range))
            })
            .sum()
    }

    /// The same for the digits with some high parts.
    ///
    /// Digits are `high * 2^low_bits + low`: the buckets of each high part and of each low part are
    /// summed, with one addition for each bucket in either sum.
    fn sum_buckets(
        &self,
        workspace: &mut Workspace,
        block: &Block,
        highs: Range<usize>,
    ) -> Projective<C> {
        let Workspace {
            halving,
            sums: [buckets, lines, bits],
        } = workspace;
        let width = block.width;
        let low_bits = low_bits(width);
        // Digits from `first` on; 0 has no bucket.
        let first = (highs.start << low_bits).max(1);
        let end = (highs.end << low_bits).min((1 << (width - 1)) + 1);
        let push = |i: usize, to: &mut Vec<u32>| {
            let bucket = first + i - 1;
            for segment in &block.segments {
                let range = segment.offsets[bucket] as usize..segment.offsets[bucket + 1] as usize;
                self.push_references(&segment.references[range], to);
            }
        };
        halving.sum::<C>(self.path, &self.points, end - first, push, buckets);

        let (lows, first_high) = (1 << low_bits, highs.start);
        let highs = highs.len();
        let digits = first..end;
        let place = |high: usize, low: usize| {
            let digit = ((first_high + high) << low_bits) | low;
            (digits.contains(&digit) && buckets.present[digit - first])
                .then(|| (digit - first) as u32)
        };
        let push = |i: usize, to: &mut Vec<u32>| match i.checked_sub(lows) {
            None if i == 0 => {}
            None => to.extend((0..highs).filter_map(|high| place(high, i))),
            Some(high) if first_high + high == 0 => {}
            Some(high) => to.extend((0..lows).filter_map(|low| place(high, low))),
        };
        halving.sum::<C>(
            self.path,
            buckets.points.of::<C::Stored>(),
            lows + highs,
            push,
            lines,
        );

        // Then those whose part has each bit set, and one doubling a bit.
        let push = |bit: usize, to: &mut Vec<u32>| match bit.checked_sub(low_bits) {
            None => {
                let of = (0..lows).filter(|low| low >> bit & 1 == 1 && lines.present[*low]);
                to.extend(of.map(|low| low as u32));
            }
            Some(bit) => {
                let set = |high: &usize| (first_high + high) >> bit & 1 == 1;
                let of = (0..highs).filter(|high| set(high) && lines.present[lows + high]);
                to.extend(of.map(|high| (lows + high) as u32));
            }
        };
        halving.sum::<C>(self.path, lines.points.of::<C::Stored>(), width, push, bits);
        let mut total = Projective::<C>::zero();
        for bit in (0..width).rev() {
            total.double_in_place();
            if let Some(sum) = bits.get::<C>(bit) {
                total += C::affine(self.path, sum);
            }
        }
        total
    }

    /// References to scalars as references to stored points.
    fn push_references(&self, references: &[u32], to: &mut Vec<u32>) {
        let Some(slots) = &self.slots else {
            // A row has as many points as there are scalars.
            to.extend_from_slice(references);
            return;
        };
        let slot = |reference: &u32, row: u32, index: u32, stored: u32| {
            let slot = slots[index as usize];
            (slot != IDENTITY).then(|| (row * stored + slot) | reference & NEGATIVE)
        };
        if self.shape.levels == 1 {
            let slot = |reference: &u32| slot(reference, 0, reference & !NEGATIVE, 0);
            to.extend(references.iter().filter_map(slot));
            return;
        }
        // The rows' lengths differ: row * len + index becomes row * stored + slot. The quotient by
        // the reciprocal is exact: `place` and `len` are below 2^31, so it is off by less than
        // 2^31 / 2^64, which is below 1 / len.
        let stored = self.points.len() as u32 / self.shape.levels;
        let len = self.len.max(1) as u32;
        let reciprocal = (1u128 << 64) / u128::from(len) + 1;
        to.extend(references.iter().filter_map(|reference| {
            let place = reference & !NEGATIVE;
            let row = ((u128::from(place) * reciprocal) >> 64) as u32;
            slot(reference, row, place - row * len, stored)
        }));
    }

    fn projective(&self, sums: &Sums, i: usize) -> Projective<C> {
        sums.get::<C>(i)
            .map_or_else(Projective::zero, |sum| C::affine(self.path, sum).into())
    }
}

/// Bits of the low part of a digit's magnitude.
fn low_bits(width: usize) -> usize {
    width / 2
}

/// From the windows' sums to the whole.
fn weigh<C: Group>(
    scalars: &Scalars,
    sums: impl DoubleEndedIterator<Item = Projective<C>> + ExactSizeIterator,
) -> Projective<C> {
    let mut total = Projective::<C>::zero();
    for (window, sum) in sums.enumerate().rev() {
        for _ in 0..scalars.width(window) {
            total.double_in_place();
        }
        total += sum;
    }
    total
}

/// Several sums with the same scalars, as a proof needs them: three sets of bases in G1 and one in
/// G2. Each window is sorted once, and stays in memory until all sums have used it.
pub(crate) fn msm_shared(
    scalars: &Scalars,
    g1: [&G1Bases; 3],
    g2: &G2Bases,
) -> Result<([Projective<g1::Config>; 3], Projective<g2::Config>), LengthMismatch> {
    for bases in g1 {
        bases.check(scalars.len())?;
    }
    g2.check(scalars.len())?;
    let shape = scalars.shape();
    if !(g1.iter().all(|bases| bases.takes(shape)) && g2.takes(shape)) {
        return msm_shared(&scalars.without_tables(), g1, g2);
    }
    let four = |of_g1: &(dyn Fn(&G1Bases) -> Projective<g1::Config> + Sync),
                of_g2: &(dyn Fn(&G2Bases) -> Projective<g2::Config> + Sync)| {
        let (sum_g2, [a, b, c]) = rayon::join(
            || of_g2(g2),
            || {
                let [a, b, c] = g1;
                let (a, (b, c)) =
                    rayon::join(|| of_g1(a), || rayon::join(|| of_g1(b), || of_g1(c)));
                [a, b, c]
            },
        );
        ([a, b, c], sum_g2)
    };
    let (ones, sums) = rayon::join(
        || {
            let ones = scalars.ones();
            four(&|bases| bases.sum_ones(ones), &|bases| bases.sum_ones(ones))
        },
        || {
            (0..scalars.windows())
                .into_par_iter()
                .with_max_len(1)
                .map(|window| {
                    let block = scalars.block(window);
                    four(&|bases| bases.sum_block(&block, scalars), &|bases| {
                        bases.sum_block(&block, scalars)
                    })
                })
                .collect::<Vec<_>>()
        },
    );
    let of_g1 = |i: usize| ones.0[i] + weigh(scalars, sums.iter().map(|(g1, _)| g1[i]));
    let of_g2 = ones.1 + weigh(scalars, sums.iter().map(|(_, g2)| *g2));
    Ok(([of_g1(0), of_g1(1), of_g1(2)], of_g2))
}

/// The sum of each base times its scalar, for bases that are used once.
pub fn msm_g1(
    bases: &[Affine<g1::Config>],
    scalars: &[Fr],
) -> Result<Projective<g1::Config>, LengthMismatch> {
    G1Bases::new(Path::preferred(), bases).msm(scalars)
}

/// The sum of each base times its scalar, for bases that are used once.
pub fn msm_g2(
    bases: &[Affine<g2::Config>],
    scalars: &[Fr],
) -> Result<Projective<g2::Config>, LengthMismatch> {
    G2Bases::new(Path::preferred(), bases).msm(scalars)
}
