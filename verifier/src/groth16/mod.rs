//! Groth16 over BN254 (Groth, EUROCRYPT 2016): keys, proofs, single and batch verification.
//!
//! A proof (A, B, C) for public inputs x holds when e(A, B) = e(α, β) · e(Σ xᵢ·icᵢ, γ) · e(C, δ).
//! This is written over `ark-ec`'s pairing alone, so that a verifier needs no constraint system.
//! With the feature `simd` the same arithmetic runs eight proofs at a time over
//! `merits-bn254-simd`.

mod batch;
mod input_sum;
mod key;
#[cfg(feature = "simd")]
mod lanes;
#[cfg(not(feature = "simd"))]
mod miller;
mod plain;
mod proof;
mod subgroup;

#[cfg(feature = "simd")]
use lanes as arithmetic;
#[cfg(not(feature = "simd"))]
use plain as arithmetic;

pub use batch::{BatchError, verify_batch};
pub use key::{KeyDigest, KeyError, KeyPolicy, PreparedKey, Provenance, VerifyingKey};
pub use proof::{PROOF_BYTES, Part, PointFault, Proof, ProofFormatError};

use ark_bn254::G1Affine;
use merits_primitives::Fr;
use thiserror::Error;

/// Why a well-formed proof is refused. The prover is to blame, or the party that claims that this
/// statement was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The key takes another number of public inputs.
    #[error("the key takes {expected} public inputs and {found} came: another circuit's key")]
    InputCount {
        /// Inputs the key takes.
        expected: usize,
        /// Inputs given.
        found: usize,
    },
    /// The pairing equation does not hold.
    #[error("the proof does not hold for these public inputs under this key")]
    Invalid,
}

/// Verifies one proof.
///
/// # Errors
/// [`ProofError`].
pub fn verify(key: &PreparedKey, proof: &Proof, inputs: &[Fr]) -> Result<(), ProofError> {
    check_input_count(key, inputs)?;
    let combined: G1Affine = key.input_sum(Fr::from(1u64), inputs).into();
    let fixed = [(-combined, &key.gamma), (-proof.c, &key.delta)];
    match arithmetic::pairing_product(&[(proof.a, proof.b)], &fixed) {
        Some(value) if value == key.alpha_beta => Ok(()),
        _ => Err(ProofError::Invalid),
    }
}

fn check_input_count(key: &PreparedKey, inputs: &[Fr]) -> Result<(), ProofError> {
    let expected = key.verifying_key().public_inputs();
    if inputs.len() == expected {
        Ok(())
    } else {
        Err(ProofError::InputCount {
            expected,
            found: inputs.len(),
        })
    }
}
