//! Multi-scalar multiplication against arkworks, on every path, for the inputs where batched affine
//! formulas go wrong.

use ark_bn254::{Fr, g1, g2};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{UniformRand, Zero};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use merits_bn254_simd::{Bases, Group, LengthMismatch, Path};
use proptest::prelude::*;

fn points<C: Group>(n: usize, rng: &mut StdRng) -> Vec<Affine<C>> {
    let scalars: Vec<Fr> = (0..n).map(|_| Fr::rand(rng)).collect();
    BatchMulPreprocessing::new(Projective::<C>::generator(), n.max(1)).batch_mul(&scalars)
}

fn check<C: Group>(what: &str, bases: &[Affine<C>], scalars: &[Fr]) {
    let want = Projective::<C>::msm(bases, scalars).unwrap();
    for path in Path::all() {
        let got = Bases::new(path, bases).msm(scalars).unwrap();
        assert_eq!(got, want, "{what}, {} bases, {}", bases.len(), path.name());
    }
}

/// Every combination of special bases with special scalars, at one length.
fn special_inputs<C: Group>(n: usize, rng: &mut StdRng) {
    let random = points::<C>(n, rng);
    let scalars: Vec<Fr> = (0..n).map(|_| Fr::rand(rng)).collect();
    let one = random.first().copied().unwrap_or_else(Affine::generator);
    let base_sets: Vec<(&str, Vec<Affine<C>>)> = vec![
        ("random bases", random.clone()),
        ("one base", vec![one; n]),
        ("identities", vec![Affine::identity(); n]),
        (
            "a base and its opposite",
            (0..n)
                .map(|i| if i % 2 == 0 { one } else { -one })
                .collect(),
        ),
        (
            "some identities",
            (0..n)
                .map(|i| {
                    if i % 3 == 0 {
                        Affine::identity()
                    } else {
                        random[i]
                    }
                })
                .collect(),
        ),
        ("few bases", (0..n).map(|i| random[i * i % 7 % n]).collect()),
        (
            "few bases, signs and identities",
            (0..n)
                .map(|i| match rng.gen_range(0..4) {
                    0 => Affine::identity(),
                    1 => -random[i % 3 % n],
                    _ => random[i % 3 % n],
                })
                .collect(),
        ),
    ];
    let scalar_sets: Vec<(&str, Vec<Fr>)> = vec![
        ("random scalars", scalars.clone()),
        ("zeros", vec![Fr::zero(); n]),
        ("ones", vec![Fr::from(1u64); n]),
        ("minus ones", vec![-Fr::from(1u64); n]),
        (
            "one scalar",
            vec![scalars.first().copied().unwrap_or_default(); n],
        ),
        (
            "bits",
            (0..n).map(|_| Fr::from(rng.gen_range(0..2u64))).collect(),
        ),
        (
            "signs",
            (0..n)
                .map(|_| {
                    if rng.r#gen() {
                        Fr::from(1u64)
                    } else {
                        -Fr::from(1u64)
                    }
                })
                .collect(),
        ),
        (
            "bytes",
            (0..n).map(|_| Fr::from(rng.r#gen::<u8>())).collect(),
        ),
        (
            "mixed lengths",
            scalars
                .iter()
                .enumerate()
                .map(|(i, s)| match i % 5 {
                    0 => Fr::from((i % 2) as u64),
                    1 => Fr::from(rng.r#gen::<u64>()),
                    2 => -Fr::from(rng.r#gen::<u16>()),
                    3 => Fr::from(rng.r#gen::<u128>()),
                    _ => *s,
                })
                .collect(),
        ),
    ];
    for (bases_are, bases) in &base_sets {
        for (scalars_are, scalars) in &scalar_sets {
            check(&format!("{bases_are}, {scalars_are}"), bases, scalars);
        }
    }
}

#[test]
fn special_inputs_g1() {
    let mut rng = StdRng::seed_from_u64(21);
    for n in [0, 1, 2, 7, 8, 9, 63, 500, 3001] {
        special_inputs::<g1::Config>(n, &mut rng);
    }
}

#[test]
fn special_inputs_g2() {
    let mut rng = StdRng::seed_from_u64(22);
    for n in [0, 1, 2, 9, 65, 700] {
        special_inputs::<g2::Config>(n, &mut rng);
    }
}

#[test]
fn random_inputs_of_many_lengths() {
    let mut rng = StdRng::seed_from_u64(23);
    for log in [0, 3, 6, 10, 13, 16] {
        for n in [(1usize << log) - 1, 1 << log, (1 << log) + 3] {
            let scalars: Vec<Fr> = (0..n).map(|_| Fr::rand(&mut rng)).collect();
            check::<g1::Config>("random", &points(n, &mut rng), &scalars);
            if log <= 13 {
                check::<g2::Config>("random", &points(n, &mut rng), &scalars);
            }
        }
    }
}

/// A large input whose buckets are all exceptional: must be right, and must not take forever.
#[test]
fn one_base_and_one_scalar_many_times() {
    let n = 40_000;
    let scalar = Fr::from(0xdead_beef_u64);
    check::<g1::Config>(
        "one base, one scalar",
        &vec![Affine::generator(); n],
        &vec![scalar; n],
    );
}

#[test]
fn sums_that_cancel_leave_the_identity() {
    let mut rng = StdRng::seed_from_u64(24);
    let half = points::<g1::Config>(1000, &mut rng);
    let scalars: Vec<Fr> = half.iter().map(|_| Fr::rand(&mut rng)).collect();
    let bases: Vec<_> = half
        .iter()
        .copied()
        .chain(half.iter().map(|p| -*p))
        .collect();
    let scalars: Vec<Fr> = scalars.iter().chain(&scalars).copied().collect();
    for path in Path::all() {
        let sum = Bases::new(path, &bases).msm(&scalars).unwrap();
        assert!(sum.is_zero(), "{}", path.name());
    }
}

#[test]
fn lengths_must_agree() {
    let bases = Bases::<g1::Config>::new(Path::preferred(), &[Affine::generator(); 3]);
    let error = bases.msm(&[Fr::zero(); 2]).unwrap_err();
    assert_eq!(
        error,
        LengthMismatch {
            bases: 3,
            scalars: 2
        }
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Small groups of related points with related scalars: collisions everywhere.
    #[test]
    fn related_points_and_scalars(
        picks in proptest::collection::vec((0i8..=4, any::<bool>(), 0usize..12), 0..300),
    ) {
        let g = Projective::<g1::Config>::generator();
        let scalars = [
            Fr::from(0u64), Fr::from(1u64), -Fr::from(1u64), Fr::from(2u64), Fr::from(3u64),
            -Fr::from(2u64), Fr::from(1u64 << 13), Fr::from((1u64 << 13) - 1), Fr::from(1u64 << 12),
            -Fr::from(1u64 << 12), Fr::from(u64::MAX), Fr::from(u128::MAX),
        ];
        let bases: Vec<Affine<g1::Config>> = picks
            .iter()
            .map(|(k, negative, _)| {
                let p = g * Fr::from(*k as u64);
                if *negative { -p } else { p }.into_affine()
            })
            .collect();
        let scalars: Vec<Fr> = picks.iter().map(|(.., s)| scalars[*s]).collect();
        check("related", &bases, &scalars);
    }
}
