//! Batch verification: one multi-Miller loop for many proofs under one key.
//!
//! With random 128-bit coefficients r, all equations hold (but for a chance of 2^-128) when
//! Π e(rᵢ·Aᵢ, Bᵢ) · e(−Σ rᵢ·IC(xᵢ), γ) · e(−Σ rᵢ·Cᵢ, δ) · e(−(Σ rᵢ)·α, β) = 1. Public inputs
//! are combined in the field first, so a batch pays for one sum over the key's input points.

use ark_bn254::{Bn254, G1Affine, G1Projective, G2Affine, g1};
use ark_ec::{
    CurveGroup, VariableBaseMSM,
    pairing::{MillerLoopOutput, Pairing},
    scalar_mul::glv::GLVConfig,
};
use ark_ff::{AdditiveGroup, One};
use merits_primitives::Fr;
use thiserror::Error;

use super::{PreparedKey, Proof, check_input_count, miller};

/// Some proofs of a batch do not hold; the others do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} of the batch's proofs do not hold: {bad:?}", bad.len())]
pub struct BatchError {
    /// Indexes of the proofs that do not hold, ascending.
    pub bad: Vec<usize>,
}

/// Verifies many proofs under one key. `rng` must be unpredictable to the provers (the
/// operating system's, or a generator seeded from it): who knows the coefficients can forge.
///
/// # Errors
/// [`BatchError`] names every bad proof, found by bisection.
pub fn verify_batch<I: AsRef<[Fr]>>(
    key: &PreparedKey,
    items: &[(I, Proof)],
    rng: &mut impl rand_core::CryptoRng,
) -> Result<(), BatchError> {
    let mut bad = Vec::new();
    let mut scaled = Vec::with_capacity(items.len());
    let mut terms = Vec::with_capacity(items.len());
    for (index, (inputs, proof)) in items.iter().enumerate() {
        let inputs = inputs.as_ref();
        if check_input_count(key, inputs).is_err() {
            bad.push(index);
            continue;
        }
        let coefficient = Coefficient::random(rng);
        scaled.push(coefficient.times(&proof.a));
        terms.push(Term {
            index,
            inputs,
            coefficient: coefficient.value(),
            a: G1Affine::identity(),
            b: proof.b,
            c: proof.c,
        });
    }
    for (term, a) in terms.iter_mut().zip(G1Projective::normalize_batch(&scaled)) {
        term.a = a;
    }
    bisect(key, &terms, false, &mut bad);
    bad.sort_unstable();
    if bad.is_empty() {
        Ok(())
    } else {
        Err(BatchError { bad })
    }
}

/// A proof and its inputs under a coefficient r.
struct Term<'a> {
    index: usize,
    inputs: &'a [Fr],
    coefficient: Fr,
    /// r·A.
    a: G1Affine,
    b: G2Affine,
    c: G1Affine,
}

/// r = low + λ·high with two random 64-bit halves: 2^128 different values, and λ·P costs one
/// multiplication (the curve's endomorphism), so r·P takes 64 doublings instead of 128.
struct Coefficient {
    low: u64,
    high: u64,
}

impl Coefficient {
    /// Uniform, but for zero, which would switch its proof off.
    fn random(rng: &mut impl rand_core::CryptoRng) -> Self {
        loop {
            let (low, high) = (rng.next_u64(), rng.next_u64());
            if low != 0 || high != 0 {
                return Self { low, high };
            }
        }
    }

    fn value(&self) -> Fr {
        Fr::from(self.low) + g1::Config::LAMBDA * Fr::from(self.high)
    }

    fn times(&self, point: &G1Affine) -> G1Projective {
        let image = g1::Config::endomorphism_affine(point);
        // 1 + λ + λ² = 0, so P + λP = −λ²P: affine without an inversion.
        let both = -g1::Config::endomorphism_affine(&image);
        let mut sum = G1Projective::ZERO;
        for bit in (0..64).rev() {
            sum.double_in_place();
            match (self.low >> bit & 1, self.high >> bit & 1) {
                (1, 1) => sum += both,
                (1, _) => sum += point,
                (_, 1) => sum += image,
                _ => {}
            }
        }
        sum
    }
}

/// Adds the indexes of all bad terms. `known_bad` says that the whole is already known to fail.
fn bisect(key: &PreparedKey, terms: &[Term<'_>], known_bad: bool, bad: &mut Vec<usize>) {
    if terms.is_empty() || (!known_bad && holds(key, terms)) {
        return;
    }
    if let [term] = terms {
        bad.push(term.index);
        return;
    }
    let (left, right) = terms.split_at(terms.len() / 2);
    let before = bad.len();
    bisect(key, left, false, bad);
    // A failing whole with a good left half fails because of the right one.
    bisect(key, right, bad.len() == before, bad);
}

fn holds(key: &PreparedKey, terms: &[Term<'_>]) -> bool {
    let mut inputs = vec![Fr::ZERO; key.verifying_key().public_inputs()];
    for term in terms {
        for (sum, input) in inputs.iter_mut().zip(term.inputs) {
            *sum += term.coefficient * input;
        }
    }
    let coefficients: Vec<Fr> = terms.iter().map(|term| term.coefficient).collect();
    let points: Vec<G1Affine> = terms.iter().map(|term| term.c).collect();
    let factor = coefficients.iter().sum();
    let combined = key.input_sum(factor, &inputs);
    let c = G1Projective::msm_unchecked(&points, &coefficients);
    let alpha = key.verifying_key().alpha * factor;
    let fixed = G1Projective::normalize_batch(&[-combined, -c, -alpha]);
    let g1 = terms.iter().map(|term| term.a).chain(fixed);
    let g2 = terms
        .iter()
        .map(|term| <Bn254 as Pairing>::G2Prepared::from(term.b))
        .chain([key.gamma.clone(), key.delta.clone(), key.beta.clone()]);
    let product = miller::product(g1.zip(g2));
    Bn254::final_exponentiation(MillerLoopOutput(product)).is_some_and(|value| value.0.is_one())
}
