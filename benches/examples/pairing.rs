//! Times the verification of a batch of Groth16 proofs, in microseconds of processor time for each pair:
//! `--features timing --example pairing -- <pairs> <rounds>`.
#![allow(clippy::print_stdout, missing_docs)]

mod process;

use std::hint::black_box;

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ff::UniformRand;
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use merits_bn254_simd::{Path, PreparedLines, SplitScalar, multiply_each, pairing_product};
use process::timed;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(256);
    let rounds: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(21);
    let mut rng = StdRng::seed_from_u64(3);
    let pairs: Vec<(G1Affine, G2Affine)> = (0..count)
        .map(|_| (G1Affine::rand(&mut rng), G2Affine::rand(&mut rng)))
        .collect();
    let lines: Vec<_> = (0..3)
        .map(|_| PreparedLines::new(G2Affine::rand(&mut rng)))
        .collect();
    let fixed: Vec<_> = lines
        .iter()
        .map(|l| (G1Affine::rand(&mut rng), l))
        .collect();
    let scaled: Vec<_> = pairs
        .iter()
        .map(|(p, _)| {
            let scalar = SplitScalar {
                low: rng.r#gen(),
                high: rng.r#gen(),
            };
            (*p, scalar)
        })
        .collect();
    let time = |label: &str, f: &dyn Fn()| {
        let mut times: Vec<f64> = (0..rounds)
            .map(|_| {
                let ((), cpu, _) = timed(f);
                cpu * 1e3 / count as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{label}: {:.2} us a pair (least {:.2})",
            times[rounds / 2],
            times[0]
        );
    };
    time("ark-ec, product", &|| {
        let _ = black_box(Bn254::multi_pairing(
            pairs.iter().map(|(p, _)| *p),
            pairs.iter().map(|(_, q)| *q),
        ));
    });
    for path in Path::all() {
        let name = path.name();
        time(&format!("{name}, product with 3 fixed"), &|| {
            black_box(pairing_product(path, &pairs, &fixed));
        });
        time(&format!("{name}, product of one pair and 3 fixed"), &|| {
            black_box(pairing_product(path, &pairs[..1], &fixed));
        });
        time(&format!("{name}, multiplications"), &|| {
            black_box(multiply_each(path, &scaled));
        });
    }
}
