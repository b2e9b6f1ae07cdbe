//! Lines of points of G2 that are paired more than once, and the Miller loop over words.

use ark_bn254::{Bn254, Config, Fq2, Fq12, G1Affine, G2Affine};
use ark_ec::{bn::BnConfig, pairing::Pairing};
use ark_ff::{Field, One, serial_batch_inversion_and_mul};

type Prepared = <Bn254 as Pairing>::G2Prepared;

/// A point of G2 with the lines of its Miller loop: about 35 KB.
#[derive(Clone, Debug)]
pub struct PreparedLines {
    prepared: Prepared,
    lines: Vec<[Fq2; 2]>,
}

impl PreparedLines {
    /// Computes the lines of `point`, which must be in the subgroup of prime order; it may be the
    /// identity.
    pub fn new(point: G2Affine) -> Self {
        let prepared = Prepared::from(point);
        // Arkworks' line is c0*y_P, c1*x_P, c2; over c0 and y_P it is one, -m*x_P/y_P and
        // (m*x_T - y_T)/y_P. c0 is not zero: it is the denominator of a slope.
        let mut inverses: Vec<Fq2> = prepared.ell_coeffs.iter().map(|(c0, _, _)| *c0).collect();
        serial_batch_inversion_and_mul(&mut inverses, &Fq2::ONE);
        let lines = prepared.ell_coeffs.iter().zip(inverses);
        Self {
            lines: lines
                .map(|((_, c1, c2), inverse)| [-(*c1 * inverse), *c2 * inverse])
                .collect(),
            prepared,
        }
    }

    /// Whether the point is the identity.
    pub fn is_identity(&self) -> bool {
        self.prepared.infinity
    }

    /// Slope and `m*x_T - y_T` of each step.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn lines(&self) -> &[[Fq2; 2]] {
        &self.lines
    }
}

/// The product of the pairs' Miller functions over arkworks' precomputed lines, squaring once for
/// all of them (`ark-ec`'s own loop does so for four at a time). No point may be the identity.
pub(super) fn product(
    pairs: &[(G1Affine, G2Affine)],
    fixed: &[(G1Affine, &PreparedLines)],
) -> Fq12 {
    let computed: Vec<Prepared> = pairs.iter().map(|(_, q)| Prepared::from(q)).collect();
    let variable = pairs.iter().zip(&computed).map(|((p, _), q)| (p, q));
    let mut lines: Vec<_> = variable
        .chain(fixed.iter().map(|(p, lines)| (p, &lines.prepared)))
        .map(|(point, prepared)| (point, prepared.ell_coeffs.iter()))
        .collect();
    let mut f = Fq12::one();
    let mut step = |f: &mut Fq12| {
        for (point, coefficients) in &mut lines {
            if let Some((mut c0, mut c1, c2)) = coefficients.next().copied() {
                // A D-type twist: lines are c0*y, c1*x and c2 at positions 0, 3 and 4.
                c0.mul_assign_by_fp(&point.y);
                c1.mul_assign_by_fp(&point.x);
                f.mul_by_034(&c0, &c1, &c2);
            }
        }
    };
    let digits = Config::ATE_LOOP_COUNT.iter().rev().skip(1);
    for (position, digit) in digits.enumerate() {
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
