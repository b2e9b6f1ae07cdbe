//! The kernels against arkworks.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::pairing::{Pairing, PairingOutput};
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{UniformRand, Zero};
use ark_std::rand::{SeedableRng, rngs::StdRng};

use super::*;

type Pairs = Vec<(G1Affine, G2Affine)>;

fn random(rng: &mut StdRng) -> (G1Affine, G2Affine) {
    (G1Affine::rand(rng), G2Affine::rand(rng))
}

fn expected(pairs: &[(G1Affine, G2Affine)]) -> PairingOutput<Bn254> {
    Bn254::multi_pairing(pairs.iter().map(|(p, _)| *p), pairs.iter().map(|(_, q)| *q))
}

/// Compares with every split of `splits` into variable and fixed pairs.
fn check(pairs: &[(G1Affine, G2Affine)], splits: &[usize], what: &str) {
    let want = expected(pairs);
    for fixed in splits.iter().copied().filter(|n| *n <= pairs.len()) {
        let (variable, rest) = pairs.split_at(pairs.len() - fixed);
        let lines: Vec<_> = rest.iter().map(|(_, q)| PreparedLines::new(*q)).collect();
        let rest: Vec<_> = rest.iter().map(|(p, _)| *p).zip(&lines).collect();
        // Lanes are tested also with one pair, for which they would be slower.
        for (path, fewest) in Path::all().into_iter().flat_map(|p| [(p, 0), (p, FEWEST)]) {
            assert_eq!(
                product_from(fewest, path, variable, &rest),
                Some(want),
                "{what}, {fixed} fixed, {}, lanes from {fewest} pairs",
                path.name()
            );
        }
    }
}

#[test]
fn products_of_every_size_agree() {
    let mut rng = StdRng::seed_from_u64(1);
    for count in (0..20).chain([64]) {
        let pairs: Pairs = (0..count).map(|_| random(&mut rng)).collect();
        check(&pairs, &[0, 1, 3, 8, 9], &format!("{count} pairs"));
    }
}

#[test]
fn more_pairs_than_share_an_accumulator() {
    let mut rng = StdRng::seed_from_u64(2);
    let (p, q) = random(&mut rng);
    for count in [511usize, 512, 513, 1025] {
        let pairs: Pairs = (0..count)
            .map(|i| ((p * Fr::from(i as u64 + 1)).into_affine(), q))
            .collect();
        let sum = Fr::from((count * (count + 1) / 2) as u64);
        for path in Path::all() {
            assert_eq!(
                pairing_product(path, &pairs, &[]),
                Some(Bn254::pairing(p * sum, q))
            );
        }
    }
}

#[test]
fn identities_equal_and_opposite_points() {
    let mut rng = StdRng::seed_from_u64(3);
    let (o1, o2) = (G1Affine::identity(), G2Affine::identity());
    let (p, q) = random(&mut rng);
    let (g, h) = (G1Affine::generator(), G2Affine::generator());
    for count in [1usize, 7, 8, 9, 17] {
        check(&vec![(o1, q); count], &[0, 1], "no point in G1");
        check(&vec![(p, o2); count], &[0, 1], "no point in G2");
        check(&vec![(o1, o2); count], &[0, 1], "no points");
        check(&vec![(p, q); count], &[0, 1], "equal");
        check(&vec![(g, h); count], &[0, 1], "generators");
        let opposite: Pairs = (0..count)
            .map(|i| (if i % 2 == 0 { p } else { -p }, q))
            .collect();
        check(&opposite, &[0, 2], "P and -P");
        let opposite: Pairs = (0..count)
            .map(|i| (p, if i % 2 == 0 { q } else { -q }))
            .collect();
        check(&opposite, &[0, 2], "Q and -Q");
        // An identity in each lane of the vector.
        for lane in 0..count {
            let mut pairs: Pairs = (0..count).map(|_| random(&mut rng)).collect();
            pairs[lane].0 = o1;
            pairs[(lane + 3) % count].1 = o2;
            check(&pairs, &[0, 2], "an identity here and there");
        }
    }
}

#[test]
fn it_is_bilinear() {
    let mut rng = StdRng::seed_from_u64(4);
    let (p, q) = random(&mut rng);
    let (a, b) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
    let pairs = [
        ((p * a).into_affine(), (q * b).into_affine()),
        ((p * -(a * b)).into_affine(), q),
    ];
    for path in Path::all() {
        assert!(pairing_product(path, &pairs, &[]).is_some_and(|e| e.is_zero()));
        assert!(pairing_product(path, &pairs[..1], &[]).is_some_and(|e| !e.is_zero()));
    }
}

#[test]
fn products_with_short_coefficients_agree() {
    let mut rng = StdRng::seed_from_u64(5);
    let edges = [
        0u64,
        1,
        2,
        3,
        1 << 63,
        (1 << 63) + 1,
        u64::MAX,
        u64::MAX - 1,
        1 << 32,
        0x5555_5555_5555_5555,
    ];
    let mut pairs = Vec::new();
    let fixed = G1Affine::rand(&mut rng);
    for low in edges {
        for high in edges {
            let scalar = SplitScalar { low, high };
            pairs.push((fixed, scalar));
            pairs.push((G1Affine::rand(&mut rng), scalar));
            pairs.push((G1Affine::generator(), scalar));
        }
    }
    for _ in 0..100 {
        let scalar = SplitScalar {
            low: u64::rand(&mut rng),
            high: u64::rand(&mut rng),
        };
        pairs.push((-fixed, scalar));
        pairs.push((G1Affine::identity(), scalar));
        // Points with a coordinate in a power of the endomorphism: λP and λ^2P.
        pairs.push((
            (fixed * ark_bn254::g1::Config::LAMBDA).into_affine(),
            scalar,
        ));
    }
    let want: Vec<G1Affine> = pairs
        .iter()
        .map(|(p, k)| (*p * k.value()).into_affine())
        .collect();
    for path in Path::all() {
        assert_eq!(multiply_each(path, &pairs), want, "{}", path.name());
        for length in 0..20 {
            assert_eq!(multiply_each(path, &pairs[..length]), want[..length]);
            assert_eq!(
                multiply_each(path, &pairs[100..100 + length]),
                want[100..100 + length]
            );
        }
    }
}
