//! Poseidon's permutation of many states at once, with the S-box x⁵ (Grassi et al., USENIX Security
//! 2021). The caller gives the parameters, with the partial rounds' matrices made sparse as in the
//! paper's appendix B.
//!
//! The time depends only on the number of states. Intermediate values are not wiped.

use ark_bn254::Fr;
use ark_ff::Field;

use crate::path::{Kind, Path};
#[cfg(target_arch = "x86_64")]
use crate::poseidon_ifma;
use crate::poseidon_rounds::Rounds;

/// A permutation of states of `T` elements, `T` being 2 to 8, laid out for every path.
#[derive(Debug)]
pub struct Permutation<const T: usize> {
    rounds: Rounds<T>,
    #[cfg(target_arch = "x86_64")]
    tables: poseidon_ifma::Tables<T>,
}

impl<const T: usize> Permutation<T> {
    /// Lays the rounds out.
    pub fn new(rounds: Rounds<T>) -> Self {
        const { assert!(matches!(T, 2..=8)) };
        Self {
            #[cfg(target_arch = "x86_64")]
            tables: poseidon_ifma::Tables::new(&rounds),
            rounds,
        }
    }

    /// Permutes each state. In lanes, eight states or fewer take as long as one or two by themselves.
    pub fn permute_each(&self, path: Path, states: &mut [[Fr; T]]) {
        match path.0 {
            Kind::Scalar => states.iter_mut().for_each(|state| self.permute(state)),
            #[cfg(target_arch = "x86_64")]
            Kind::Ifma(isa) => poseidon_ifma::permute_each(isa, &self.tables, states),
        }
    }

    fn permute(&self, state: &mut [Fr; T]) {
        let Rounds {
            before,
            mds,
            entry,
            first,
            partial,
            after,
        } = &self.rounds;
        for (round, constants) in before.iter().enumerate() {
            let is_last = round + 1 == before.len();
            full_round(state, constants, if is_last { entry } else { mds });
        }
        add(state, first);
        for round in partial {
            let boxed = fifth_power(state[0]) + round.constant;
            state[0] = boxed;
            let sum = product(&round.row, state);
            for (element, weight) in state.iter_mut().zip(&round.column).skip(1) {
                *element += *weight * boxed;
            }
            state[0] = sum;
        }
        for constants in after {
            full_round(state, constants, mds);
        }
    }
}

fn full_round<const T: usize>(state: &mut [Fr; T], constants: &[Fr; T], matrix: &[[Fr; T]; T]) {
    add(state, constants);
    let boxed = state.map(fifth_power);
    *state = matrix.each_ref().map(|row| product(row, &boxed));
}

fn add<const T: usize>(state: &mut [Fr; T], constants: &[Fr; T]) {
    for (element, constant) in state.iter_mut().zip(constants) {
        *element += constant;
    }
}

fn fifth_power(x: Fr) -> Fr {
    x.square().square() * x
}

fn product<const T: usize>(row: &[Fr; T], state: &[Fr; T]) -> Fr {
    row.iter().zip(state).map(|(a, b)| *a * b).sum()
}

#[cfg(test)]
mod tests {
    use ark_ff::AdditiveGroup;

    use super::*;
    use crate::poseidon_rounds::PartialRound;

    /// With identity matrices the elements of a state are independent, so the result has a formula.
    #[test]
    fn every_number_of_states_is_permuted_on_every_path() {
        let unit = |i: usize| core::array::from_fn(|j| Fr::from(u64::from(i == j)));
        let identity: [[Fr; 3]; 3] = core::array::from_fn(unit);
        let rounds = Rounds {
            before: vec![[Fr::ONE; 3]],
            mds: identity,
            entry: identity,
            first: [Fr::ZERO; 3],
            partial: vec![PartialRound {
                constant: Fr::from(2u64),
                row: unit(0),
                column: [Fr::ZERO; 3],
            }],
            after: vec![[Fr::ZERO; 3]],
        };
        let permutation = Permutation::new(rounds);
        let edges = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(7u64)];
        for path in Path::all() {
            for count in 0..=33 {
                let state = |i: usize| [edges[i % 4], edges[i / 4 % 4], Fr::from(i as u64)];
                let mut states: Vec<_> = (0..count).map(state).collect();
                permutation.permute_each(path, &mut states);
                for (i, got) in states.iter().enumerate() {
                    let boxed = state(i).map(|x| (x + Fr::ONE).pow([5]));
                    let first = boxed[0].pow([5]) + Fr::from(2u64);
                    let want = [first, boxed[1], boxed[2]].map(|x| x.pow([5]));
                    assert_eq!(*got, want, "{} of {count}, {}", i, path.name());
                }
            }
        }
    }
}
