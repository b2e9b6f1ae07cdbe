//! Poseidon over BN254's scalar field with circomlib's parameters.
//!
//! The parameters come from `light-poseidon`; the permutation is written out here because that
//! crate releases lane 0 only, and DESIGN 3 uses two lanes of one permutation (never all).

mod sparse;

use std::sync::OnceLock;

use ark_ff::{AdditiveGroup, Field};

use self::sparse::Schedule;
use crate::{
    Fr,
    tags::{self, Tag},
};

/// Widest state: 12 inputs and the capacity lane.
pub const MAX_WIDTH: usize = 13;

/// Parameters of one state width `t` (inputs + 1).
#[derive(Debug)]
pub struct Params {
    /// Full rounds in all; half stand before the partial rounds, half after.
    pub full_rounds: usize,
    /// Partial rounds: the S-box acts on lane 0 only.
    pub partial_rounds: usize,
    /// Round constants, `t` a round.
    pub ark: Vec<Fr>,
    /// MDS matrix, row by row.
    pub mds: Vec<Vec<Fr>>,
}

fn schedule(t: usize) -> &'static Schedule {
    static TABLE: [OnceLock<Schedule>; MAX_WIDTH + 1] = [const { OnceLock::new() }; MAX_WIDTH + 1];
    TABLE[t].get_or_init(|| Schedule::new(params(t)))
}

/// circomlib's parameters for state width `t`, 2 to 13.
///
/// # Panics
/// When `t` is outside 2..=13: the width is fixed by the statement, never by input.
pub fn params(t: usize) -> &'static Params {
    static TABLE: [OnceLock<Params>; MAX_WIDTH + 1] = [const { OnceLock::new() }; MAX_WIDTH + 1];
    assert!(
        (2..=MAX_WIDTH).contains(&t),
        "Poseidon width {t} is outside 2..=13"
    );
    TABLE[t].get_or_init(|| {
        // The width was checked above, so the parameters exist.
        let raw = light_poseidon::parameters::bn254_x5::get_poseidon_parameters::<Fr>(t as u8)
            .expect("circomlib publishes parameters for widths 2 to 13");
        Params {
            full_rounds: raw.full_rounds,
            partial_rounds: raw.partial_rounds,
            ark: raw.ark,
            mds: raw.mds,
        }
    })
}

/// All lanes after one permutation of (tag, inputs). Callers release at most two of them.
///
/// # Panics
/// When there are no inputs or more than 12 (see [`params`]).
pub fn permute(tag: Tag, inputs: &[Fr]) -> Vec<Fr> {
    let t = inputs.len() + 1;
    let params = params(t);
    let mut state = Vec::with_capacity(t);
    state.push(tag.element());
    state.extend_from_slice(inputs);
    let mut next = vec![Fr::ZERO; t];
    let half = params.full_rounds / 2;
    let schedule = schedule(t);
    for round in 0..half {
        add(&mut state, &params.ark[round * t..]);
        let matrix = if round + 1 == half {
            &schedule.entry
        } else {
            &params.mds
        };
        full_layer(&mut state, &mut next, matrix);
    }
    add(&mut state, &schedule.first);
    for (sparse, after_box) in schedule.rounds.iter().zip(&schedule.after_box) {
        let boxed = fifth_power(state[0]) + after_box;
        state[0] = boxed;
        let first = sparse.row.iter().zip(&state).map(|(m, s)| *m * s).sum();
        for (lane, weight) in state[1..].iter_mut().zip(&sparse.column) {
            *lane += *weight * boxed;
        }
        state[0] = first;
    }
    for round in half + params.partial_rounds..params.full_rounds + params.partial_rounds {
        add(&mut state, &params.ark[round * t..]);
        full_layer(&mut state, &mut next, &params.mds);
    }
    state
}

fn add(state: &mut [Fr], constants: &[Fr]) {
    for (lane, constant) in state.iter_mut().zip(constants) {
        *lane += constant;
    }
}

fn fifth_power(lane: Fr) -> Fr {
    lane.square().square() * lane
}

fn full_layer(state: &mut Vec<Fr>, next: &mut Vec<Fr>, matrix: &[Vec<Fr>]) {
    for lane in state.iter_mut() {
        *lane = fifth_power(*lane);
    }
    for (out, row) in next.iter_mut().zip(matrix) {
        *out = row.iter().zip(state.iter()).map(|(m, s)| *m * s).sum();
    }
    std::mem::swap(state, next);
}

/// P(tag; inputs): lane 0.
///
/// # Panics
/// See [`permute`].
pub fn hash(tag: Tag, inputs: &[Fr]) -> Fr {
    permute(tag, inputs)[0]
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
    fn published_vector_of_circomlib() {
        // circomlib, test/poseidoncircuit.js: Poseidon(1, 2).
        assert_eq!(
            pos2(Fr::from(1u64), Fr::from(2u64)).to_string(),
            "7853200120776062878684798364095072458815029376092732009249414926327459813530"
        );
    }
}
