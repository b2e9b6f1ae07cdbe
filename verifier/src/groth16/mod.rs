//! Groth16 over BN254 (Groth, EUROCRYPT 2016): keys, proofs, single and batch verification.
//!
//! A proof (A, B, C) for public inputs x holds when
//! e(A, B) = e(α, β) · e(Σ xᵢ·icᵢ, γ) · e(C, δ). Written here over `ark-ec`'s pairing alone, so
//! that whoever verifies does not carry a constraint system.

mod batch;
mod input_sum;
mod key;
mod miller;
mod proof;

pub use batch::{BatchError, verify_batch};
pub use key::{KeyDigest, KeyError, KeyPolicy, PreparedKey, Provenance, VerifyingKey};
pub use proof::{PROOF_BYTES, Part, PointFault, Proof, ProofFormatError};

use ark_bn254::{Bn254, G1Affine};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use merits_primitives::Fr;
use thiserror::Error;

/// Why a well-formed proof is refused. The prover is to blame, or whoever claims that the
/// statement is the one that was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The key is for another number of public inputs.
    #[error("the key takes {expected} public inputs and {found} came: another circuit's key")]
    InputCount {
        /// Inputs the key takes.
        expected: usize,
        /// Inputs that came.
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
    let g1 = [proof.a, -combined, -proof.c];
    let g2 = [proof.b.into(), key.gamma.clone(), key.delta.clone()];
    let product = miller::product(g1.into_iter().zip(g2));
    // A Miller loop over points of the right groups never gives zero.
    match Bn254::final_exponentiation(MillerLoopOutput(product)) {
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
