//! Keys with a known trapdoor, and proofs made from it: for tests and benchmarks of verification,
//! without a circuit or a prover.
//!
//! A dishonest one-party set-up could do exactly this, which is why keys marked `insecure-dev` are
//! refused by default. The crate can forge only under keys that it made. It is a separate crate
//! that no product depends on.

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use merits_primitives::{Fr, field};
use merits_verifier::groth16::{Proof, ProofFormatError, VerifyingKey};

/// A verifying key and its toxic waste.
#[derive(Debug, Clone)]
pub struct TrapdoorKey {
    /// The key.
    pub key: VerifyingKey,
    alpha_beta: Fr,
    gamma: Fr,
    delta_inverse: Fr,
    ic: Vec<Fr>,
}

impl TrapdoorKey {
    /// A key for this many public inputs.
    pub fn generate(public_inputs: usize, rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut sample = || {
            // Zero comes with a chance of 2^-253, and would only fail the key's check.
            field::random(rng)
        };
        let [alpha, beta, gamma, delta] = [sample(), sample(), sample(), sample()];
        let ic: Vec<Fr> = (0..=public_inputs).map(|_| sample()).collect();
        let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
        let key = VerifyingKey {
            alpha: (g1 * alpha).into_affine(),
            beta: (g2 * beta).into_affine(),
            gamma: (g2 * gamma).into_affine(),
            delta: (g2 * delta).into_affine(),
            ic: ic
                .iter()
                .map(|scalar| (g1 * scalar).into_affine())
                .collect(),
        };
        let delta_inverse = delta.inverse().unwrap_or_default();
        Self {
            key,
            alpha_beta: alpha * beta,
            gamma,
            delta_inverse,
            ic,
        }
    }

    /// A fresh proof for any public inputs, true or not.
    ///
    /// # Errors
    /// [`ProofFormatError`] when a sampled scalar gives the identity (a chance of 2^-252).
    pub fn prove(
        &self,
        inputs: &[Fr],
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Proof, ProofFormatError> {
        let (a, b): (Fr, Fr) = (field::random(rng), field::random(rng));
        let (constant, weights) = self.ic.split_first().unwrap_or((&self.gamma, &[]));
        let sum = weights
            .iter()
            .zip(inputs)
            .fold(*constant, |sum, (weight, input)| sum + *weight * input);
        let c = (a * b - self.alpha_beta - self.gamma * sum) * self.delta_inverse;
        let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
        Proof::new(
            (g1 * a).into_affine(),
            (g2 * b).into_affine(),
            (g1 * c).into_affine(),
        )
    }
}

/// Another proof of the same statement under the same key, made from a proof alone: Groth16 proofs
/// can be rerandomised by anyone, so the bytes of a proof do not identify anything.
///
/// # Errors
/// [`ProofFormatError`] when `factor` is zero.
pub fn rerandomise(proof: &Proof, factor: Fr) -> Result<Proof, ProofFormatError> {
    // (A/f, f·B, C): the product of A and B stays, and so does the equation.
    let (a, b, c) = proof.points();
    let inverse = factor.inverse().unwrap_or_default();
    Proof::new((a * inverse).into_affine(), (b * factor).into_affine(), c)
}
