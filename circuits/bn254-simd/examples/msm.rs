//! Times multi-scalar multiplication beside arkworks': `--example msm -- <log2 n> <rounds>
//! [only lines with this word]`.
#![allow(clippy::print_stdout, missing_docs)]

use std::time::Instant;

use ark_bn254::{Fr, g1, g2};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{PrimeGroup, VariableBaseMSM};
use ark_ff::UniformRand;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use merits_bn254_simd::{Bases, Group, Path, Scalars};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let log: u32 = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(16);
    let rounds: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(5);
    compare::<g1::Config>("G1", 1 << log, rounds);
    compare::<g2::Config>("G2", 1 << log, rounds);
}

fn compare<C: Group>(name: &str, n: usize, rounds: usize) {
    let mut rng = StdRng::seed_from_u64(3);
    let random = |rng: &mut StdRng| (0..n).map(|_| Fr::rand(rng)).collect::<Vec<_>>();
    let bases: Vec<Affine<C>> =
        BatchMulPreprocessing::new(Projective::generator(), n).batch_mul(&random(&mut rng));
    let scalars = random(&mut rng);
    let want = Projective::<C>::msm(&bases, &scalars).ok();
    let only = std::env::args().nth(3).unwrap_or_default();
    let time = |label: &str, f: &dyn Fn() -> Option<Projective<C>>| {
        if !format!("{name} {label}").contains(&only) {
            return;
        }
        let mut times: Vec<(f64, f64)> = (0..rounds)
            .map(|_| {
                let (start, cpu) = (Instant::now(), processor_time());
                let result = f();
                let spent = (start.elapsed().as_secs_f64() * 1e3, processor_time() - cpu);
                assert_eq!(result, want);
                spent
            })
            .collect();
        times.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (wall, cpu) = times[rounds / 2];
        println!("{name} {n} {label}: {cpu:.1} ms of processor time ({wall:.1} ms passed)");
    };
    time("arkworks", &|| Projective::<C>::msm(&bases, &scalars).ok());
    time("scalars alone", &|| {
        std::hint::black_box(Scalars::new(&scalars));
        want
    });
    for path in Path::all() {
        let prepared = Bases::new(path, &bases);
        time(path.name(), &|| prepared.msm(&scalars).ok());
    }
}

/// Milliseconds that this process's threads have run: what a loaded machine does not change.
fn processor_time() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<f64>().ok())
        .sum::<f64>()
        / 1e6
}
