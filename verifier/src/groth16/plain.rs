//! The arithmetic of verification over `ark-ec` alone.

use alloc::{vec, vec::Vec};

#[cfg(not(feature = "simd"))]
use ark_bn254::{Bn254, G2Affine};
use ark_bn254::{G1Affine, G1Projective};
#[cfg(not(feature = "simd"))]
use ark_ec::pairing::{MillerLoopOutput, Pairing, PairingOutput};
use ark_ec::{CurveGroup, VariableBaseMSM};
use merits_primitives::Fr;

#[cfg(not(feature = "simd"))]
use super::miller;
use super::{Proof, batch::Coefficient};

/// Decodes proofs. Here it gives `None` for each, because all must be decoded one by one.
pub(super) fn decode(encoded: &[&[u8]]) -> Vec<Option<Proof>> {
    vec![None; encoded.len()]
}

/// A point of G2 that is paired more than once, with its lines.
#[cfg(not(feature = "simd"))]
pub(super) type Fixed = <Bn254 as Pairing>::G2Prepared;

#[cfg(not(feature = "simd"))]
pub(super) fn fixed(point: G2Affine) -> Fixed {
    point.into()
}

/// rᵢ·Aᵢ, and Cᵢ for [`sum`].
pub(super) fn scale(proofs: &[(&Proof, Coefficient)]) -> Vec<(G1Affine, G1Affine)> {
    let scaled: Vec<_> = proofs
        .iter()
        .map(|(proof, coefficient)| coefficient.times(&proof.a))
        .collect();
    G1Projective::normalize_batch(&scaled)
        .into_iter()
        .zip(proofs)
        .map(|(a, (proof, _))| (a, proof.c))
        .collect()
}

/// Σ rᵢ·Cᵢ.
pub(super) fn sum(points: &[G1Affine], coefficients: &[Fr]) -> G1Projective {
    G1Projective::msm_unchecked(points, coefficients)
}

/// Π e(P, Q) over pairs and fixed points. A Miller loop over points of the right groups never gives
/// zero, for which this would return `None`.
#[cfg(not(feature = "simd"))]
pub(super) fn pairing_product(
    pairs: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &Fixed)],
) -> Option<PairingOutput<Bn254>> {
    let variable = pairs.iter().map(|(p, q)| (*p, (*q).into()));
    let fixed = fixed.iter().map(|(p, q)| (*p, (*q).clone()));
    let product = miller::product(variable.chain(fixed));
    Bn254::final_exponentiation(MillerLoopOutput(product))
}
