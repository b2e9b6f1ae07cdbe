//! Circom's reduction for `ark-groth16`, which only has libsnark's. With it, `ark-groth16` can
//! prove under the keys that our prover takes. For comparisons only, behind the feature `peers`.

use ark_ff::PrimeField;
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP, evaluate_constraint};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use ark_relations::utils::matrix::Matrix;
use rayon::prelude::*;

/// The quotient's values on the odd half of the domain of twice the size, where H's points are,
/// instead of its coefficients. Matrix C is not needed, since `C = A * B` on the domain.
#[derive(Clone, Copy, Debug)]
pub struct CircomReduction;

impl R1CSToQAP for CircomReduction {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        system: ConstraintSystemRef<F>,
        tau: &F,
    ) -> Result<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize), SynthesisError> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(system, tau)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        instance: usize,
        constraints: usize,
        assignment: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        let no_domain = || SynthesisError::PolynomialDegreeTooLarge;
        let domain = D::new(constraints + instance).ok_or_else(no_domain)?;
        let double = D::new(2 * domain.size()).ok_or_else(no_domain)?;
        let product = |matrix: usize| {
            let rows = matrices.get(matrix).map(Vec::as_slice).unwrap_or_default();
            let mut values: Vec<F> = rows
                .par_iter()
                .map(|row| evaluate_constraint(row, assignment))
                .collect();
            values.resize(domain.size(), F::zero());
            values
        };
        let (mut a, mut b) = (product(0), product(1));
        a[constraints..constraints + instance].copy_from_slice(&assignment[..instance]);
        let mut c = a.clone();
        c.par_iter_mut().zip(&b).for_each(|(c, b)| *c *= b);
        // The generator of the double domain takes the domain to its odd half.
        let odd = double.group_gen();
        for values in [&mut a, &mut b, &mut c] {
            domain.ifft_in_place(values);
            D::distribute_powers(values, odd);
            domain.fft_in_place(values);
        }
        a.par_iter_mut()
            .zip(b.par_iter().zip(&c))
            .for_each(|(a, (b, c))| *a = *a * b - c);
        Ok(a)
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        max_power: usize,
        tau: F,
        _: F,
        delta_inverse: F,
    ) -> Result<Vec<F>, SynthesisError> {
        let double = D::new(2 * (max_power + 1)).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        // A*B - C vanishes on the even half, so its values on the odd half determine it.
        let lagrange = double.evaluate_all_lagrange_coefficients(tau);
        let odd = lagrange.into_iter().skip(1).step_by(2);
        Ok(odd.map(|value| value * delta_inverse).collect())
    }
}
