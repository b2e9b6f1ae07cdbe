//! The arithmetic of verification over `merits-bn254-simd`: eight proofs at a time if the processor
//! has AVX-512 IFMA.

use alloc::vec::Vec;

use ark_bn254::{Bn254, G1Affine, G1Projective, G2Affine, g1};
use ark_ec::{pairing::PairingOutput, short_weierstrass::Bucket};
use merits_bn254_simd::{Path, PreparedLines, SplitScalar, multiply_each};
use merits_primitives::Fr;

use super::{Proof, batch::Coefficient, plain};

/// A point of G2 that is paired more than once, with its lines.
pub(super) type Fixed = PreparedLines;

pub(super) fn fixed(point: G2Affine) -> Fixed {
    PreparedLines::new(point)
}

/// rᵢ·Aᵢ, and the form of Cᵢ that [`sum`] needs: rᵢ·Cᵢ with lanes, where a product costs less than
/// its share of a sum; Cᵢ itself without lanes.
pub(super) fn scale(proofs: &[(&Proof, Coefficient)]) -> Vec<(G1Affine, G1Affine)> {
    if !in_lanes() {
        return plain::scale(proofs);
    }
    let split = |coefficient: &Coefficient| SplitScalar {
        low: coefficient.low,
        high: coefficient.high,
    };
    let points = proofs.iter().flat_map(|(proof, coefficient)| {
        [(proof.a, split(coefficient)), (proof.c, split(coefficient))]
    });
    let points: Vec<_> = points.collect();
    multiply_each(Path::preferred(), &points)
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect()
}

/// Σ rᵢ·Cᵢ.
pub(super) fn sum(points: &[G1Affine], coefficients: &[Fr]) -> G1Projective {
    if !in_lanes() {
        return plain::sum(points, coefficients);
    }
    let mut sum = Bucket::<g1::Config>::ZERO;
    for point in points {
        sum += point;
    }
    sum.into()
}

/// Π e(P, Q) over pairs and fixed points; `None` only for points outside the right groups, which no
/// [`Proof`] and no checked key has.
pub(super) fn pairing_product(
    pairs: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &Fixed)],
) -> Option<PairingOutput<Bn254>> {
    merits_bn254_simd::pairing_product(Path::preferred(), pairs, fixed)
}

fn in_lanes() -> bool {
    Path::preferred().is_vectorized()
}
