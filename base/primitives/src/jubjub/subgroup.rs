//! Tests whether a point of Baby Jubjub is in the subgroup of prime order l.
//!
//! The curve's group is cyclic of order 8·l, so a point is in the subgroup if and only if it is eight
//! times another point. The Tate pairing with a point T of order 8 decides this. Let f have a zero of
//! order 8 in T and a pole of order 8 in the identity. Then P ↦ f(P)^((p − 1)/8) is a homomorphism
//! whose kernel is the multiples of eight, because p − 1 is divisible by 8 (Koshelev, "Subgroup
//! membership testing on elliptic curves via the Tate pairing", eprint 2022/037). It takes one
//! exponentiation instead of a multiplication by l: a tenth of the work.
//!
//! Three steps of Miller's loop give f, on the Montgomery form v² = u³ + 168698·u² + u with
//! u = (1 + y)/(1 − y) and v = u/x: the tangents in T and 2T, and the verticals in 2T and 4T = (0, 0). Eighth
//! powers do not matter, so a multiplication by a seventh power replaces a division, and nothing is inverted.

use ark_ff::{BigInt, Field, MontFp, PrimeField};

use crate::{Fr, edwards::EdwardsAffine};

/// A tangent of the Montgomery form: the point that it touches, and its slope.
struct Tangent {
    u: Fr,
    v: Fr,
    slope: Fr,
}

/// The tangent in T = l·G, of order 8, where G is circomlib's generator of the whole group.
const IN_T: Tangent = Tangent {
    u: MontFp!("19799329160503878365519859265345525785148473002902384773314932802961476726446"),
    v: MontFp!("17254532040196108728490891380973133526547459744854918265191993098218014369797"),
    slope: MontFp!("5125366436769623165205660392107939355810725029703343239946747673935168202680"),
};

/// The tangent in 2T, of order 4.
const IN_2T: Tangent = Tangent {
    u: MontFp!("1"),
    v: MontFp!("14673962723734255200314198873237586429337747973199041533368185129026308523766"),
    slope: MontFp!("14673962723734255200314198873237586429337747973199041533368185129026308523766"),
};

/// (p − 1)/8. p − 1 ends in 28 zero bits, so p is the same with a one at the end.
const EXPONENT: BigInt<4> = {
    let mut exponent = Fr::MODULUS;
    let mut halvings = 0;
    while halvings < 3 {
        exponent = exponent.divide_by_2_round_down();
        halvings += 1;
    }
    exponent
};

/// Whether a point of the curve, other than the identity, is in the subgroup.
pub(super) fn contains(point: &EdwardsAffine) -> bool {
    // u and v over one denominator.
    let over = (Fr::ONE - point.y) * point.x;
    let v = Fr::ONE + point.y;
    let u = v * point.x;
    let line = |at: &Tangent| v - at.v * over - at.slope * (u - at.u * over);
    let vertical = u - IN_2T.u * over;
    // The denominators of lines and verticals cancel out, except the last vertical's.
    let denominator = u * over;
    let square = |value: Fr| value.square();
    let fourth = |value: Fr| value.square().square();
    let seventh = fourth(denominator) * square(denominator) * denominator;
    let value = fourth(line(&IN_T) * vertical) * square(line(&IN_2T)) * seventh;
    // A factor is zero only for multiples of T. Of these only the identity is in the subgroup.
    value.pow(EXPONENT) == Fr::ONE
}

#[cfg(test)]
mod tests {
    use ark_ec::{AffineRepr as _, CurveGroup as _};
    use ark_ff::{AdditiveGroup as _, Zero as _};
    use rand::SeedableRng as _;

    use super::*;
    use crate::jubjub::{Config, Point, Scalar, random_scalar};

    /// circomlib's Generator, of order 8·l.
    fn generator() -> EdwardsAffine {
        EdwardsAffine::new_unchecked(
            MontFp!("995203441582195749578291179787384436505546430278305826713579947235728471134"),
            MontFp!("5472060717959818805561601436314318772137091100104008585924551046643952123905"),
        )
    }

    fn torsion() -> EdwardsAffine {
        generator().mul_bigint(Scalar::MODULUS).into_affine()
    }

    #[test]
    fn the_constants_belong_to_a_point_of_order_8() {
        let curve = |at: &Tangent| {
            let a = Fr::from(168_698u64);
            let right = at.u * (at.u * (at.u + a) + Fr::ONE);
            assert_eq!(at.v.square(), right);
            let derivative = at.u * (at.u * Fr::from(3u64) + a.double()) + Fr::ONE;
            assert_eq!(at.slope * at.v.double(), derivative);
        };
        curve(&IN_T);
        curve(&IN_2T);
        let montgomery = |point: EdwardsAffine| {
            let u = (Fr::ONE + point.y) / (Fr::ONE - point.y);
            (u, u / point.x)
        };
        let t = torsion();
        assert_eq!(montgomery(t), (IN_T.u, IN_T.v));
        let double = (t + t).into_affine();
        assert_eq!(montgomery(double), (IN_2T.u, IN_2T.v));
        let order_2 = (double + double).into_affine();
        assert_eq!((order_2.x, order_2.y), (Fr::zero(), -Fr::ONE));
        assert_eq!(Fr::MODULUS_MINUS_ONE_DIV_TWO.0[0] % 4, 0);
    }

    /// All eight cosets of the subgroup, and the points of small order.
    #[test]
    fn it_is_the_answer_of_a_multiplication_by_l() {
        let rng = &mut rand::rngs::StdRng::seed_from_u64(8);
        let t = torsion();
        for _ in 0..20 {
            let inside = Point::mul_base(&random_scalar(rng)).map(|point| point.projective());
            let mut point = inside.unwrap_or_default();
            for coset in 0..8 {
                let affine = point.into_affine();
                let by_order = affine.mul_bigint(Scalar::MODULUS).is_zero();
                assert_eq!(by_order, coset == 0);
                assert_eq!(contains(&affine), by_order, "coset {coset}");
                point += t;
            }
        }
        let mut small = t.into_group();
        for multiple in 1..8 {
            assert!(!contains(&small.into_affine()), "{multiple}T");
            small += t;
        }
        assert!(contains(&EdwardsAffine::generator()));
        let whole: ark_ec::twisted_edwards::Affine<Config> = generator();
        assert!(!contains(&whole));
    }
}
