//! Times permutations of many states and the search for squares: `--features timing --example poseidon --
//! <states> <rounds>`, in microseconds of processor time each.
#![allow(clippy::print_stdout, missing_docs)]

mod process;

use std::hint::black_box;

use ark_bn254::Fr;
use ark_ff::UniformRand;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use merits_bn254_simd::{PartialRound, Path, Permutation, Rounds, are_nonzero_squares};
use process::timed;

/// Four inputs and a tag, with as many rounds as circomlib has for them.
const WIDTH: usize = 5;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(256);
    let rounds: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(21);
    let rng = &mut StdRng::seed_from_u64(3);
    let mut row = || -> [Fr; WIDTH] { core::array::from_fn(|_| Fr::rand(rng)) };
    let permutation = Permutation::new(Rounds {
        before: (0..4).map(|_| row()).collect(),
        mds: core::array::from_fn(|_| row()),
        entry: core::array::from_fn(|_| row()),
        first: row(),
        partial: (0..60)
            .map(|_| PartialRound {
                constant: row()[0],
                row: row(),
                column: row(),
            })
            .collect(),
        after: (0..4).map(|_| row()).collect(),
    });
    let mut states: Vec<_> = (0..count).map(|_| row()).collect();
    let elements: Vec<Fr> = states.iter().map(|state| state[0]).collect();
    let time = |label: &str, f: &mut dyn FnMut()| {
        let mut times: Vec<f64> = (0..rounds)
            .map(|_| {
                let ((), cpu, _) = timed(&mut *f);
                cpu * 1e3 / count as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{label}: {:.2} us each (least {:.2})",
            times[rounds / 2],
            times[0]
        );
    };
    for path in Path::all() {
        let name = path.name();
        time(&format!("{name}, permutations"), &mut || {
            permutation.permute_each(path, black_box(&mut states));
        });
        time(&format!("{name}, squares"), &mut || {
            black_box(are_nonzero_squares(path, &elements));
        });
    }
}
