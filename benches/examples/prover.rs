//! Our prover, `taceo-groth16` and `ark-groth16` in turns on the same key and witness:
//! `--features timing --example prover -- <chain|bits> <constraints> <rounds> [ours only]`.
//!
//! Prints medians and ratios. Set `RAYON_NUM_THREADS` for the number of threads.
#![allow(clippy::print_stdout, missing_docs)]

#[path = "../../base/bn254-simd/tests/it/circom/mod.rs"]
mod circom;
mod process;

use std::time::Instant;

use ark_bn254::Fr;
use circom::{Case, Circuit, number};
use merits_bn254_simd::Path;
use process::ms;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (size, rounds) = (number(&arguments, 1, 65_520), number(&arguments, 2, 5));
    let circuit = Circuit::named(arguments.first().map(String::as_str), size);
    let ours_only = arguments.len() > 3;
    let case = Case::new(circuit);
    // Full-size, as blinding factors are.
    let (r, s) = (-Fr::from(0x1234_5678_u64), -Fr::from(0x8765_4321_u64));

    let mut provers: Vec<(String, Box<dyn Fn() + '_>)> = Vec::new();
    if !ours_only {
        provers.push((
            "ark-groth16".into(),
            Box::new(|| consume(case.prove_ark(r, s))),
        ));
        provers.push((
            "taceo-groth16".into(),
            Box::new(|| consume(case.prove_taceo(r, s))),
        ));
    }
    for path in Path::all() {
        let start = Instant::now();
        let key = case.prepare(path);
        println!("prepared for {} in {:.0} ms", path.name(), ms(start));
        let assignment = &case.assignment;
        let prove = move || consume(key.prove(assignment, r, s));
        provers.push((format!("ours, {}", path.name()), Box::new(prove)));
    }
    let mut times = vec![Vec::new(); provers.len()];
    for _ in 0..rounds {
        for ((_, prove), times) in provers.iter().zip(&mut times) {
            let start = Instant::now();
            prove();
            times.push(ms(start));
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[rounds / 2]
        })
        .collect();
    println!(
        "{circuit:?}, {} threads, median of {rounds}:",
        rayon::current_num_threads()
    );
    for ((name, _), median) in provers.iter().zip(&medians) {
        println!(
            "  {name:14} {median:8.1} ms, {:.3} of the first",
            median / medians[0]
        );
    }
}

fn consume<T>(proof: T) {
    std::hint::black_box(proof);
}
