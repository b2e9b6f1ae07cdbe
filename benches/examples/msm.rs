//! Times multi-scalar multiplication without tables and with some, in turns:
//! `--features timing --example msm -- <log2 n> <rounds> [only lines with this word]`.
//!
//! Times are medians of processor time, with the ratio to the same path without
//! tables.
#![allow(clippy::print_stdout, missing_docs)]

mod process;

use ark_bn254::{Fr, g1, g2};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{PrimeGroup, VariableBaseMSM};
use ark_ff::{UniformRand, Zero};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use merits_bn254_simd::{Bases, Group, Path, Scalars, TableShape};
use process::processor_time;

/// Rows of the tables that are tried.
const LEVELS: [u32; 7] = [1, 2, 3, 6, 8, 15, 16];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let log: u32 = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(16);
    let rounds: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(5);
    let only = arguments.next().unwrap_or_default();
    compare::<g1::Config>("G1", 1 << log, rounds, &only);
    compare::<g2::Config>("G2", 1 << log, rounds, &only);
}

/// Something to time, and its result.
struct Line<'a> {
    label: String,
    /// The time for the same scalars and path without tables, for the ratio.
    first: usize,
    run: Box<dyn Fn() + 'a>,
    times: Vec<f64>,
}

fn compare<C: Group>(group: &str, n: usize, rounds: usize, only: &str) {
    let mut rng = StdRng::seed_from_u64(3);
    let random: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
    let bases: Vec<Affine<C>> =
        BatchMulPreprocessing::new(Projective::generator(), n).batch_mul(&random);
    let random: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
    // Scalars of a circuit over bits: one wire in ten is more than a bit.
    let bits: Vec<Fr> = (0..n)
        .map(|i| match i % 10 {
            0 => random[i],
            _ if i % 2 == 0 => Fr::zero(),
            _ => Fr::from(1u64),
        })
        .collect();
    let wanted = |label: &str| format!("{group} {label}").contains(only);

    let mut prepared = Vec::new();
    for path in Path::all() {
        for levels in LEVELS {
            let shape = TableShape::of_levels(levels);
            let label = |of| format!("{of}, {}, {} rows", path.name(), shape.levels());
            if !wanted(&label("random")) && !wanted(&label("bits")) {
                continue;
            }
            let start = processor_time();
            let bases = Bases::with_tables(path, &bases, shape);
            println!(
                "{group} {n} {}: {} rows, made in {:.0} ms",
                path.name(),
                shape.levels(),
                processor_time() - start
            );
            prepared.push((path, shape, bases));
        }
    }
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (of, scalars) in [("random", &random), ("bits", &bits)] {
        let want = Projective::<C>::msm(&bases, scalars).ok();
        let label = format!("{of}, scalars alone");
        if wanted(&label) {
            let run = || drop(std::hint::black_box(Scalars::new(scalars)));
            lines.push(Line {
                label,
                first: lines.len(),
                run: Box::new(run),
                times: Vec::new(),
            });
        }
        for (path, shape, bases) in &prepared {
            let label = format!("{of}, {}, {} rows", path.name(), shape.levels());
            if !wanted(&label) {
                continue;
            }
            let first = if *shape == TableShape::NONE {
                lines.len()
            } else {
                lines.last().map_or(0, |line| line.first)
            };
            lines.push(Line {
                label,
                first,
                run: Box::new(move || assert_eq!(bases.msm(scalars).ok(), want)),
                times: Vec::new(),
            });
        }
    }
    for _ in 0..rounds {
        for line in &mut lines {
            let start = processor_time();
            (line.run)();
            line.times.push(processor_time() - start);
        }
    }
    let medians: Vec<f64> = lines
        .iter_mut()
        .map(|line| {
            line.times.sort_by(f64::total_cmp);
            line.times[rounds / 2]
        })
        .collect();
    for (line, median) in lines.iter().zip(&medians) {
        let ratio = median / medians[line.first];
        println!("{group} {n} {}: {median:.1} ms, {ratio:.3}", line.label);
    }
}
