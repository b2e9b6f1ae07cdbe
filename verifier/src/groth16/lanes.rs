//! The arithmetic of verification over `merits-bn254-simd`: eight proofs at a time if the processor
//! has AVX-512 IFMA.

use alloc::{vec, vec::Vec};

use ark_bn254::{Bn254, G1Affine, G1Projective, G2Affine, g1};
use ark_ec::{AffineRepr as _, pairing::PairingOutput, short_weierstrass::Bucket};
use merits_bn254_simd::{
    Path, PreparedLines, SplitScalar, are_in_g2, multiply_each, square_roots,
    square_roots_in_extension,
};
use merits_primitives::Fr;

use super::{
    Proof,
    batch::Coefficient,
    plain,
    proof::{Compressed, compressed},
};

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

/// Decodes proofs; `None` for a proof with a fault, and for all if there are too few for lanes.
pub(super) fn decode(encoded: &[&[u8]]) -> Vec<Option<Proof>> {
    if !in_lanes() || encoded.len() < FEWEST {
        return plain::decode(encoded);
    }
    encoded.chunks(AT_ONCE).flat_map(decode_in_lanes).collect()
}

/// Fewest proofs that go through lanes: a vector takes about as long as three by themselves.
const FEWEST: usize = 4;

/// Proofs whose roots fill the vectors that a processor works on at once.
const AT_ONCE: usize = 16;

fn decode_in_lanes(encoded: &[&[u8]]) -> Vec<Option<Proof>> {
    let path = Path::preferred();
    let mut proofs = vec![None; encoded.len()];
    let mut places = Vec::with_capacity(encoded.len());
    let (mut of_g1, mut of_g2) = (Vec::new(), Vec::with_capacity(encoded.len()));
    for (place, bytes) in encoded.iter().enumerate() {
        if let Some((a, b, c)) = compressed(bytes) {
            places.push(place);
            of_g1.extend([a, c]);
            of_g2.push(b);
        }
    }
    let squares: Vec<_> = of_g1.iter().map(Compressed::square).collect();
    let roots = square_roots(path, &squares);
    let ones = of_g1.iter().zip(roots);
    let ones: Vec<Option<G1Affine>> = ones
        .map(|(point, root)| Some(point.with_root(root?)))
        .collect();
    let squares: Vec<_> = of_g2.iter().map(Compressed::square).collect();
    let roots = square_roots_in_extension(path, &squares);
    let twos = of_g2.iter().zip(roots);
    // The identity stands for a missing point; no proof has the identity.
    let twos: Vec<G2Affine> = twos
        .map(|(point, root)| root.map_or(G2Affine::zero(), |root| point.with_root(root)))
        .collect();
    let inside = are_in_g2(path, &twos);
    let found = places.into_iter().zip(ones.chunks_exact(2));
    for ((place, ones), (b, inside)) in found.zip(twos.into_iter().zip(inside)) {
        if let ([Some(a), Some(c)], true, false) = (ones, inside, b.is_zero()) {
            let (a, c) = (*a, *c);
            proofs[place] = Some(Proof { a, b, c });
        }
    }
    proofs
}

fn in_lanes() -> bool {
    Path::preferred().is_vectorized()
}
