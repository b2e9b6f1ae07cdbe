//! Multi-scalar multiplication in G1 and G2, right for every input.

use ark_bn254::{Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::{AdditiveGroup, Zero};
use rayon::prelude::*;

use crate::affine::NEGATIVE;
use crate::curve::Group;
use crate::lists::{Lists, Sums, Workspace};
use crate::path::Path;
use crate::scalars::{Block, Scalars};
use crate::store::Store;
use crate::tables::TableShape;

/// Ones that a thread sums at a time.
const ONES: usize = 1 << 15;

/// Where a base is not stored: it is the identity.
const IDENTITY: u32 = u32::MAX;

/// Bases in the layout that the kernels read.
pub struct Bases<C: Group> {
    pub(crate) path: Path,
    pub(crate) len: usize,
    /// How `points` is laid out.
    pub(crate) shape: TableShape,
    pub(crate) points: Store<C::Stored>,
    /// Position in a row of `points` of each base, or [`IDENTITY`]; nothing when none is the
    /// identity.
    pub(crate) slots: Option<Store<u32>>,
}

/// Bases in G1.
pub type G1Bases = Bases<g1::Config>;
/// Bases in G2.
pub type G2Bases = Bases<g2::Config>;

/// As many scalars as bases are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{scalars} scalars for {bases} bases: pass one scalar a base")]
pub struct LengthMismatch {
    /// How many bases there are.
    pub bases: usize,
    /// How many scalars came.
    pub scalars: usize,
}

impl<C: Group> Bases<C> {
    /// Lays the bases out for `path`. Any points of the curve will do, the identity included; there
    /// must be fewer than `2^31`. Points off the curve give meaningless results.
    pub fn new(path: Path, bases: &[Affine<C>]) -> Self {
        assert!(bases.len() < NEGATIVE as usize, "2^31 bases or more");
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
        let points: Vec<C::Stored> = bases
            .par_iter()
            .filter(|base| !base.is_zero())
            .map(|base| C::store(path, base.x, base.y))
            .collect();
        Self {
            path,
            len: bases.len(),
            shape: TableShape::NONE,
            points: points.into(),
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
    pub fn msm(&self, scalars: &[Fr]) -> Result<Projective<C>, LengthMismatch> {
        self.check(scalars.len())?;
        self.msm_prepared(&Scalars::new(scalars))
    }

    /// The same with scalars that have been made ready, for several sets of bases.
    pub fn msm_prepared(&self, scalars: &Scalars) -> Result<Projective<C>, LengthMismatch> {
        self.check(scalars.len)?;
        let (ones, windows) = rayon::join(
            || self.sum_ones(&scalars.ones),
            || {
                let blocks: Vec<(usize, Projective<C>)> = scalars
                    .blocks
                    .par_iter()
                    .with_max_len(1)
                    .map(|block| (block.window, self.sum_block(block, scalars.width)))
                    .collect();
                let mut total = Projective::<C>::zero();
                let windows = blocks.last().map_or(0, |(window, _)| window + 1);
                for window in (0..windows).rev() {
                    for _ in 0..scalars.width {
                        total.double_in_place();
                    }
                    for (_, sum) in blocks.iter().filter(|(w, _)| *w == window) {
                        total += sum;
                    }
                }
                total
            },
        );
        Ok(ones + windows)
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
                C::pool().with(|workspace| {
                    let Workspace {
                        halving,
                        lists,
                        sums: [sums, ..],
                    } = workspace;
                    lists.clear();
                    self.push_references(references, lists);
                    lists.end_list();
                    halving.sum(self.path, &self.points, lists, sums);
                    self.projective(sums, 0)
                })
            })
            .sum()
    }

    /// Sum over the buckets of digit times bucket.
    fn sum_block(&self, block: &Block, width: usize) -> Projective<C> {
        C::pool().with(|workspace| {
            let Workspace {
                halving,
                lists,
                sums: [buckets, lines, bits],
            } = workspace;
            if self.slots.is_none() {
                halving.sum(self.path, &self.points, &block.buckets, buckets);
            } else {
                lists.clear();
                for bucket in 0..block.buckets.len() {
                    let range = block.buckets.offsets[bucket] as usize
                        ..block.buckets.offsets[bucket + 1] as usize;
                    self.push_references(&block.buckets.references[range], lists);
                    lists.end_list();
                }
                halving.sum(self.path, &self.points, lists, buckets);
            }

            // Digits d = high * 2^low_bits + low: sum the buckets of each high part and of each low
            // part, an addition a bucket each.
            let low_bits = width / 2;
            let (lows, highs) = (1 << low_bits, (1 << (width - 1 - low_bits)) + 1);
            let digits = 1..=block.buckets.len();
            let present = |digit: &usize| digits.contains(digit) && buckets.present[digit - 1];
            lists.clear();
            for low in 0..lows {
                let digits = (0..highs).map(|high| (high << low_bits) | low);
                let of = digits.filter(|_| low != 0).filter(present);
                lists.references.extend(of.map(|digit| digit as u32 - 1));
                lists.end_list();
            }
            for high in 0..highs {
                let digits = (0..lows).map(|low| (high << low_bits) | low);
                let of = digits.filter(|_| high != 0).filter(present);
                lists.references.extend(of.map(|digit| digit as u32 - 1));
                lists.end_list();
            }
            halving.sum(self.path, &buckets.points, lists, lines);

            // Then those whose part has each bit set, and one doubling a bit.
            lists.clear();
            for bit in 0..low_bits {
                let of = (0..lows).filter(|low| low >> bit & 1 == 1 && lines.present[*low]);
                lists.references.extend(of.map(|low| low as u32));
                lists.end_list();
            }
            for bit in 0..width - low_bits {
                let of =
                    (0..highs).filter(|high| high >> bit & 1 == 1 && lines.present[lows + high]);
                lists.references.extend(of.map(|high| (lows + high) as u32));
                lists.end_list();
            }
            halving.sum(self.path, &lines.points, lists, bits);
            let mut total = Projective::<C>::zero();
            for bit in (0..lists.len()).rev() {
                total.double_in_place();
                if let Some(sum) = bits.get(bit) {
                    total += C::affine(self.path, sum);
                }
            }
            total
        })
    }

    /// References to scalars as references to stored points.
    fn push_references(&self, references: &[u32], lists: &mut Lists) {
        let Some(slots) = &self.slots else {
            lists.references.extend_from_slice(references);
            return;
        };
        lists
            .references
            .extend(references.iter().filter_map(|reference| {
                let slot = slots[(reference & !NEGATIVE) as usize];
                (slot != IDENTITY).then_some(slot | reference & NEGATIVE)
            }));
    }

    fn projective(&self, sums: &Sums<C>, i: usize) -> Projective<C> {
        sums.get(i)
            .map_or_else(Projective::zero, |sum| C::affine(self.path, sum).into())
    }
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
