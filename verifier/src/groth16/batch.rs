//! Batch verification: one multi-Miller loop for many proofs under one key.
//!
//! With random 128-bit coefficients r, all equations hold (except with probability 2^-128) if Π
//! e(rᵢ·Aᵢ, Bᵢ) · e(−Σ rᵢ·IC(xᵢ), γ) · e(−Σ rᵢ·Cᵢ, δ) · e(−(Σ rᵢ)·α, β) = 1. Public inputs are
//! combined in the field first, so a batch needs only one sum over the key's input points.

use alloc::{string::ToString, vec, vec::Vec};

use ark_bn254::{G1Affine, G1Projective, G2Affine, g1};
use ark_ec::{CurveGroup, scalar_mul::glv::GLVConfig};
use ark_ff::{AdditiveGroup, Zero};
use merits_primitives::Fr;
use thiserror::Error;

use super::{PreparedKey, Proof, arithmetic, check_input_count};

/// Some proofs of a batch do not hold. The others do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{} of the batch's proofs do not hold: number {}, counted from 0",
    bad.len(), bad.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
)]
pub struct BatchError {
    /// Indexes of the proofs that do not hold, ascending.
    pub bad: Vec<usize>,
}

/// Verifies many proofs under one key. `rng` must be unpredictable to the provers (the operating
/// system's, or a generator seeded from it): anybody who knows the coefficients can forge.
///
/// # Errors
/// [`BatchError`] names every bad proof, found by bisection.
pub fn verify_batch<I: AsRef<[Fr]>>(
    key: &PreparedKey,
    items: &[(I, Proof)],
    rng: &mut impl rand_core::CryptoRng,
) -> Result<(), BatchError> {
    let (admitted, mut bad): (Vec<_>, Vec<_>) = (0..items.len())
        .partition(|index| check_input_count(key, items[*index].0.as_ref()).is_ok());
    let proofs: Vec<_> = admitted
        .iter()
        .map(|index| (&items[*index].1, Coefficient::random(rng)))
        .collect();
    let terms: Vec<_> = admitted
        .iter()
        .zip(&proofs)
        .zip(arithmetic::scale(&proofs))
        .map(|((index, (proof, coefficient)), (a, c))| Term {
            index: *index,
            inputs: items[*index].0.as_ref(),
            coefficient: coefficient.value(),
            a,
            b: proof.b,
            c,
        })
        .collect();
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
    /// The form of C that [`arithmetic::sum`] needs.
    c: G1Affine,
}

/// r = low + λ·high with two random 64-bit halves: 2^128 different values, and λ·P costs one
/// multiplication (the curve's endomorphism), so r·P takes 64 doublings instead of 128.
#[derive(Clone, Copy)]
pub(super) struct Coefficient {
    pub(super) low: u64,
    pub(super) high: u64,
}

impl Coefficient {
    /// Uniform except for zero, which would disable the check of its proof.
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

    pub(super) fn times(&self, point: &G1Affine) -> G1Projective {
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
    // If the whole fails and the left half is good, the right half fails.
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
    let c = arithmetic::sum(&points, &coefficients);
    let alpha = key.verifying_key().alpha * factor;
    let fixed = G1Projective::normalize_batch(&[-combined, -c, -alpha]);
    let pairs: Vec<_> = terms.iter().map(|term| (term.a, term.b)).collect();
    let lines = [&key.gamma, &key.delta, &key.beta];
    let fixed: Vec<_> = fixed.into_iter().zip(lines).collect();
    arithmetic::pairing_product(&pairs, &fixed).is_some_and(|value| value.is_zero())
}
