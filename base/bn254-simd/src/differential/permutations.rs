//! Poseidon's permutation of many states, against each state on its own by arkworks' arithmetic; and
//! squares, against the squares themselves.

use ark_bn254::Fr;
use ark_ff::{Field, UniformRand};
use ark_std::rand::{Rng, rngs::StdRng};

use super::inputs::{element, length};
use super::{Outcome, same};
use crate::path::Path;
use crate::poseidon::Permutation;
use crate::poseidon_rounds::{PartialRound, Rounds};
use crate::squares::are_nonzero_squares;

/// Any parameters: the lanes must follow them, also if they do not make a hash function.
pub(super) fn permutations(path: Path, rng: &mut StdRng) -> Outcome {
    match rng.gen_range(0..4) {
        0 => permutations_of::<2>(path, rng),
        1 => permutations_of::<3>(path, rng),
        2 => permutations_of::<5>(path, rng),
        _ => permutations_of::<8>(path, rng),
    }
}

fn permutations_of<const T: usize>(path: Path, rng: &mut StdRng) -> Outcome {
    // Sometimes every value is the largest, so that the bounds are reached.
    let largest = -Fr::ONE;
    let is_largest = rng.gen_range(0..8) == 0;
    let draw = |rng: &mut StdRng| match rng.gen_range(0..4) {
        _ if is_largest => largest,
        0 => element::<Fr>(rng),
        _ => Fr::rand(rng),
    };
    let row = |rng: &mut StdRng| -> [Fr; T] { core::array::from_fn(|_| draw(rng)) };
    let list = |most: usize, rng: &mut StdRng| -> Vec<[Fr; T]> {
        (0..rng.gen_range(0..=most)).map(|_| row(rng)).collect()
    };
    let (before, after, columns) = (list(5, rng), list(5, rng), list(70, rng));
    let rounds = Rounds {
        mds: core::array::from_fn(|_| row(rng)),
        entry: core::array::from_fn(|_| row(rng)),
        first: row(rng),
        partial: columns
            .into_iter()
            .map(|column| PartialRound {
                constant: row(rng)[0],
                row: row(rng),
                column,
            })
            .collect(),
        before,
        after,
    };
    let mut states: Vec<[Fr; T]> = (0..length(40, rng))
        .map(|_| match rng.gen_range(0..4) {
            0 => [largest; T],
            1 => core::array::from_fn(|_| Fr::from(rng.gen_range(0..2u64))),
            _ => core::array::from_fn(|_| element::<Fr>(rng)),
        })
        .collect();
    let given = states.clone();
    let want: Vec<[Fr; T]> = given.iter().map(|state| plainly(&rounds, *state)).collect();
    Permutation::new(rounds).permute_each(path, &mut states);
    let mut count = 0;
    for ((got, want), given) in states.iter().zip(&want).zip(&given) {
        count += same(got, want, || format!("permutation of {given:x?}"))?;
    }
    Ok(count)
}

/// A permutation with every matrix written out.
fn plainly<const T: usize>(rounds: &Rounds<T>, mut state: [Fr; T]) -> [Fr; T] {
    let apply = |matrix: &[[Fr; T]; T], state: [Fr; T]| -> [Fr; T] {
        core::array::from_fn(|i| (0..T).map(|j| matrix[i][j] * state[j]).sum())
    };
    let sum = |a: [Fr; T], b: [Fr; T]| -> [Fr; T] { core::array::from_fn(|i| a[i] + b[i]) };
    let full = |state: [Fr; T], constants: [Fr; T], matrix: &[[Fr; T]; T]| {
        apply(matrix, sum(state, constants).map(|x| x.pow([5])))
    };
    let mut before = rounds.before.iter().peekable();
    while let Some(constants) = before.next() {
        let matrix = if before.peek().is_some() {
            &rounds.mds
        } else {
            &rounds.entry
        };
        state = full(state, *constants, matrix);
    }
    state = sum(state, rounds.first);
    for round in &rounds.partial {
        let matrix: [[Fr; T]; T] = core::array::from_fn(|i| match i {
            0 => round.row,
            _ => core::array::from_fn(|j| match j {
                0 => round.column[i],
                _ => Fr::from(u64::from(i == j)),
            }),
        });
        state[0] = state[0].pow([5]) + round.constant;
        state = apply(&matrix, state);
    }
    for constants in &rounds.after {
        state = full(state, *constants, &rounds.mds);
    }
    state
}

/// Elements with known answers: squares, squares times a non-square, and zero.
pub(super) fn squares(path: Path, rng: &mut StdRng) -> Outcome {
    // A generator of the field's group is not a square.
    let other = <Fr as ark_ff::FftField>::GENERATOR;
    let (elements, want): (Vec<Fr>, Vec<bool>) = (0..length(40, rng))
        .map(|_| {
            let root = match rng.gen_range(0..3) {
                0 => Fr::from(rng.gen_range(0..3u64)),
                1 => Fr::rand(rng),
                _ => element::<Fr>(rng),
            };
            let is_square = rng.r#gen::<bool>();
            let factor = if is_square { Fr::ONE } else { other };
            (root.square() * factor, is_square && root != Fr::from(0u64))
        })
        .unzip();
    let got = are_nonzero_squares(path, &elements);
    same(&got.len(), &want.len(), || "answers".into())?;
    let mut count = 0;
    for ((got, want), element) in got.iter().zip(&want).zip(&elements) {
        count += same(got, want, || format!("whether {element:x?} is a square"))?;
    }
    Ok(count)
}
