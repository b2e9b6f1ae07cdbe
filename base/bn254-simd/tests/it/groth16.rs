//! Proofs against `ark-groth16` and `taceo-groth16`: with the same blinding they are the same points.

use crate::circom::{Case, Circuit};
use ark_bn254::{Bn254, Fr};
use ark_ff::{UniformRand, Zero};
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_std::rand::{SeedableRng, rngs::StdRng};
use merits_bn254_simd::{KeyError, KeyPoints, Matrix, Path, PreparedKey, ProveError, TableBudget};

#[test]
fn proofs_are_those_of_the_peers() {
    let mut rng = StdRng::seed_from_u64(31);
    // 0 to 300: with the two instance wires, domains of 2 to 512 points, on both sides of the
    // smallest that the lanes take; then some with several blocks of windows.
    for size in [0, 1, 2, 5, 6, 7, 61, 62, 63, 130, 300, 1022, 5000] {
        for circuit in [Circuit::Chain(size), Circuit::Bits(size)] {
            let case = Case::new(circuit);
            for (r, s) in [
                (Fr::rand(&mut rng), Fr::rand(&mut rng)),
                (Fr::zero(), Fr::rand(&mut rng)),
                (Fr::zero(), Fr::zero()),
            ] {
                let want = case.prove_taceo(r, s);
                assert_eq!(want, case.prove_ark(r, s), "the peers agree on {circuit:?}");
                for path in Path::all() {
                    let key = case.prepare(path);
                    let proof = key.prove(&case.assignment, r, s).unwrap();
                    let (again, _) = key.prove_in_phases(&case.assignment, r, s).unwrap();
                    assert_eq!(again, proof, "in phases, {circuit:?}, {}", path.name());
                    let got = (proof.a, proof.b, proof.c);
                    assert_eq!(
                        got,
                        (want.a, want.b, want.c),
                        "{circuit:?}, {}",
                        path.name()
                    );
                }
            }
        }
    }
}

#[test]
fn a_large_proof_verifies() {
    let case = Case::new(Circuit::Bits(30_000));
    let vk = prepare_verifying_key(&case.key.vk);
    let mut rng = StdRng::seed_from_u64(32);
    let (r, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
    for path in Path::all() {
        let key = case.prepare(path);
        let mut assignment = case.assignment.clone();
        for honest in [true, false] {
            let proof = key.prove(&assignment, r, s).unwrap();
            let proof = ark_groth16::Proof {
                a: proof.a,
                b: proof.b,
                c: proof.c,
            };
            let inputs = &assignment[1..case.instance];
            let verdict = Groth16::<Bn254>::verify_proof(&vk, &proof, inputs).unwrap();
            assert_eq!(verdict, honest, "{}", path.name());
            assignment[1234] += Fr::from(1u64);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let case = Case::new(Circuit::Chain(40));
    let path = Path::preferred();
    let key = case.prepare(path);
    let (r, s) = (Fr::from(3u64), Fr::from(4u64));
    let short = key.prove(&case.assignment[1..], r, s);
    assert!(matches!(short, Err(ProveError::WireCount(_))));
    let mut shifted = case.assignment.clone();
    shifted[0] = Fr::from(2u64);
    assert!(matches!(key.prove(&shifted, r, s), Err(ProveError::NoOne)));

    let points = case.points();
    let refuse = |points: KeyPoints<'_>, a, b| {
        PreparedKey::new(path, points, a, b, TableBudget::default()).unwrap_err()
    };
    let (a, b) = (|| case.matrix(0), || case.matrix(1));
    let b_g1 = points.b_g1[1..].into();
    let error = refuse(
        KeyPoints {
            b_g1,
            ..case.points()
        },
        a(),
        b(),
    );
    assert!(matches!(
        error,
        KeyError::QueryLength {
            query: "B in G1",
            ..
        }
    ));
    let b_g2 = points.b_g2[1..].into();
    let error = refuse(
        KeyPoints {
            b_g2,
            ..case.points()
        },
        a(),
        b(),
    );
    assert!(matches!(
        error,
        KeyError::QueryLength {
            query: "B in G2",
            ..
        }
    ));
    let h = points.h[2..].into();
    let error = refuse(KeyPoints { h, ..case.points() }, a(), b());
    assert!(matches!(error, KeyError::QueryLength { query: "H", .. }));
    let row = |wire| Matrix::from_rows([[(wire, Fr::from(1u64))]]);
    assert!(matches!(
        refuse(case.points(), a(), row(0)),
        KeyError::Rows { .. }
    ));
    let error = refuse(case.points(), row(1000), row(0));
    assert!(matches!(error, KeyError::NoSuchWire { wire: 1000, .. }));
    let l = vec![points.a[0]; points.a.len()].into();
    let error = refuse(KeyPoints { l, ..case.points() }, a(), b());
    assert!(matches!(error, KeyError::Size { .. }));
    let l = vec![points.a[0]; points.a.len() + 1].into();
    let error = refuse(KeyPoints { l, ..case.points() }, a(), b());
    assert!(matches!(error, KeyError::QueryLength { query: "L", .. }));
}
