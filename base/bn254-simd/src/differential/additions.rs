//! Batches of affine additions and sums of lists, against arkworks' projective ones.

use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Zero;
use ark_std::rand::{Rng, rngs::StdRng};

use super::inputs::{length, points};
use super::{Outcome, same};
use crate::affine::{AddScratch, NEGATIVE, Pair, add_pairs};
use crate::curve::Group;
use crate::lists::{Halving, Sums};
use crate::path::Path;

/// Adds one batch, then adds some of its sums again, so that the kernels also get their own outputs
/// (not reduced, and in their own form) as inputs.
pub(super) fn pairs<C: Group>(path: Path, rng: &mut StdRng) -> Outcome {
    let count = length(700, rng).max(1);
    let bases: Vec<Affine<C>> = points(count, false, rng);
    let mut stored: Vec<C::Stored> = bases.iter().map(|p| C::store(path, p.x, p.y)).collect();
    let mut meant = bases;
    let mut scratch = AddScratch::default();
    let mut comparisons = 0;
    for round in 0..3 {
        let len = length(3000, rng);
        // No exceptional pair, some, or only exceptional pairs.
        let related = [0.0, 0.02, 0.5, 1.0][rng.gen_range(0..4)];
        let reference = |rng: &mut StdRng| {
            let sign = if rng.r#gen() { NEGATIVE } else { 0 };
            rng.gen_range(0..stored.len()) as u32 | sign
        };
        let pairs: Vec<Pair> = (0..len as u32)
            .map(|out| {
                let a = reference(rng);
                let b = if rng.gen_bool(related) {
                    a ^ if rng.r#gen() { NEGATIVE } else { 0 }
                } else {
                    reference(rng)
                };
                Pair { a, b, out }
            })
            .collect();
        let mut out = vec![C::Stored::default(); len];
        let mut vanished = Vec::new();
        add_pairs::<C>(path, &stored, &pairs, &mut out, &mut vanished, &mut scratch);
        vanished.sort_unstable();
        let operand = |reference: u32| {
            let point = meant[(reference & !NEGATIVE) as usize];
            if reference & NEGATIVE == 0 {
                point
            } else {
                -point
            }
        };
        let sums: Vec<Projective<C>> = pairs
            .iter()
            .map(|pair| operand(pair.a) + operand(pair.b))
            .collect();
        let sums = Projective::normalize_batch(&sums);
        let (mut next, mut next_meant) = (Vec::new(), Vec::new());
        for (i, sum) in sums.iter().enumerate() {
            let gone = vanished.binary_search(&(i as u32)).is_ok();
            let say = || {
                let (a, b) = (operand(pairs[i].a), operand(pairs[i].b));
                format!("round {round}, pair {i} of {len}: {a:?} + {b:?}")
            };
            comparisons += same(&gone, &sum.is_zero(), || format!("vanished, {}", say()))?;
            if !gone {
                comparisons += same(&C::affine(path, &out[i]), sum, say)?;
                // Opposites as the engine makes them outside a batch.
                if rng.gen_range(0..16) == 0 {
                    let negated = C::affine(path, &C::negate(path, &out[i]));
                    comparisons += same(&negated, &-*sum, || format!("opposite, {}", say()))?;
                }
                next.push(out[i]);
                next_meant.push(*sum);
            }
        }
        // No pair may vanish twice.
        let mut once = vanished.clone();
        once.dedup();
        comparisons += same(&once.len(), &vanished.len(), || "vanished twice".into())?;
        if next.is_empty() {
            break;
        }
        (stored, meant) = (next, next_meant);
    }
    Ok(comparisons)
}

/// Lists of many lengths over points that collide and cancel.
pub(super) fn lists<C: Group>(path: Path, rng: &mut StdRng) -> Outcome {
    let bases: Vec<Affine<C>> = points(length(500, rng).max(1), false, rng);
    let stored: Vec<C::Stored> = bases.iter().map(|p| C::store(path, p.x, p.y)).collect();
    let mut halving = Halving::default();
    let mut sums = Sums::default();
    let mut comparisons = 0;
    // Use the same buffers twice: nothing of the first call may remain in them.
    for call in 0..2 {
        let count = length(300, rng);
        // Sometimes lists that are longer than a group that is halved together.
        let long = rng.gen_range(0..40) == 0;
        let mut lists: Vec<Vec<u32>> = Vec::new();
        let mut want = Vec::new();
        for list in 0..count {
            let len = match rng.gen_range(0..6) {
                0 => 0,
                1 => 1,
                _ if long && list % 50 == 0 => rng.gen_range(30_000..80_000),
                2 => length(200, rng),
                _ => rng.gen_range(2..9),
            };
            let mut sum = Projective::<C>::zero();
            let mut references = Vec::with_capacity(len);
            let same_point = rng.gen_range(0..4) == 0;
            let first = rng.gen_range(0..bases.len());
            for _ in 0..len {
                let index = if same_point {
                    first
                } else {
                    rng.gen_range(0..bases.len())
                };
                let negative = rng.r#gen::<bool>();
                let sign = if negative { NEGATIVE } else { 0 };
                references.push(index as u32 | sign);
                if negative {
                    sum -= bases[index];
                } else {
                    sum += bases[index];
                }
            }
            lists.push(references);
            want.push(sum);
        }
        let push = |list: usize, references: &mut Vec<u32>| references.extend(&lists[list]);
        halving.sum::<C>(path, &stored, count, push, &mut sums);
        for (i, want) in Projective::normalize_batch(&want).iter().enumerate() {
            let got = sums
                .get::<C>(i)
                .map_or(Affine::identity(), |sum| C::affine(path, sum));
            comparisons += same(&got, want, || format!("call {call}, list {i} of {count}"))?;
        }
    }
    Ok(comparisons)
}
