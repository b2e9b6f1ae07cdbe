//! Recombines digits and buckets and compares them with the scalars.

use ark_bn254::Fr;
use ark_ff::{Field, PrimeField, Zero};
use ark_std::rand::{Rng, rngs::StdRng};

use super::inputs::{length, scalars};
use super::{Outcome, same};
use crate::affine::NEGATIVE;
use crate::scalars::Scalars;
use crate::table_shape::TableShape;

/// Scalars, and integers with the modulus in place of zero, from their ones and buckets.
pub(super) fn digits(rng: &mut StdRng) -> Outcome {
    let all = scalars(length(4000, rng), rng);
    // For bases without tables, or with rows of any distance.
    let shape = TableShape::of_levels(if rng.r#gen() {
        1
    } else {
        rng.gen_range(2..=32)
    });
    let ready = if rng.r#gen() {
        Scalars::for_shape(shape, &all)
    } else {
        let modulus_for_zero = rng.r#gen::<bool>();
        Scalars::cut(shape, all.len(), |i| {
            if modulus_for_zero && all[i].is_zero() {
                Fr::MODULUS.0
            } else {
                all[i].into_bigint().0
            }
        })
    };
    let mut sums = vec![Fr::zero(); all.len()];
    let mut take = |reference: u32, low: usize, digit: u64| -> Result<(), String> {
        // A reference is the row times the length, plus the index.
        let place = (reference & !NEGATIVE) as usize;
        let (row, index) = (place / all.len().max(1), place % all.len().max(1));
        if row >= shape.levels() as usize {
            return Err(format!("a reference to row {row} of {}", shape.levels()));
        }
        let weight = Fr::from(2u64).pow([(row * shape.bits as usize + low) as u64]);
        let part = weight * Fr::from(digit);
        let negative = reference & NEGATIVE != 0;
        sums[index] += if negative { -part } else { part };
        Ok(())
    };
    for one in ready.ones() {
        take(*one, 0, 1)?;
    }
    let mut low = 0;
    for window in 0..ready.windows() {
        let block = ready.block(window);
        same(&block.width, &ready.width(window), || "width".into())?;
        for lists in &block.segments {
            same(&lists.len(), &(1 << (block.width - 1)), || "buckets".into())?;
            for bucket in 0..lists.len() {
                let range = lists.offsets[bucket] as usize..lists.offsets[bucket + 1] as usize;
                for reference in &lists.references[range] {
                    take(*reference, low, bucket as u64 + 1)?;
                }
            }
        }
        low += block.width;
    }
    for (i, (got, want)) in sums.iter().zip(&all).enumerate() {
        same(got, want, || {
            format!("scalar {i} of {}, {shape:?}", all.len())
        })?;
    }
    Ok(all.len() as u64)
}
