//! Circuits, keys and peers to compare with: `ark-groth16` and `taceo-groth16` over circom's QAP.
#![allow(dead_code, missing_docs, unreachable_pub)]

use ark_bn254::{Bn254, Fr};
use ark_ff::{PrimeField, UniformRand};
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP, evaluate_constraint};
use ark_groth16::{Groth16, Proof, ProvingKey};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, LinearCombination,
    OptimizationGoal, R1CS_PREDICATE_LABEL, SynthesisError, Variable,
};
use ark_relations::lc;
use ark_relations::utils::matrix::Matrix as ArkMatrix;
use ark_snark::SNARK;
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use merits_bn254_simd::{KeyPoints, Matrix, Path, PreparedKey, TableBudget};
use rayon::prelude::*;

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
    /// Bits and their exclusive ors, 32 of them packed into a word now and then, as in a hash
    /// function: nearly all wires are 0 or 1.
    Bits(usize),
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
            a: &self.key.a_query,
            b_g1: &self.key.b_g1_query,
            b_g2: &self.key.b_g2_query,
            l: &self.key.l_query,
            h: &self.key.h_query,
        }
    }

    pub fn matrix(&self, i: usize) -> Matrix {
        let term = |(value, wire): &(Fr, usize)| (*wire as u32, *value);
        Matrix::from_rows(self.matrices[i].iter().map(|row| row.iter().map(term)))
    }

    pub fn prepare(&self, path: Path) -> PreparedKey {
        let (a, b) = (self.matrix(0), self.matrix(1));
        PreparedKey::new(path, &self.points(), a, b, TableBudget::default()).unwrap()
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

/// Circom's reduction for `ark-groth16`, after `ark-circom` 0.5 (`circom/qap.rs`, MIT/Apache-2.0).
pub struct CircomReduction;

impl R1CSToQAP for CircomReduction {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        cs: ConstraintSystemRef<F>,
        t: &F,
    ) -> Result<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize), SynthesisError> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(cs, t)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[ArkMatrix<F>],
        num_inputs: usize,
        num_constraints: usize,
        full_assignment: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        let too_large = SynthesisError::PolynomialDegreeTooLarge;
        let domain = D::new(num_constraints + num_inputs).ok_or(too_large)?;
        let mut a = vec![F::zero(); domain.size()];
        let mut b = vec![F::zero(); domain.size()];
        a[..num_constraints]
            .par_iter_mut()
            .zip(b[..num_constraints].par_iter_mut())
            .zip(matrices[0].par_iter().zip(matrices[1].par_iter()))
            .for_each(|((a, b), (row_a, row_b))| {
                *a = evaluate_constraint(row_a, full_assignment);
                *b = evaluate_constraint(row_b, full_assignment);
            });
        a[num_constraints..num_constraints + num_inputs]
            .clone_from_slice(&full_assignment[..num_inputs]);
        let mut c: Vec<F> = a.par_iter().zip(&b).map(|(a, b)| *a * b).collect();
        let root = D::new(2 * domain.size()).ok_or(too_large)?.element(1);
        for values in [&mut a, &mut b, &mut c] {
            domain.ifft_in_place(values);
            D::distribute_powers_and_mul_by_const(values, root, F::one());
            domain.fft_in_place(values);
        }
        let mut ab = domain.mul_polynomials_in_evaluation_domain(&a, &b);
        ab.par_iter_mut().zip(c).for_each(|(ab, c)| *ab -= &c);
        Ok(ab)
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        max_power: usize,
        t: F,
        _: F,
        delta_inverse: F,
    ) -> Result<Vec<F>, SynthesisError> {
        let power = |i: usize| delta_inverse * t.pow([i as u64]);
        let mut scalars: Vec<F> = (0..2 * max_power + 1).into_par_iter().map(power).collect();
        let domain = D::new(scalars.len()).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        domain.ifft_in_place(&mut scalars);
        Ok(scalars.into_par_iter().skip(1).step_by(2).collect())
    }
}
