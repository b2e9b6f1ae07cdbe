//! Many permutations at a time, over `merits-bn254-simd`.

use alloc::{boxed::Box, vec::Vec};

use ark_ff::AdditiveGroup;
use merits_bn254_simd::{PartialRound, Path, Permutation, Rounds};
use once_cell::race::OnceBox;

use super::{params, schedule};
use crate::{Fr, tags::Tag};

/// States that are permuted at once.
const LANES: usize = 8;

/// Fewest states: a vector takes as long as two by themselves.
const FEWEST: usize = 2;

/// State of four inputs.
const WIDTH: usize = 5;

/// Hashes as many lists as are worth the lanes. Returns the hashes and the remaining lists.
pub(super) fn hash_each(tag: Tag, inputs: &[[Fr; 4]]) -> (Vec<Fr>, &[[Fr; 4]]) {
    let path = Path::preferred();
    let left = match inputs.len() % LANES {
        _ if !path.is_vectorized() => inputs.len(),
        few @ 0..FEWEST => few,
        _ => 0,
    };
    let (lists, rest) = inputs.split_at(inputs.len() - left);
    let mut hashes = Vec::with_capacity(inputs.len());
    if lists.is_empty() {
        return (hashes, rest);
    }
    let state = |[a, b, c, d]: &[Fr; 4]| [tag.element(), *a, *b, *c, *d];
    let mut states: Vec<[Fr; WIDTH]> = lists.iter().map(state).collect();
    permutation().permute_each(path, &mut states);
    hashes.extend(states.iter().map(|[hash, ..]| *hash));
    (hashes, rest)
}

fn permutation() -> &'static Permutation<WIDTH> {
    static PERMUTATION: OnceBox<Permutation<WIDTH>> = OnceBox::new();
    PERMUTATION.get_or_init(|| Box::new(Permutation::new(rounds())))
}

/// The parameters of a width in the form of the lanes.
fn rounds<const T: usize>() -> Rounds<T> {
    let (params, schedule) = (params(T), schedule(T));
    let half = params.full_rounds / 2;
    let (constants, _) = params.ark.as_chunks::<T>();
    Rounds {
        before: constants[..half].to_vec(),
        mds: matrix(&params.mds),
        entry: matrix(&schedule.entry),
        first: array(&schedule.first),
        partial: schedule
            .rounds
            .iter()
            .zip(&schedule.after_box)
            .map(|(sparse, constant)| {
                let mut column = [Fr::ZERO; T];
                column[1..].copy_from_slice(&sparse.column);
                PartialRound {
                    constant: *constant,
                    row: array(&sparse.row),
                    column,
                }
            })
            .collect(),
        after: constants[half + params.partial_rounds..].to_vec(),
    }
}

fn matrix<const T: usize>(rows: &[Vec<Fr>]) -> [[Fr; T]; T] {
    core::array::from_fn(|i| array(&rows[i]))
}

fn array<const T: usize>(row: &[Fr]) -> [Fr; T] {
    core::array::from_fn(|i| row[i])
}
