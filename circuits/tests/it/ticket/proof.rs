//! A complete ticket: proven, verified, and refused for any other statement.

use ark_ff::Field;
use merits_circuits::prover::{CircomProver, Prover};
use merits_params::{groth16::set_up, zkey::Zkey};
use merits_primitives::Fr;
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance};

use crate::ticket::case::{self, Case, circuit, publics};

#[test]
fn a_proof_holds_for_its_statement_only() {
    let rng = &mut case::rng(1);
    let key = set_up(&circuit().r1cs, rng).expect("a key");
    let prover = CircomProver::new(Zkey::new(key, &circuit().r1cs));
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = prover.verifying_key().clone();
    let key = PreparedKey::new(key, Provenance::InsecureDev, policy).expect("a usable key");
    let case = Case::good();
    let proof = prover.prove(&case.assignment(), rng).expect("a proof");
    let stated = publics(&case.statement);
    groth16::verify(&key, &proof, &stated).expect("it holds");
    for at in 0..stated.len() {
        let mut other = stated.clone();
        other[at] += Fr::ONE;
        assert!(groth16::verify(&key, &proof, &other).is_err(), "input {at}");
    }
}
