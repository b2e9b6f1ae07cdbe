//! Batch verification: one multi-Miller loop for many proofs under one key.
//!
//! With random 128-bit coefficients r, all equations hold (but for a chance of 2^-128) when
//! Π e(rᵢ·Aᵢ, Bᵢ) · e(−Σ rᵢ·IC(xᵢ), γ) · e(−Σ rᵢ·Cᵢ, δ) · e(−(Σ rᵢ)·α, β) = 1. Public inputs
//! are combined in the field first, so a batch pays for one sum over the key's input points.

use ark_bn254::{Bn254, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing};
use ark_ff::AdditiveGroup;
use merits_primitives::Fr;
use thiserror::Error;

use super::{PreparedKey, Proof, check_input_count};

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
    let mut terms = Vec::with_capacity(items.len());
    for (index, (inputs, proof)) in items.iter().enumerate() {
        let inputs = inputs.as_ref();
        if check_input_count(key, inputs).is_err() {
            bad.push(index);
        } else {
            terms.push(Term::new(index, inputs, proof, coefficient(rng)));
        }
    }
    bisect(key, &terms, false, &mut bad);
    bad.sort_unstable();
    if bad.is_empty() {
        Ok(())
    } else {
        Err(BatchError { bad })
    }
}

/// A proof and its inputs, multiplied by the coefficient where bisection wants it so.
struct Term<'a> {
    index: usize,
    inputs: &'a [Fr],
    coefficient: Fr,
    a: G1Affine,
    b: G2Affine,
    c: G1Affine,
}

impl<'a> Term<'a> {
    fn new(index: usize, inputs: &'a [Fr], proof: &Proof, coefficient: u128) -> Self {
        let limbs = [coefficient as u64, (coefficient >> 64) as u64];
        Self {
            index,
            inputs,
            coefficient: Fr::from(coefficient),
            a: proof.a.mul_bigint(limbs).into_affine(),
            b: proof.b,
            c: proof.c.mul_bigint(limbs).into_affine(),
        }
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
    let mut factor = Fr::ZERO;
    let mut c = G1Projective::ZERO;
    for term in terms {
        factor += term.coefficient;
        c += term.c;
        for (sum, input) in inputs.iter_mut().zip(term.inputs) {
            *sum += term.coefficient * input;
        }
    }
    let combined = key.input_sum(factor, &inputs);
    let alpha = key.verifying_key().alpha * factor;
    let fixed = G1Projective::normalize_batch(&[-combined, -c, -alpha]);
    let g1 = terms.iter().map(|term| term.a).chain(fixed);
    let g2 = terms
        .iter()
        .map(|term| <Bn254 as Pairing>::G2Prepared::from(term.b))
        .chain([
            key.gamma.clone(),
            key.delta.clone(),
            key.verifying_key().beta.into(),
        ]);
    let product = Bn254::multi_miller_loop(g1, g2);
    Bn254::final_exponentiation(product).is_some_and(|value| value.0 == ark_ff::One::one())
}

/// 128 random bits, not all zero: a zero would switch its proof off.
fn coefficient(rng: &mut impl rand_core::CryptoRng) -> u128 {
    loop {
        let mut bytes = [0u8; 16];
        rng.fill_bytes(&mut bytes);
        let coefficient = u128::from_le_bytes(bytes);
        if coefficient != 0 {
            return coefficient;
        }
    }
}
