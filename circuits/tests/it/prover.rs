//! Proofs under our keys hold for our verifier and for arkworks', and only for the proven statement.

use std::io::Cursor;

use ark_bn254::Bn254;
use ark_ff::Field;
use merits_bench_circuits::{sampler, sampler_inputs};
use merits_circuits::builder::Circuit;
use merits_circuits::prover::{CircomProver, ProveError, Prover};
use merits_params::groth16::{domain_generator, set_up};
use merits_params::zkey::Zkey;
use merits_primitives::Fr;
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Proof, Provenance, VerifyingKey};
use rand::{SeedableRng, rngs::StdRng};

fn zkey(circuit: &Circuit) -> Zkey {
    let key = set_up(&circuit.r1cs, &mut StdRng::seed_from_u64(1)).unwrap();
    Zkey::new(key, &circuit.r1cs)
}

fn prepared(key: &VerifyingKey) -> PreparedKey {
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    PreparedKey::new(key.clone(), Provenance::InsecureDev, policy).unwrap()
}

#[test]
fn a_proof_holds_for_its_inputs_only() {
    let circuit = sampler();
    let assignment = circuit.program.run(&sampler_inputs(1234, 77)).unwrap();
    circuit.check(&assignment).unwrap();
    let prover = CircomProver::new(zkey(&circuit));
    let mut rng = StdRng::seed_from_u64(2);
    let proof = prover.prove(&assignment, &mut rng).unwrap();
    let key = prepared(prover.verifying_key());
    let public = &assignment[1..4];
    groth16::verify(&key, &proof, public).unwrap();
    for i in 0..public.len() {
        let mut other = public.to_vec();
        other[i] += Fr::ONE;
        assert!(groth16::verify(&key, &proof, &other).is_err());
    }
    // Blinded again each time.
    assert_ne!(prover.prove(&assignment, &mut rng).unwrap(), proof);
}

#[test]
fn arkworks_accepts_our_proofs() {
    let circuit = sampler();
    let assignment = circuit.program.run(&sampler_inputs(5, 3)).unwrap();
    let zkey = zkey(&circuit);
    let vk = zkey.key.vk.clone();
    let proof = CircomProver::new(zkey)
        .prove(&assignment, &mut StdRng::seed_from_u64(3))
        .unwrap();
    let (a, b, c) = proof.points();
    let ark_vk = ark_groth16::VerifyingKey::<Bn254> {
        alpha_g1: vk.alpha,
        beta_g2: vk.beta,
        gamma_g2: vk.gamma,
        delta_g2: vk.delta,
        gamma_abc_g1: vk.ic,
    };
    let prepared = ark_groth16::prepare_verifying_key(&ark_vk);
    let verify = |inputs: &[Fr]| {
        let proof = ark_groth16::Proof { a, b, c };
        ark_groth16::Groth16::<Bn254>::verify_proof(&prepared, &proof, inputs).unwrap()
    };
    assert!(verify(&assignment[1..4]));
    assert!(!verify(&assignment[2..5]));
}

#[test]
fn an_independent_reader_of_our_key_proves_for_our_verifier() {
    let circuit = sampler();
    let assignment = circuit.program.run(&sampler_inputs(99, 98)).unwrap();
    let zkey = zkey(&circuit);
    let mut bytes = Vec::new();
    zkey.write(&mut bytes).unwrap();
    let theirs = taceo_circom_types::groth16::Zkey::<Bn254>::from_reader(
        Cursor::new(bytes),
        taceo_circom_types::CheckElement::Yes,
    )
    .unwrap();
    let (matrices, key) = theirs.into();
    let proof = taceo_groth16::Groth16::<Bn254>::prove::<taceo_groth16::CircomReduction>(
        &key,
        Fr::from(11u64),
        Fr::from(12u64),
        &matrices,
        &assignment,
    )
    .unwrap();
    let proof = Proof::new(proof.a, proof.b, proof.c).unwrap();
    groth16::verify(&prepared(&zkey.key.vk), &proof, &assignment[1..4]).unwrap();
}

#[test]
fn the_self_check_stops_every_witness_that_breaks_the_statement() {
    let circuit = sampler();
    let assignment = circuit.program.run(&sampler_inputs(6, 2)).unwrap();
    let zkey = zkey(&circuit);
    let key = prepared(&zkey.key.vk);
    let prover = CircomProver::new(zkey).with_self_check(key);
    let mut rng = StdRng::seed_from_u64(4);
    prover.prove(&assignment, &mut rng).unwrap();
    for wire in 1..assignment.len() {
        let mut wrong = assignment.clone();
        wrong[wire] += Fr::ONE;
        // The inverse hint of `is_zero` is the only wire that the constraints could leave free,
        // and here its argument is not zero.
        assert!(circuit.check(&wrong).is_err(), "wire {wire}");
        let refused = prover.prove(&wrong, &mut rng).unwrap_err();
        assert!(
            matches!(refused, ProveError::DoesNotVerify),
            "wire {wire}: {refused}"
        );
    }
}

#[test]
fn assignments_of_another_shape_are_refused() {
    let circuit = sampler();
    let assignment = circuit.program.run(&sampler_inputs(6, 2)).unwrap();
    let prover = CircomProver::new(zkey(&circuit));
    let mut rng = StdRng::seed_from_u64(4);
    let short = prover.prove(&assignment[1..], &mut rng).unwrap_err();
    assert!(matches!(short, ProveError::WireCount { .. }));
    let mut no_one = assignment;
    no_one[0] = Fr::from(2u64);
    let refused = prover.prove(&no_one, &mut rng).unwrap_err();
    assert!(matches!(refused, ProveError::NoOne));
}

#[test]
fn our_domain_is_snarkjs_domain() {
    for log2 in 0..28 {
        let (generator, shift) = taceo_groth16::groth16_roots_of_unity::<Fr>(log2 as usize);
        assert_eq!(generator, domain_generator(log2));
        assert_eq!(shift, domain_generator(log2 + 1));
    }
}
