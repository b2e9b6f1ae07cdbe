//! Products of pairings, and many points times short coefficients: the expensive parts of verifying
//! Groth16 proofs in batches.

mod lines;
#[cfg(target_arch = "x86_64")]
mod miller;
mod multiply;
#[cfg(target_arch = "x86_64")]
mod tower;

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::{MillerLoopOutput, Pairing, PairingOutput};

pub use lines::PreparedLines;
pub use multiply::{SplitScalar, multiply_each};

use crate::path::{Kind, Path};

/// Fewest pairs that go through lanes. Below, most lanes would be empty, and the plain loop, which
/// shares one accumulator and needs no inversions, is quicker: one proof takes 2.5 ms there, 4.6 here.
const FEWEST: usize = 8;

/// `Π e(P, Q)` over all pairs and all fixed points, with one final exponentiation. Pairs with the
/// identity on either side count as one; so does an empty product.
///
/// The result is correct for points of the subgroups of prime order; the caller must have checked
/// that. For points outside, the result is unspecified. `None` is possible only then.
pub fn pairing_product(
    path: Path,
    pairs: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &PreparedLines)],
) -> Option<PairingOutput<Bn254>> {
    product_from(FEWEST, path, pairs, fixed)
}

/// The same, in lanes from `fewest` pairs on. Tests use it for vectors that are not full.
fn product_from(
    fewest: usize,
    path: Path,
    pairs: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &PreparedLines)],
) -> Option<PairingOutput<Bn254>> {
    let pairs: Vec<_> = pairs
        .iter()
        .filter(|(p, q)| !p.is_zero() && !q.is_zero())
        .copied()
        .collect();
    let fixed: Vec<_> = fixed
        .iter()
        .filter(|(p, lines)| !p.is_zero() && !lines.is_identity())
        .copied()
        .collect();
    let f = match path.0 {
        Kind::Scalar => None,
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(_) if pairs.len() < fewest => None,
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(isa) => miller::product(isa, &pairs, &fixed),
    };
    let f = f.unwrap_or_else(|| lines::product(&pairs, &fixed));
    Bn254::final_exponentiation(MillerLoopOutput(f))
}

#[cfg(test)]
mod tests;
