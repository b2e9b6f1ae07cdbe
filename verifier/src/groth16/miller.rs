//! The Miller loops of many pairs as one, which squares its accumulator once for all of them
//! (`ark-ec`'s own does so for four at a time).

use alloc::vec::Vec;

use ark_bn254::{Bn254, Config, Fq12, G1Affine};
use ark_ec::{AffineRepr, bn::BnConfig, pairing::Pairing};
use ark_ff::{Field, One};

/// Π of the Miller functions of all pairs, before the final exponentiation. The loop of the
/// optimal ate pairing over ark-ec's precomputed lines (Vercauteren, IEEE IT 2010).
pub(super) fn product(
    pairs: impl Iterator<Item = (G1Affine, <Bn254 as Pairing>::G2Prepared)>,
) -> Fq12 {
    let mut lines: Vec<_> = pairs
        .filter(|(point, prepared)| !point.is_zero() && !prepared.infinity)
        .map(|(point, prepared)| (point, prepared.ell_coeffs.into_iter()))
        .collect();
    let mut f = Fq12::one();
    let mut step = |f: &mut Fq12| {
        for (point, coefficients) in &mut lines {
            if let Some((mut c0, mut c1, c2)) = coefficients.next() {
                // BN254 has a D-type twist: lines are c0·y, c1·x and c2 at positions 0, 3 and 4.
                c0.mul_assign_by_fp(&point.y);
                c1.mul_assign_by_fp(&point.x);
                f.mul_by_034(&c0, &c1, &c2);
            }
        }
    };
    let digits = Config::ATE_LOOP_COUNT;
    for (position, digit) in digits.iter().rev().skip(1).enumerate() {
        if position > 0 {
            f.square_in_place();
        }
        step(&mut f);
        if *digit != 0 {
            step(&mut f);
        }
    }
    // Two more lines, for the Frobenius images of the point in G2.
    step(&mut f);
    step(&mut f);
    f
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fr, G2Affine};
    use ark_ec::{CurveGroup, pairing::MillerLoopOutput};

    #[test]
    fn it_is_the_product_of_pairings() {
        let g1 = |k: u64| (G1Affine::generator() * Fr::from(k)).into_affine();
        let g2 = |k: u64| (G2Affine::generator() * Fr::from(k)).into_affine();
        for count in [0u64, 1, 2, 5, 9] {
            let pairs: Vec<_> = (1..=count)
                .map(|k| (g1(k * k + 1), g2(3 * k + 2)))
                .collect();
            let expected =
                Bn254::multi_pairing(pairs.iter().map(|(p, _)| *p), pairs.iter().map(|(_, q)| *q));
            let found = product(pairs.into_iter().map(|(p, q)| (p, q.into())));
            assert_eq!(
                Bn254::final_exponentiation(MillerLoopOutput(found)),
                Some(expected)
            );
        }
    }
}
