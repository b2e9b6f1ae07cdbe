//! Circuits, keys and peers to compare with: `ark-groth16` and `taceo-groth16` over circom's QAP.
#![allow(dead_code, missing_docs, unreachable_pub)]

use ark_bn254::{Bn254, Fr};
use ark_ff::UniformRand;
use ark_groth16::{Groth16, Proof, ProvingKey};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, LinearCombination,
    OptimizationGoal, R1CS_PREDICATE_LABEL, SynthesisError, Variable,
};
use ark_relations::lc;
use ark_relations::utils::matrix::Matrix as ArkMatrix;
use ark_snark::SNARK;
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use merits_bn254_simd::{CircomReduction, KeyPoints, Matrix, Path, PreparedKey, TableBudget};

/// A key with everything that each prover wants, and an assignment that satisfies the circuit.
pub struct Case {
    pub key: ProvingKey<Bn254>,
    pub matrices: Vec<ArkMatrix<Fr>>,
    pub taceo: taceo_groth16::ConstraintMatrices<Fr>,
    pub instance: usize,
    pub constraints: usize,
    pub assignment: Vec<Fr>,
}

/// What to build.
#[derive(Clone, Copy, Debug)]
pub enum Circuit {
    /// `x[i + 2] = x[i + 1] * x[i]`, all wires full-size.
    Chain(usize),
    /// Bits and their exclusive ors, as in a hash function. Sometimes 32 bits are packed into a word.
    /// Nearly all wires are 0 or 1.
    Bits(usize),
}

impl Circuit {
    /// `bits`, or else a chain, of this many constraints.
    pub fn named(name: Option<&str>, constraints: usize) -> Self {
        match name {
            Some("bits") => Self::Bits(constraints),
            _ => Self::Chain(constraints),
        }
    }
}

/// A number among an example's arguments.
pub fn number(arguments: &[String], at: usize, default: usize) -> usize {
    let number = arguments.get(at).and_then(|a| a.parse().ok());
    number.unwrap_or(default)
}

impl ConstraintSynthesizer<Fr> for Circuit {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let mut rng = StdRng::seed_from_u64(77);
        let public = cs.new_input_variable(|| Ok(Fr::from(5u64)))?;
        match self {
            Self::Chain(constraints) => {
                let value = Fr::rand(&mut rng);
                let mut last = (public, Fr::from(5u64));
                let mut next = (cs.new_witness_variable(|| Ok(value))?, value);
                for _ in 0..constraints {
                    let value = last.1 * next.1;
                    let product = cs.new_witness_variable(|| Ok(value))?;
                    cs.enforce_r1cs_constraint(
                        || lc!() + last.0,
                        || lc!() + next.0,
                        || lc!() + product,
                    )?;
                    (last, next) = (next, (product, value));
                }
            }
            Self::Bits(constraints) => {
                let one = Variable::One;
                let mut bits: Vec<(Variable, bool)> = Vec::new();
                let bit = |value: bool| cs.new_witness_variable(|| Ok(Fr::from(value)));
                for i in 0..constraints {
                    if bits.len() < 64 {
                        let value = rng.r#gen();
                        let wire = bit(value)?;
                        cs.enforce_r1cs_constraint(
                            || lc!() + wire,
                            || lc!() + one - wire,
                            || lc!(),
                        )?;
                        bits.push((wire, value));
                        continue;
                    }
                    if i % 33 == 0 {
                        // A word of the last 32 bits, times the public input.
                        let mut word = LinearCombination::zero();
                        let mut value = 0u64;
                        for (j, (wire, bit)) in bits.iter().rev().take(32).enumerate() {
                            word += (Fr::from(1u64 << j), *wire);
                            value |= u64::from(*bit) << j;
                        }
                        let product = cs.new_witness_variable(|| Ok(Fr::from(value * 5)))?;
                        cs.enforce_r1cs_constraint(
                            || word.clone(),
                            || lc!() + public,
                            || lc!() + product,
                        )?;
                        continue;
                    }
                    let (a, b) = (
                        bits[rng.gen_range(0..bits.len())],
                        bits[bits.len() - 1 - i % 7],
                    );
                    let value = a.1 ^ b.1;
                    let wire = bit(value)?;
                    // 2ab = a + b - c
                    cs.enforce_r1cs_constraint(
                        || lc!() + (Fr::from(2u64), a.0),
                        || lc!() + b.0,
                        || lc!() + a.0 + b.0 - wire,
                    )?;
                    bits.push((wire, value));
                }
            }
        }
        Ok(())
    }
}

impl Case {
    pub fn new(circuit: Circuit) -> Self {
        let mut rng = StdRng::seed_from_u64(78);
        let (key, _) =
            Groth16::<Bn254, CircomReduction>::circuit_specific_setup(circuit, &mut rng).unwrap();
        let cs = ConstraintSystem::new_ref();
        cs.set_optimization_goal(OptimizationGoal::Constraints);
        circuit.generate_constraints(cs.clone()).unwrap();
        assert!(cs.is_satisfied().unwrap());
        cs.finalize();
        let matrices = cs.to_matrices().unwrap()[R1CS_PREDICATE_LABEL].clone();
        let system = cs.borrow().unwrap();
        let assignment = [
            system.instance_assignment().unwrap(),
            system.witness_assignment().unwrap(),
        ]
        .concat();
        let non_zero = |i: usize| matrices[i].iter().map(Vec::len).sum();
        let taceo = taceo_groth16::ConstraintMatrices {
            num_instance_variables: cs.num_instance_variables(),
            num_witness_variables: cs.num_witness_variables(),
            num_constraints: cs.num_constraints(),
            a_num_non_zero: non_zero(0),
            b_num_non_zero: non_zero(1),
            c_num_non_zero: non_zero(2),
            a: matrices[0].clone(),
            b: matrices[1].clone(),
            c: matrices[2].clone(),
        };
        Self {
            key,
            instance: cs.num_instance_variables(),
            constraints: cs.num_constraints(),
            matrices,
            taceo,
            assignment,
        }
    }

    pub fn points(&self) -> KeyPoints<'_> {
        KeyPoints {
            alpha_g1: self.key.vk.alpha_g1,
            beta_g1: self.key.beta_g1,
            beta_g2: self.key.vk.beta_g2,
            delta_g1: self.key.delta_g1,
            delta_g2: self.key.vk.delta_g2,
            a: (&self.key.a_query).into(),
            b_g1: (&self.key.b_g1_query).into(),
            b_g2: (&self.key.b_g2_query).into(),
            l: (&self.key.l_query).into(),
            h: (&self.key.h_query).into(),
        }
    }

    pub fn matrix(&self, i: usize) -> Matrix {
        let term = |(value, wire): &(Fr, usize)| (*wire as u32, *value);
        Matrix::from_rows(self.matrices[i].iter().map(|row| row.iter().map(term)))
    }

    pub fn prepare(&self, path: Path) -> PreparedKey {
        let (a, b) = (self.matrix(0), self.matrix(1));
        PreparedKey::new(path, self.points(), a, b, TableBudget::default()).unwrap()
    }

    pub fn prove_ark(&self, r: Fr, s: Fr) -> Proof<Bn254> {
        Groth16::<Bn254, CircomReduction>::create_proof_with_reduction_and_matrices(
            &self.key,
            r,
            s,
            &self.matrices,
            self.instance,
            self.constraints,
            &self.assignment,
        )
        .unwrap()
    }

    pub fn prove_taceo(&self, r: Fr, s: Fr) -> Proof<Bn254> {
        taceo_groth16::Groth16::<Bn254>::prove::<taceo_groth16::CircomReduction>(
            &self.key,
            r,
            s,
            &self.taceo,
            &self.assignment,
        )
        .unwrap()
    }
}
