//! Times multi-scalar multiplication beside arkworks': `--example msm -- <log2 n> <rounds>`.
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
    let time = |label: &str, f: &dyn Fn() -> Option<Projective<C>>| {
        let mut times: Vec<f64> = (0..rounds)
            .map(|_| {
                let start = Instant::now();
                assert_eq!(f(), want);
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("{name} {n} {label}: {:.1} ms", times[rounds / 2]);
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
