//! Keys, proofs and batches, with proofs made from a trapdoor.

use ark_bn254::{Bn254, Fq, Fq2, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, pairing::Pairing, short_weierstrass::SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use merits_primitives::{Fr, field};
use merits_trapdoor::{TrapdoorKey, rerandomise};
use merits_verifier::codec::{Canonical, CodecError};
use merits_verifier::groth16::{
    BatchError, KeyError, KeyPolicy, Part, PointFault, PreparedKey, Proof, ProofError,
    ProofFormatError, Provenance, VerifyingKey, verify, verify_batch,
};
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

const ALLOW: KeyPolicy = KeyPolicy {
    allow_dev_keys: true,
};

fn setup(inputs: usize) -> (TrapdoorKey, PreparedKey, StdRng) {
    let mut rng = StdRng::seed_from_u64(11);
    let trapdoor = TrapdoorKey::generate(inputs, &mut rng);
    let key =
        PreparedKey::new(trapdoor.key.clone(), Provenance::InsecureDev, ALLOW).expect("a good key");
    (trapdoor, key, rng)
}

fn proven(
    trapdoor: &TrapdoorKey,
    inputs: usize,
    count: usize,
    rng: &mut StdRng,
) -> Vec<(Vec<Fr>, Proof)> {
    (0..count)
        .map(|_| {
            let inputs: Vec<Fr> = (0..inputs).map(|_| field::random(rng)).collect();
            let proof = trapdoor.prove(&inputs, rng).expect("a proof");
            (inputs, proof)
        })
        .collect()
}

#[test]
fn a_proof_holds_for_its_inputs_only() {
    let (trapdoor, key, mut rng) = setup(5);
    let (inputs, proof) = proven(&trapdoor, 5, 1, &mut rng).remove(0);
    assert_eq!(verify(&key, &proof, &inputs), Ok(()));
    for position in 0..5 {
        let mut other = inputs.clone();
        other[position] += Fr::from(1u64);
        assert_eq!(
            verify(&key, &proof, &other),
            Err(ProofError::Invalid),
            "input {position}"
        );
    }
    assert_eq!(
        verify(&key, &proof, &inputs[..4]),
        Err(ProofError::InputCount {
            expected: 5,
            found: 4
        })
    );
}

#[test]
fn zero_inputs_and_zero_values_verify() {
    for inputs in [0, 3] {
        let (trapdoor, key, mut rng) = setup(inputs);
        let zeros = vec![Fr::ZERO; inputs];
        let proof = trapdoor.prove(&zeros, &mut rng).expect("a proof");
        assert_eq!(verify(&key, &proof, &zeros), Ok(()));
        assert_eq!(verify_batch(&key, &[(zeros, proof)], &mut rng), Ok(()));
    }
}

#[test]
fn a_batch_names_every_bad_proof_and_no_other() {
    let (trapdoor, key, mut rng) = setup(3);
    let good = proven(&trapdoor, 3, 21, &mut rng);
    assert_eq!(verify_batch(&key, &good, &mut rng), Ok(()));
    assert_eq!(verify_batch::<Vec<Fr>>(&key, &[], &mut rng), Ok(()));
    for bad in [
        vec![0],
        vec![20],
        vec![3, 4],
        vec![0, 9, 10, 20],
        (0..21).collect(),
    ] {
        let mut items = good.clone();
        for index in &bad {
            items[*index].0[index % 3] += Fr::from(1u64);
        }
        assert_eq!(
            verify_batch(&key, &items, &mut rng),
            Err(BatchError { bad })
        );
    }
}

#[test]
fn two_faults_that_cancel_without_coefficients_are_both_found() {
    let (trapdoor, key, mut rng) = setup(1);
    let mut items = proven(&trapdoor, 1, 2, &mut rng);
    // Σ of the two input sums stays: a batch without random coefficients would accept.
    items[0].0[0] += Fr::from(5u64);
    items[1].0[0] -= Fr::from(5u64);
    assert_eq!(
        verify_batch(&key, &items, &mut rng),
        Err(BatchError { bad: vec![0, 1] })
    );
}

#[test]
fn a_wrong_number_of_inputs_is_named_in_a_batch() {
    let (trapdoor, key, mut rng) = setup(2);
    let mut items = proven(&trapdoor, 2, 3, &mut rng);
    items[1].0.push(Fr::from(1u64));
    assert_eq!(
        verify_batch(&key, &items, &mut rng),
        Err(BatchError { bad: vec![1] })
    );
    // In order, for any fault of each.
    items[0].0[1] += Fr::from(1u64);
    assert_eq!(
        verify_batch(&key, &items, &mut rng),
        Err(BatchError { bad: vec![0, 1] })
    );
}

#[test]
fn a_rerandomised_proof_has_other_bytes_and_still_holds() {
    let (trapdoor, key, mut rng) = setup(2);
    let (inputs, proof) = proven(&trapdoor, 2, 1, &mut rng).remove(0);
    let other = rerandomise(&proof, Fr::from(77u64)).expect("a proof");
    assert_ne!(proof.to_bytes(), other.to_bytes());
    assert_eq!(verify(&key, &other, &inputs), Ok(()));
}

#[test]
fn forgeable_and_broken_keys_are_refused() {
    let (trapdoor, _, _) = setup(2);
    let good = trapdoor.key;
    let refuse = |change: &dyn Fn(&mut VerifyingKey)| {
        let mut key = good.clone();
        change(&mut key);
        PreparedKey::new(key, Provenance::Ceremony, KeyPolicy::default()).err()
    };
    let point = |part, fault| Some(KeyError::Point { part, fault });
    assert_eq!(refuse(&|_| {}), None);
    assert_eq!(
        refuse(&|key| key.delta = G2Affine::generator()),
        Some(KeyError::DeltaIsGenerator)
    );
    assert_eq!(
        refuse(&|key| key.delta = key.gamma),
        Some(KeyError::DeltaIsGamma)
    );
    type InG1 = fn(&mut VerifyingKey) -> &mut G1Affine;
    let of_g1: [(Part, InG1); 3] = [
        (Part::Alpha, |key| &mut key.alpha),
        (Part::Input(0), |key| &mut key.ic[0]),
        (Part::Input(2), |key| &mut key.ic[2]),
    ];
    for (part, at) in of_g1 {
        for (bad, why) in bad_in_g1() {
            assert_eq!(refuse(&|key| *at(key) = bad), point(part, why));
        }
    }
    type InG2 = fn(&mut VerifyingKey) -> &mut G2Affine;
    let of_g2: [(Part, InG2); 3] = [
        (Part::Beta, |key| &mut key.beta),
        (Part::Gamma, |key| &mut key.gamma),
        (Part::Delta, |key| &mut key.delta),
    ];
    for (part, at) in of_g2 {
        for (bad, why) in bad_in_g2() {
            assert_eq!(refuse(&|key| *at(key) = bad), point(part, why));
        }
    }
    let limit = VerifyingKey::MAX_INPUT_POINTS;
    for found in [0, limit + 1] {
        assert_eq!(
            refuse(&|key| key.ic.resize(found, G1Affine::generator())),
            Some(KeyError::InputPoints { found, limit })
        );
    }
}

/// Under each of these keys, a proof of any statement can be built from the key's own points,
/// without a trapdoor. The equation is computed here, so that the test shows the forgery and not
/// only the refusal.
#[test]
fn keys_under_which_anybody_writes_proofs_down_are_refused() {
    let (trapdoor, _, mut rng) = setup(2);
    let good = trapdoor.key;
    let inputs: Vec<Fr> = (0..2).map(|_| field::random(&mut rng)).collect();
    let sum = good.ic[0] + good.ic[1] * inputs[0] + good.ic[2] * inputs[1];
    let r: Fr = field::random(&mut rng);
    type Forge = Box<dyn Fn(&VerifyingKey) -> (G1Projective, G2Projective, G1Projective)>;
    let beta_as_gamma = |sign: Fr| -> Forge {
        // e(±α + Σ, γ + r·δ) = e(α, β)·e(Σ, γ)·e(r·(±α + Σ), δ)
        Box::new(move |key| {
            let a = key.alpha * sign + sum;
            (a, key.gamma + key.delta * r, a * r)
        })
    };
    let beta_as_delta = |sign: Fr| -> Forge {
        // e(Σ, γ) = e(α, β)·e(Σ, γ)·e(∓α, δ)
        Box::new(move |key| (sum, key.gamma.into(), -(key.alpha * sign)))
    };
    let delta_as_gamma = |sign: Fr| -> Forge {
        // e(α, β) = e(α, β)·e(Σ, γ)·e(∓Σ, δ)
        Box::new(move |key| (key.alpha.into(), key.beta.into(), -(sum * sign)))
    };
    let (plus, minus) = (Fr::from(1u64), -Fr::from(1u64));
    let cases: [(&str, VerifyingKey, Forge, KeyError); 6] = [
        (
            "β = γ",
            VerifyingKey {
                beta: good.gamma,
                ..good.clone()
            },
            beta_as_gamma(plus),
            KeyError::BetaIs { other: Part::Gamma },
        ),
        (
            "β = −γ",
            VerifyingKey {
                beta: -good.gamma,
                ..good.clone()
            },
            beta_as_gamma(minus),
            KeyError::BetaIs { other: Part::Gamma },
        ),
        (
            "β = δ",
            VerifyingKey {
                beta: good.delta,
                ..good.clone()
            },
            beta_as_delta(plus),
            KeyError::BetaIs { other: Part::Delta },
        ),
        (
            "β = −δ",
            VerifyingKey {
                beta: -good.delta,
                ..good.clone()
            },
            beta_as_delta(minus),
            KeyError::BetaIs { other: Part::Delta },
        ),
        (
            "δ = γ",
            VerifyingKey {
                delta: good.gamma,
                ..good.clone()
            },
            delta_as_gamma(plus),
            KeyError::DeltaIsGamma,
        ),
        (
            "δ = −γ",
            VerifyingKey {
                delta: -good.gamma,
                ..good.clone()
            },
            delta_as_gamma(minus),
            KeyError::DeltaIsGamma,
        ),
    ];
    for (what, key, forge, refusal) in cases {
        let (a, b, c) = forge(&key);
        assert_eq!(
            Bn254::pairing(a, b),
            Bn254::pairing(key.alpha, key.beta)
                + Bn254::pairing(sum, key.gamma)
                + Bn254::pairing(c, key.delta),
            "{what}: the forgery holds"
        );
        assert_eq!(key.check(), Err(refusal), "{what}");
    }
    // Here no point is forged, but a proof for (x, y) is one for (y, x) too.
    for (point, one, other) in [(good.ic[1], 1, 2), (-good.ic[1], 1, 2), (good.ic[0], 0, 2)] {
        let mut key = good.clone();
        key.ic[2] = point;
        assert_eq!(key.check(), Err(KeyError::InputsAlike { one, other }));
    }
    let minus_generator = VerifyingKey {
        delta: -G2Affine::generator(),
        ..good
    };
    assert_eq!(minus_generator.check(), Err(KeyError::DeltaIsGenerator));
}

#[test]
fn a_dev_key_is_refused_unless_allowed() {
    let (trapdoor, _, _) = setup(1);
    let prepare = |policy| {
        PreparedKey::new(trapdoor.key.clone(), Provenance::InsecureDev, policy).map(|_| ())
    };
    assert_eq!(prepare(KeyPolicy::default()), Err(KeyError::DevKey));
    assert_eq!(prepare(ALLOW), Ok(()));
}

#[test]
fn key_encoding_round_trips_and_its_digest_tells_keys_apart() {
    let (trapdoor, key, mut rng) = setup(4);
    let bytes = trapdoor.key.to_bytes();
    let again = VerifyingKey::from_bytes(&bytes).expect("canonical");
    assert_eq!(again, trapdoor.key);
    assert_eq!(again.digest(), key.digest());
    assert_ne!(
        TrapdoorKey::generate(4, &mut rng).key.digest(),
        key.digest()
    );
    assert!(VerifyingKey::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    // The number of input points is after one point of G1 and three of G2.
    let limit = VerifyingKey::MAX_INPUT_POINTS;
    let mut many = bytes;
    many[224..228].copy_from_slice(&(limit as u32 + 1).to_le_bytes());
    assert_eq!(
        VerifyingKey::from_bytes(&many),
        Err(CodecError::TooLong {
            what: "input points",
            found: limit + 1,
            limit
        })
    );
}

#[test]
fn bad_proof_bytes_are_named() {
    let (trapdoor, _, mut rng) = setup(1);
    let good = proven(&trapdoor, 1, 1, &mut rng).remove(0).1.to_bytes();
    let fault = |change: &dyn Fn(&mut [u8; 128])| {
        let mut bytes = good;
        change(&mut bytes);
        Proof::from_bytes(&bytes).err()
    };
    let point = |part, fault| Some(ProofFormatError::Point { part, fault });
    let modulus = {
        let mut bytes = [0u8; 32];
        bytes.copy_from_slice(&Fq::MODULUS.to_bytes_le());
        bytes
    };
    assert_eq!(
        Proof::from_bytes(&good[..127]),
        Err(ProofFormatError::Length { found: 127 })
    );
    assert_eq!(
        Proof::from_bytes(&[]),
        Err(ProofFormatError::Length { found: 0 })
    );
    assert_eq!(
        fault(&|bytes| bytes[..32].copy_from_slice(&modulus)),
        point(Part::A, PointFault::NotCanonical)
    );
    assert_eq!(
        fault(&|bytes| bytes[31] |= 0xc0),
        point(Part::A, PointFault::NotCanonical)
    );
    assert_eq!(
        fault(&|bytes| bytes[127] = bytes[127] & 0x3f | 0x40),
        point(Part::C, PointFault::Identity)
    );
    // x³ + 3 is a square for about half of all x.
    let off_curve = (0u8..40)
        .find(|x| G1Affine::get_ys_from_x_unchecked(Fq::from(*x)).is_none())
        .expect("some x has no point");
    assert_eq!(
        fault(&|bytes| {
            bytes[..32].fill(0);
            bytes[0] = off_curve;
        }),
        point(Part::A, PointFault::NotOnCurve)
    );
    let stray = outside_subgroup();
    assert_eq!(
        fault(&|bytes| {
            for (half, coordinate) in [(32, stray.x.c0), (64, stray.x.c1)] {
                bytes[half..half + 32].copy_from_slice(&coordinate.into_bigint().to_bytes_le());
            }
        }),
        point(Part::B, PointFault::OutsideSubgroup)
    );
}

/// Points that come from a prover's arithmetic, and not from bytes.
#[test]
fn points_that_no_proof_may_have_are_named() {
    let (trapdoor, _, mut rng) = setup(1);
    let (a, b, c) = proven(&trapdoor, 1, 1, &mut rng).remove(0).1.points();
    let fault = |a, b, c| Proof::new(a, b, c).err();
    let point = |part, fault| Some(ProofFormatError::Point { part, fault });
    assert_eq!(fault(a, b, c), None);
    for (bad, why) in bad_in_g1() {
        assert_eq!(fault(bad, b, c), point(Part::A, why));
        assert_eq!(fault(a, b, bad), point(Part::C, why));
    }
    for (bad, why) in bad_in_g2() {
        assert_eq!(fault(a, bad, c), point(Part::B, why));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every accepted value has one encoding: no flag, padding or number can be changed.
    #[test]
    fn accepted_bytes_encode_back(position in 0usize..128, bit in 0u8..8) {
        let (trapdoor, key, mut rng) = setup(1);
        let (inputs, proof) = proven(&trapdoor, 1, 1, &mut rng).remove(0);
        let mut bytes = proof.to_bytes();
        bytes[position] ^= 1 << bit;
        if let Ok(other) = Proof::from_bytes(&bytes) {
            prop_assert_eq!(other.to_bytes(), bytes);
            prop_assert_eq!(verify(&key, &other, &inputs), Err(ProofError::Invalid));
        }
    }
}

/// One point of G1 for each fault; the curve has prime order, so there are two.
fn bad_in_g1() -> [(G1Affine, PointFault); 2] {
    [
        (G1Affine::identity(), PointFault::Identity),
        (
            G1Affine::new_unchecked(Fq::ONE, Fq::ONE),
            PointFault::NotOnCurve,
        ),
    ]
}

/// One point of G2 for each fault.
fn bad_in_g2() -> [(G2Affine, PointFault); 3] {
    [
        (G2Affine::identity(), PointFault::Identity),
        (
            G2Affine::new_unchecked(Fq2::ONE, Fq2::ONE),
            PointFault::NotOnCurve,
        ),
        (outside_subgroup(), PointFault::OutsideSubgroup),
    ]
}

/// A point on the twist outside the subgroup of prime order.
fn outside_subgroup() -> G2Affine {
    (1u64..)
        .filter_map(|x| {
            let x = Fq2::new(Fq::from(x), Fq::ONE);
            let (y, _) = G2Affine::get_ys_from_x_unchecked(x)?;
            Some(G2Affine::new_unchecked(x, y))
        })
        .find(|point| !ark_bn254::g2::Config::is_in_correct_subgroup_assuming_on_curve(point))
        .expect("most points of the twist are outside")
}
