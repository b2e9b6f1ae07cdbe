//! Poseidon over BN254's scalar field with circomlib's parameters.
//!
//! MERITS uses two lanes of one permutation, never all (`docs/src/design-cryptography.md`).

mod grain;
#[cfg(feature = "simd")]
mod lanes;
mod sparse;

use alloc::{boxed::Box, vec::Vec};

use ark_ff::{AdditiveGroup, Field};
use once_cell::race::OnceBox;

use self::sparse::Schedule;
use crate::{
    Fr,
    products::dot,
    tags::{self, Tag},
};

/// Widest state: 12 inputs and the capacity lane.
pub const MAX_WIDTH: usize = 13;

/// Parameters of one state width `t` (inputs + 1).
#[derive(Debug)]
pub struct Params {
    /// The number of full rounds: half before the partial rounds, half after.
    pub full_rounds: usize,
    /// Partial rounds: the S-box acts on lane 0 only.
    pub partial_rounds: usize,
    /// Round constants, `t` for each round.
    pub ark: Vec<Fr>,
    /// MDS matrix, row by row.
    pub mds: Vec<Vec<Fr>>,
}

fn schedule(t: usize) -> &'static Schedule {
    static TABLE: [OnceBox<Schedule>; MAX_WIDTH + 1] = [const { OnceBox::new() }; MAX_WIDTH + 1];
    TABLE[t].get_or_init(|| Box::new(Schedule::new(params(t))))
}

/// circomlib's parameters for state width `t`, 2 to 13.
///
/// # Panics
/// When `t` is outside 2..=13: the width is fixed by the statement, never by input.
pub fn params(t: usize) -> &'static Params {
    static TABLE: [OnceBox<Params>; MAX_WIDTH + 1] = [const { OnceBox::new() }; MAX_WIDTH + 1];
    assert!(
        (2..=MAX_WIDTH).contains(&t),
        "Poseidon width {t} is outside 2..=13"
    );
    // The width was checked above, so the parameters exist.
    TABLE[t].get_or_init(|| {
        Box::new(grain::parameters(t).expect("there are parameters for widths 2 to 13"))
    })
}

/// The values that one S-box of a permutation goes through.
#[derive(Clone, Copy, Debug)]
pub enum SBox {
    /// x², x⁴ and x⁵ of a lane in a full round; the lanes come one after the other.
    Full([Fr; 3]),
    /// In a partial round: x², x⁴, and lane 0 as the next round's S-box reads it, after the mixing
    /// and with that round's constant.
    Partial([Fr; 3]),
}

/// All lanes after one permutation of (tag, inputs). Callers release at most two of them.
///
/// # Panics
/// When there are no inputs or more than 12 (see [`params`]).
pub fn permute(tag: Tag, inputs: &[Fr]) -> Vec<Fr> {
    let mut lanes = [Fr::ZERO; MAX_WIDTH];
    let t = inputs.len() + 1;
    // Panics for a width that the lanes have no room for.
    params(t);
    lanes[0] = tag.element();
    lanes[1..t].copy_from_slice(inputs);
    permute_lanes(&mut lanes[..t], |_| ());
    lanes[..t].to_vec()
}

/// One permutation in place, with the tag in lane 0. Reports each of its S-boxes in order: these
/// values are the witness of the permutation. The time does not depend on the values.
///
/// # Panics
/// When there are fewer than 2 lanes or more than 13 (see [`params`]).
#[inline]
pub fn permute_lanes(lanes: &mut [Fr], mut see: impl FnMut(SBox)) {
    let t = lanes.len();
    let (params, schedule) = (params(t), schedule(t));
    let half = params.full_rounds / 2;
    let last = half + params.partial_rounds;
    let mut full = |lanes: &mut [Fr], round: usize, matrix: &[Vec<Fr>]| {
        add(lanes, &params.ark[round * t..]);
        full_layer(lanes, matrix, |passed| see(SBox::Full(passed)));
    };
    for round in 0..half - 1 {
        full(lanes, round, &params.mds);
    }
    full(lanes, half - 1, &schedule.entry);
    add(lanes, &schedule.first);
    let mut rounds = schedule.rounds.iter().zip(&schedule.after_box).peekable();
    while let Some((sparse, after_box)) = rounds.next() {
        let [square, fourth, fifth] = powers(lanes[0]);
        let boxed = fifth + after_box;
        lanes[0] = boxed;
        let first = dot(&sparse.row, lanes);
        for (lane, weight) in lanes[1..].iter_mut().zip(&sparse.column) {
            *lane += *weight * boxed;
        }
        lanes[0] = first;
        // The constants of rounds between two partial ones are in the schedule already.
        let found = match rounds.peek() {
            Some(_) => first,
            None => first + params.ark[last * t],
        };
        see(SBox::Partial([square, fourth, found]));
    }
    for round in last..last + half {
        add(lanes, &params.ark[round * t..]);
        full_layer(lanes, &params.mds, |passed| see(SBox::Full(passed)));
    }
}

fn add(lanes: &mut [Fr], constants: &[Fr]) {
    for (lane, constant) in lanes.iter_mut().zip(constants) {
        *lane += constant;
    }
}

/// x², x⁴, x⁵.
fn powers(x: Fr) -> [Fr; 3] {
    let square = x.square();
    let fourth = square.square();
    [square, fourth, fourth * x]
}

fn full_layer(lanes: &mut [Fr], matrix: &[Vec<Fr>], mut see: impl FnMut([Fr; 3])) {
    let mut boxed = [Fr::ZERO; MAX_WIDTH];
    let boxed = &mut boxed[..lanes.len()];
    for (boxed, lane) in boxed.iter_mut().zip(lanes.iter()) {
        let passed = powers(*lane);
        see(passed);
        *boxed = passed[2];
    }
    for (lane, row) in lanes.iter_mut().zip(matrix) {
        *lane = dot(row, boxed);
    }
}

/// P(tag; inputs): lane 0.
///
/// # Panics
/// See [`permute`].
pub fn hash(tag: Tag, inputs: &[Fr]) -> Fr {
    permute(tag, inputs)[0]
}

/// P(tag; inputs) of many lists of four inputs, in their order. With the feature `simd`, it computes eight at a
/// time if the processor can. Use it for public values only, because it wipes nothing.
pub fn hash_each(tag: Tag, inputs: &[[Fr; 4]]) -> Vec<Fr> {
    #[cfg(feature = "simd")]
    let (mut hashes, inputs) = lanes::hash_each(tag, inputs);
    #[cfg(not(feature = "simd"))]
    let mut hashes = Vec::with_capacity(inputs.len());
    hashes.extend(inputs.iter().map(|inputs| hash(tag, inputs)));
    hashes
}

/// P(tag; inputs)[0, 1]: lanes 0 and 1 of one permutation.
///
/// # Panics
/// See [`permute`].
pub fn hash2(tag: Tag, inputs: &[Fr]) -> [Fr; 2] {
    let lanes = permute(tag, inputs);
    [lanes[0], lanes[1]]
}

/// Pos2(x, y): circomlib's Poseidon of two inputs, as Semaphore uses it.
pub fn pos2(x: Fr, y: Fr) -> Fr {
    hash(tags::PLAIN, &[x, y])
}

#[cfg(test)]
mod tests {
    use super::*;
    use light_poseidon::PoseidonHasher;

    #[test]
    fn lane_0_is_the_hash_of_light_poseidon() {
        for n in 1..=12usize {
            let inputs: Vec<Fr> = (1..=n as u64).map(Fr::from).collect();
            for tag in [tags::PLAIN, tags::REC] {
                let mut reference =
                    light_poseidon::Poseidon::<Fr>::with_domain_tag_circom(n, tag.element())
                        .expect("width in range");
                assert_eq!(
                    hash(tag, &inputs),
                    reference.hash(&inputs).expect("n inputs")
                );
            }
        }
    }

    #[test]
    fn many_hashes_are_those_of_each() {
        let edges = [Fr::ZERO, Fr::ONE, -Fr::ONE];
        let lists: Vec<[Fr; 4]> = (0..81usize)
            .map(|i| [1, 3, 9, 27].map(|power| edges[i / power % 3]))
            .chain((0..27u64).map(|i| [2, 3, 5, 7].map(|base| Fr::from(base).pow([i * i + 90]))))
            .collect();
        for tag in [tags::NODE, tags::PLAIN] {
            let each: Vec<Fr> = lists.iter().map(|list| hash(tag, list)).collect();
            for count in (0..20).chain([lists.len()]) {
                assert_eq!(hash_each(tag, &lists[..count]), each[..count], "{count}");
            }
        }
    }

    #[test]
    fn published_vector_of_circomlib() {
        // circomlib, test/poseidoncircuit.js: Poseidon(1, 2).
        assert_eq!(
            pos2(Fr::from(1u64), Fr::from(2u64)).to_string(),
            "7853200120776062878684798364095072458815029376092732009249414926327459813530"
        );
    }
}
