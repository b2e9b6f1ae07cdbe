//! The rows of fixed-base tables: doublings of many points side by side.

use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use crate::curve::Group;
use crate::path::Path;
use crate::tables::TableShape;

/// Points that a thread doubles at a time, and that share an inversion a row.
const BATCH: usize = 1 << 10;

/// Row after row of the multiples of the bases other than the identity.
///
/// No multiple is the identity: see [`crate::tables`].
pub(crate) fn rows<C: Group>(path: Path, bases: &[Affine<C>], shape: TableShape) -> Vec<C::Stored> {
    let mut bases: Vec<&Affine<C>> = bases.par_iter().filter(|base| !base.is_zero()).collect();
    if shape.levels == 1 {
        let stored = bases.par_iter().map(|base| C::store(path, base.x, base.y));
        return stored.collect();
    }
    let count = bases.len();
    let mut points = vec![C::Stored::default(); count * shape.levels as usize];
    // A thread's share of each row.
    let mut shares: Vec<Vec<&mut [C::Stored]>> = Vec::new();
    shares.resize_with(count.div_ceil(BATCH), Vec::new);
    for row in points.chunks_mut(count.max(1)) {
        for (share, part) in shares.iter_mut().zip(row.chunks_mut(BATCH)) {
            share.push(part);
        }
    }
    bases
        .par_chunks_mut(BATCH)
        .zip(shares)
        .for_each(|(bases, rows)| {
            let mut current: Vec<Projective<C>> =
                bases.iter().map(|base| (**base).into()).collect();
            for (level, row) in rows.into_iter().enumerate() {
                if level > 0 {
                    for point in &mut current {
                        for _ in 0..shape.bits {
                            point.double_in_place();
                        }
                    }
                }
                let affine = Projective::normalize_batch(&current);
                for (stored, point) in row.iter_mut().zip(&affine) {
                    *stored = C::store(path, point.x, point.y);
                }
            }
        });
    points
}
