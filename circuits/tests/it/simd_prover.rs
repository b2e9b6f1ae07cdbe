//! The prover over our kernels, on every path: its proofs verify, and it refuses what it must.

use merits_bench_circuits::{sampler, sampler_inputs};
use merits_circuits::prover::{ProveError, Prover, SimdPath, SimdProver};
use merits_params::groth16::set_up;
use merits_params::zkey::Zkey;
use merits_primitives::Fr;
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance};
use rand::{SeedableRng, rngs::StdRng};

#[test]
fn proofs_verify_and_wrong_witnesses_are_stopped() {
    let circuit = sampler();
    let assignment = circuit.program.run(&sampler_inputs(1234, 77)).unwrap();
    let key = set_up(&circuit.r1cs, &mut StdRng::seed_from_u64(1)).unwrap();
    let zkey = Zkey::new(key, &circuit.r1cs);
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let prepared =
        || PreparedKey::new(zkey.key.vk.clone(), Provenance::InsecureDev, policy).unwrap();
    for path in SimdPath::all() {
        let prover = SimdProver::on_path(zkey.clone(), path).unwrap();
        let mut rng = StdRng::seed_from_u64(2);
        let proof = prover.prove(&assignment, &mut rng).unwrap();
        let inputs = &assignment[1..=prover.verifying_key().public_inputs()];
        groth16::verify(&prepared(), &proof, inputs).unwrap();
        assert_ne!(
            prover.prove(&assignment, &mut rng).unwrap(),
            proof,
            "blinded again"
        );

        let prover = prover.with_self_check(prepared());
        for wire in (1..assignment.len()).step_by(7) {
            let mut wrong = assignment.clone();
            wrong[wire] += Fr::from(1u64);
            let refused = prover.prove(&wrong, &mut rng).unwrap_err();
            assert!(matches!(refused, ProveError::DoesNotVerify), "wire {wire}");
        }
        let short = prover.prove(&assignment[1..], &mut rng).unwrap_err();
        assert!(matches!(short, ProveError::WireCount { .. }));
        let mut no_one = assignment.clone();
        no_one[0] = Fr::from(2u64);
        let refused = prover.prove(&no_one, &mut rng).unwrap_err();
        assert!(matches!(refused, ProveError::NoOne));
    }
}
