//! `ark-groth16`, for comparison: on a circom key with circom's reduction, and on a key of its own
//! with its own reduction, as other projects publish it. Neither rebuilds a constraint system.

use anyhow::Context as _;
use ark_bn254::Bn254;
use ark_groth16::{Groth16, ProvingKey, VerifyingKey, r1cs_to_qap::LibsnarkReduction};
use ark_relations::{
    gr1cs::{
        ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
    },
    utils::matrix::Matrix,
};
use ark_snark::SNARK as _;
use ark_std::rand::{SeedableRng as _, rngs::StdRng};
use merits_bn254_simd::CircomReduction;
use merits_circuits::builder::Circuit;
use merits_params::{r1cs::SparseMatrix, zkey::Zkey};
use merits_primitives::{Fr, field};
use merits_verifier::groth16::Proof;

/// `ark-groth16` on a circom key.
pub(super) struct SameKey {
    key: ProvingKey<Bn254>,
    matrices: Vec<Matrix<Fr>>,
    instance: usize,
    constraints: usize,
}

impl SameKey {
    /// Takes the points and matrices as they are.
    pub(super) fn new(zkey: Zkey) -> Self {
        let matrices = [&zkey.a, &zkey.b].map(matrix).to_vec();
        let (instance, constraints) = (zkey.n_public() + 1, zkey.a.rows());
        let key = zkey.key;
        Self {
            key: ProvingKey {
                vk: VerifyingKey {
                    alpha_g1: key.vk.alpha,
                    beta_g2: key.vk.beta,
                    gamma_g2: key.vk.gamma,
                    delta_g2: key.vk.delta,
                    gamma_abc_g1: key.vk.ic,
                },
                beta_g1: key.beta_g1,
                delta_g1: key.delta_g1,
                a_query: key.a,
                b_g1_query: key.b_g1,
                b_g2_query: key.b_g2,
                h_query: key.h,
                l_query: key.l,
            },
            matrices,
            instance,
            constraints,
        }
    }

    /// A proof, blinded like any other.
    pub(super) fn prove(
        &self,
        assignment: &[Fr],
        rng: &mut rand::rngs::StdRng,
    ) -> anyhow::Result<Proof> {
        let (r, s) = (field::random(rng), field::random(rng));
        let proof = Groth16::<Bn254, CircomReduction>::create_proof_with_reduction_and_matrices(
            &self.key,
            r,
            s,
            &self.matrices,
            self.instance,
            self.constraints,
            assignment,
        )?;
        Ok(Proof::new(proof.a, proof.b, proof.c)?)
    }
}

/// `ark-groth16` on a key of its own, for our constraints.
pub(super) struct OwnKey {
    key: ProvingKey<Bn254>,
    matrices: Vec<Matrix<Fr>>,
    instance: usize,
    constraints: usize,
}

impl OwnKey {
    /// Makes its key. `assignment` satisfies the circuit.
    pub(super) fn new(circuit: &Circuit, assignment: &[Fr]) -> anyhow::Result<Self> {
        let mut rng = StdRng::seed_from_u64(1);
        let synthesis = Synthesis {
            circuit,
            assignment,
        };
        let (key, _) = Groth16::<Bn254>::circuit_specific_setup(synthesis, &mut rng)?;
        let r1cs = &circuit.r1cs;
        Ok(Self {
            key,
            matrices: [&r1cs.a, &r1cs.b, &r1cs.c].map(matrix).to_vec(),
            instance: r1cs.n_public as usize + 1,
            constraints: r1cs.n_constraints(),
        })
    }

    /// A proof, blinded as any other.
    pub(super) fn prove(
        &self,
        assignment: &[Fr],
        rng: &mut rand::rngs::StdRng,
    ) -> anyhow::Result<ark_groth16::Proof<Bn254>> {
        let (r, s) = (field::random(rng), field::random(rng));
        Ok(
            Groth16::<Bn254, LibsnarkReduction>::create_proof_with_reduction_and_matrices(
                &self.key,
                r,
                s,
                &self.matrices,
                self.instance,
                self.constraints,
                assignment,
            )?,
        )
    }

    /// Checks the proof with its own verifier: a prover that makes wrong proofs must not count as
    /// fast.
    pub(super) fn verify(
        &self,
        proof: &ark_groth16::Proof<Bn254>,
        publics: &[Fr],
    ) -> anyhow::Result<()> {
        let good = Groth16::<Bn254>::verify(&self.key.vk, publics, proof)?;
        good.then_some(())
            .context("ark-groth16 refuses its own proof")
    }
}

/// Our constraints, in the form that arkworks' set-up takes.
#[derive(Clone, Copy)]
struct Synthesis<'a> {
    circuit: &'a Circuit,
    assignment: &'a [Fr],
}

impl ConstraintSynthesizer<Fr> for Synthesis<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let r1cs = &self.circuit.r1cs;
        let mut variables = vec![Variable::One];
        for (wire, value) in self.assignment.iter().enumerate().skip(1) {
            variables.push(if wire <= r1cs.n_public as usize {
                cs.new_input_variable(|| Ok(*value))?
            } else {
                cs.new_witness_variable(|| Ok(*value))?
            });
        }
        let sum = |row: &[(u32, Fr)]| {
            let terms = row
                .iter()
                .map(|(wire, value)| (*value, variables[*wire as usize]));
            LinearCombination(terms.collect())
        };
        for i in 0..r1cs.n_constraints() {
            let constraint = r1cs.constraint(i);
            cs.enforce_r1cs_constraint(
                || sum(constraint.a),
                || sum(constraint.b),
                || sum(constraint.c),
            )?;
        }
        Ok(())
    }
}

fn matrix(rows: &SparseMatrix) -> Matrix<Fr> {
    let row = |row: &[(u32, Fr)]| {
        row.iter()
            .map(|(wire, value)| (*value, *wire as usize))
            .collect()
    };
    rows.iter().map(row).collect()
}
