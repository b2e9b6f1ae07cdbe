//! Multi-scalar multiplication against arkworks, on every path, for the inputs where batched affine
//! formulas go wrong.

use ark_bn254::{Fr, g1, g2};
use ark_ec::scalar_mul::BatchMulPreprocessing;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{Field, PrimeField, UniformRand, Zero};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use merits_bn254_simd::{Bases, Group, LengthMismatch, Path, Scalars, TableShape};
use proptest::prelude::*;

fn points<C: Group>(n: usize, rng: &mut StdRng) -> Vec<Affine<C>> {
    let scalars: Vec<Fr> = (0..n).map(|_| Fr::rand(rng)).collect();
    BatchMulPreprocessing::new(Projective::<C>::generator(), n.max(1)).batch_mul(&scalars)
}

/// The bases on every path, without tables and with some.
fn prepared<C: Group>(bases: &[Affine<C>], levels: &[u32]) -> Vec<(String, Bases<C>)> {
    let mut all = Vec::new();
    for path in Path::all() {
        for levels in levels {
            let what = format!("{} bases, {}, {levels} rows", bases.len(), path.name());
            let shape = TableShape::of_levels(*levels);
            all.push((what, Bases::with_tables(path, bases, shape)));
        }
    }
    all
}

fn check_prepared<C: Group>(
    what: &str,
    bases: &[Affine<C>],
    prepared: &[(String, Bases<C>)],
    scalars: &[Fr],
) {
    let want = Projective::<C>::msm(bases, scalars).unwrap();
    // Scalars made ready without regard to tables serve bases with tables too.
    let plain = Scalars::new(scalars);
    for (how, bases) in prepared {
        assert_eq!(bases.msm(scalars).unwrap(), want, "{what}, {how}");
        assert_eq!(bases.msm_prepared(&plain).unwrap(), want, "{what}, {how}");
    }
}

/// Rows to try: a table of many bases takes long to make.
fn few(bases: usize) -> &'static [u32] {
    if bases <= 10_000 { &[1, 4] } else { &[1] }
}

fn check<C: Group>(what: &str, bases: &[Affine<C>], scalars: &[Fr]) {
    check_prepared(what, bases, &prepared(bases, few(bases.len())), scalars);
}

/// Every combination of special bases with special scalars, at one length.
fn special_inputs<C: Group>(n: usize, levels: &[u32], rng: &mut StdRng) {
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
        let prepared = prepared(bases, levels);
        for (scalars_are, scalars) in &scalar_sets {
            let what = format!("{bases_are}, {scalars_are}");
            check_prepared(&what, bases, &prepared, scalars);
        }
    }
}

#[test]
fn special_inputs_g1() {
    let mut rng = StdRng::seed_from_u64(21);
    for n in [0, 1, 2, 7, 8, 9, 63, 500] {
        special_inputs::<g1::Config>(n, &[1, 2, 3, 7, 16, 32], &mut rng);
    }
    special_inputs::<g1::Config>(3001, &[1, 5], &mut rng);
}

#[test]
fn special_inputs_g2() {
    let mut rng = StdRng::seed_from_u64(22);
    for n in [0, 1, 2, 9, 65] {
        special_inputs::<g2::Config>(n, &[1, 2, 15], &mut rng);
    }
    special_inputs::<g2::Config>(700, &[1, 4], &mut rng);
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

/// Scalars whose digits borrow, at every bit where some window of some row may end.
#[test]
fn scalars_that_borrow_at_every_edge() {
    let mut rng = StdRng::seed_from_u64(26);
    let two = Fr::from(2u64);
    let mut scalars = Vec::new();
    for bit in 0..254u64 {
        let power = two.pow([bit]);
        let one = Fr::from(1u64);
        // 2^k - 1, 2^k, 2^k + 1, 2^(k+1) - 2^(k-1), all bits from k on, and their opposites.
        let ones_above = two.pow([253]) - power;
        for scalar in [
            power - one,
            power,
            power + one,
            power + power - power / two,
            ones_above,
        ] {
            scalars.extend([scalar, -scalar]);
        }
    }
    let bases = points::<g1::Config>(scalars.len(), &mut rng);
    let all: Vec<u32> = (1..=32).collect();
    check_prepared("borrows", &bases, &prepared(&bases, &all), &scalars);
    let bases = points::<g2::Config>(scalars.len(), &mut rng);
    check_prepared("borrows", &bases, &prepared(&bases, &[1, 6, 16]), &scalars);
    // One at a time, so that no error hides another.
    let one = [Affine::<g1::Config>::generator()];
    let one_prepared = prepared(&one, &[1, 2, 3, 4, 5, 8, 16, 17]);
    for scalar in scalars {
        check_prepared("one borrow", &one, &one_prepared, &[scalar]);
    }
}

/// Buckets of all points: they go through the sums of long lists.
fn equal_inputs<C: Group>(n: usize, rng: &mut StdRng) {
    let random = Fr::rand(rng);
    let one = points::<C>(1, rng)[0];
    let many = points::<C>(n, rng);
    let scalars = [
        random,
        -Fr::from(1u64),
        Fr::from(1u64),
        Fr::from(0xdead_beef_u64),
    ];
    let bases = [("one base", vec![one; n]), ("random bases", many)];
    for (bases_are, bases) in &bases {
        let prepared = prepared(bases, few(n));
        for scalar in scalars {
            let what = format!("{bases_are}, all scalars equal");
            check_prepared(&what, bases, &prepared, &vec![scalar; n]);
        }
    }
}

#[test]
fn all_scalars_equal_and_all_bases_equal() {
    let mut rng = StdRng::seed_from_u64(25);
    for n in [8192, 66_003] {
        equal_inputs::<g1::Config>(n, &mut rng);
    }
    equal_inputs::<g2::Config>(8200, &mut rng);
}

/// Around the sizes at which work is cut: eight lanes, parts of 2^12 scalars, groups of 2^15
/// references, segments of 2^18.
#[test]
fn lengths_around_block_sizes() {
    let mut rng = StdRng::seed_from_u64(27);
    let most = (1 << 15) + 9;
    let bases = points::<g1::Config>(most, &mut rng);
    let scalars: Vec<Fr> = (0..most).map(|_| Fr::rand(&mut rng)).collect();
    for size in [8, 64, 1 << 12, 1 << 13, 1 << 15] {
        for n in size - 1..=size + 1 {
            check("block sizes", &bases[..n], &scalars[..n]);
            // Ones, and twos in one bucket.
            check("ones", &bases[..n], &vec![Fr::from(1u64); n]);
            check("twos", &bases[..n], &vec![Fr::from(2u64); n]);
        }
    }
}

/// A point of G2's curve outside of the subgroup: a scalar is the integer nearest to 0.
#[test]
fn points_outside_of_the_subgroup_have_multiples_by_integers() {
    let mut rng = StdRng::seed_from_u64(28);
    let bases: Vec<Affine<g2::Config>> = core::iter::repeat_with(|| {
        let x = ark_bn254::Fq2::rand(&mut rng);
        Affine::<g2::Config>::get_point_from_x_unchecked(x, rng.r#gen())
    })
    .flatten()
    .filter(|point| !point.is_in_correct_subgroup_assuming_on_curve())
    .take(40)
    .collect();
    let scalars: Vec<Fr> = (0..40)
        .map(|i| match i % 4 {
            0 => -Fr::from(1u64),
            1 => Fr::from(rng.r#gen::<u64>()),
            _ => Fr::rand(&mut rng),
        })
        .collect();
    let half = Fr::MODULUS_MINUS_ONE_DIV_TWO;
    let want: Projective<g2::Config> = bases
        .iter()
        .zip(&scalars)
        .map(|(base, scalar)| {
            if scalar.into_bigint() > half {
                -base.mul_bigint((-*scalar).into_bigint())
            } else {
                base.mul_bigint(scalar.into_bigint())
            }
        })
        .sum();
    for (how, bases) in prepared(&bases, &[1, 2, 5, 16, 32]) {
        assert_eq!(bases.msm(&scalars).unwrap(), want, "{how}");
    }
}

/// 2^20 bases, among them identities, opposites and repeated ones, and their discrete logarithms.
/// Each of 2^19 bases is the sum of a point of one small set and a point of another.
fn a_million<C: Group>(rng: &mut StdRng) -> (Vec<Affine<C>>, Vec<Fr>) {
    let mut few = || -> (Vec<Fr>, Vec<Affine<C>>) {
        let logarithms: Vec<Fr> = (0..1 << 10).map(|_| Fr::rand(rng)).collect();
        let generator = Projective::<C>::generator();
        let table = BatchMulPreprocessing::new(generator, logarithms.len());
        let points = table.batch_mul(&logarithms);
        (logarithms, points)
    };
    let (k, left) = few();
    let (l, right) = few();
    let sum = |i: usize| Projective::from(left[i >> 10]) + right[i % (1 << 10)];
    let sums: Vec<_> = (0..1 << 19).map(sum).collect();
    let sums = Projective::normalize_batch(&sums);
    let of = |i: usize| (sums[i], k[i >> 10] + l[i % (1 << 10)]);
    let base = |i: usize| match i % 17 {
        0 => (Affine::identity(), Fr::zero()),
        1 => {
            let (point, logarithm) = of(i % 5);
            (-point, -logarithm)
        }
        _ => of(i / 2),
    };
    (0..1 << 20).map(base).unzip()
}

/// The largest length, with special scalars among random ones.
fn a_million_scalars(rng: &mut StdRng) -> Vec<Fr> {
    (0..1 << 20)
        .map(|i| match i % 23 {
            0 => Fr::zero(),
            1 => Fr::from(1u64),
            2 => -Fr::from(1u64),
            3 => Fr::from(2u64),
            4 => Fr::from(rng.r#gen::<u32>()),
            _ => Fr::rand(rng),
        })
        .collect()
}

/// The sums are compared with those from the logarithms, because arkworks takes many seconds for so
/// many bases.
fn check_a_million<C: Group>(paths: &[Path], rng: &mut StdRng) {
    let (bases, logarithms) = a_million::<C>(rng);
    let scalars = a_million_scalars(rng);
    let sum: Fr = logarithms.iter().zip(&scalars).map(|(k, s)| *k * s).sum();
    let one = scalars[5];
    let sum_of_one = logarithms.iter().sum::<Fr>() * one;
    let generator = Projective::<C>::generator();
    for path in paths {
        let bases = Bases::new(*path, &bases);
        let name = path.name();
        assert_eq!(bases.msm(&scalars).unwrap(), generator * sum, "{name}");
        let same = bases.msm(&vec![one; 1 << 20]).unwrap();
        assert_eq!(same, generator * sum_of_one, "one scalar, {name}");
    }
}

#[test]
fn a_million_bases_in_g1() {
    check_a_million::<g1::Config>(&Path::all(), &mut StdRng::seed_from_u64(29));
}

/// Runs on this machine's preferred path only: both would take twice the time. They differ only in
/// the kernels, which the other tests run on both paths.
#[test]
fn a_million_bases_in_g2() {
    let path = [Path::preferred()];
    check_a_million::<g2::Config>(&path, &mut StdRng::seed_from_u64(30));
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
