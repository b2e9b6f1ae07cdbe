//! Tests whether points of the curves are in the groups of prime order r that the pairing is over.

use ark_bn254::{Config, Fq, Fq2, G2Affine, G2Projective, g1, g2};
use ark_ec::{
    AffineRepr,
    bn::BnConfig,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, BigInt, Field, MontFp, PrimeField, Zero};

/// A curve with a subgroup of order r.
pub(super) trait Subgroup: SWCurveConfig {
    /// Whether a point of the curve is in it.
    fn contains(point: &Affine<Self>) -> bool;

    /// One of the two square roots of a number other than 0, if it has any.
    fn root(square: Self::BaseField) -> Option<Self::BaseField>;
}

impl Subgroup for g1::Config {
    /// The whole curve has order r.
    fn contains(_: &Affine<Self>) -> bool {
        true
    }

    fn root(square: Fq) -> Option<Fq> {
        square.sqrt()
    }
}

impl Subgroup for g2::Config {
    /// \[x+1\]P + ψ(\[x\]P) + ψ²(\[x\]P) = ψ³(\[2x\]P), where x is the curve's parameter and ψ is
    /// Frobenius on the twist (Dai, Lin, Zhao, Zhou, eprint 2022/348): half the doublings of ψ(P) =
    /// \[6x²\]P.
    ///
    /// On the subgroup ψ is multiplication by p, and 1 + x + xp + xp² − 2xp³ is a multiple of r:
    /// its points pass. The points that pass form a group, kernel of an endomorphism. If one of
    /// them were outside the subgroup, the group would contain a point whose order is a prime
    /// factor of the cofactor. No such prime divides the curve's order twice, so the group would
    /// contain all points of that order. The tests show that for each of the four primes one point
    /// of that order fails.
    fn contains(point: &G2Affine) -> bool {
        let multiple = point.mul_bigint(Config::X);
        let first = frobenius(multiple);
        let second = frobenius(first);
        multiple + point + first + second == frobenius(second).double()
    }

    /// Two exponentiations and no inversion. (`sqrt` takes three exponentiations and two inversions.)
    /// The exponent (p − 3)/4 gives the root, its inverse, and whether there is a root (Adj and
    /// Rodríguez-Henríquez, eprint 2012/685, section 4). p is 3 modulo 4, and u² = −1.
    ///
    /// Let α² = a² + b² and 2δ = a + α. Either δ or δ − α is a square, because their product is −b²/4.
    fn root(square: Fq2) -> Option<Fq2> {
        if square.c1.is_zero() {
            return square.sqrt();
        }
        let norm = square.c0.square() + square.c1.square();
        let alpha = norm.pow(EXPONENT) * norm;
        if alpha.square() != norm {
            return None;
        }
        let delta = (square.c0 + alpha) * HALF;
        let inverse = delta.pow(EXPONENT);
        let root = inverse * delta;
        let other = square.c1 * HALF * inverse;
        Some(match root * inverse == Fq::ONE {
            true => Fq2::new(root, other),
            // The root of −δ: real and imaginary part are exchanged.
            false => Fq2::new(-other, root),
        })
    }
}

/// (p − 3)/4.
const EXPONENT: BigInt<4> = Fq::MODULUS
    .divide_by_2_round_down()
    .divide_by_2_round_down();

/// 1/2.
const HALF: Fq =
    MontFp!("10944121435919637611123202872628637544348155578648911831344518947322613104292");

/// ψ: untwist, Frobenius, twist. It acts on each Jacobian coordinate.
fn frobenius(mut point: G2Projective) -> G2Projective {
    point.x.frobenius_map_in_place(1);
    point.y.frobenius_map_in_place(1);
    point.z.frobenius_map_in_place(1);
    point.x *= Config::TWIST_MUL_BY_Q_X;
    point.y *= Config::TWIST_MUL_BY_Q_Y;
    point
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bn254::{Fq, Fq2, Fr};
    use ark_ec::{CurveConfig, CurveGroup};
    use ark_ff::{BigInt, PrimeField};
    use merits_primitives::field;
    use rand::SeedableRng;

    /// The prime factors of the cofactor 2p − r.
    const FACTORS: [BigInt<4>; 4] = [
        BigInt!("10069"),
        BigInt!("5864401"),
        BigInt!("1875725156269"),
        BigInt!("197620364512881247228717050342013327560683201906968909"),
    ];

    /// Points of the twist with small x: almost all outside.
    fn on_the_twist() -> impl Iterator<Item = G2Affine> {
        (1u64..).filter_map(|x| {
            let x = Fq2::new(Fq::from(x), Fq::from(3u64));
            let (y, _) = G2Affine::get_ys_from_x_unchecked(x)?;
            Some(G2Affine::new_unchecked(x, y))
        })
    }

    #[test]
    fn a_root_is_a_root_and_there_is_one_where_arkworks_finds_one() {
        let rng = &mut rand::rngs::StdRng::seed_from_u64(9);
        let mut coordinate = || Fq::from(field::random::<Fr>(rng).into_bigint());
        let mut values: Vec<Fq2> = (0..200)
            .map(|_| Fq2::new(coordinate(), coordinate()))
            .collect();
        let zero = Fq::from(0u64);
        values.extend((1..20u64).flat_map(|n| {
            let n = Fq::from(n);
            [Fq2::new(n, zero), Fq2::new(-n, zero), Fq2::new(zero, n)]
        }));
        let mut without = 0;
        for value in values {
            let square = value.square();
            let root = <g2::Config as Subgroup>::root(square).unwrap();
            assert!(root == value || root == -value, "{value}");
            let root = <g2::Config as Subgroup>::root(value);
            assert_eq!(root.is_some(), value.sqrt().is_some(), "{value}");
            without += usize::from(root.is_none());
            assert!(root.is_none_or(|root| root.square() == value), "{value}");
        }
        assert!(without > 50, "{without}");
        assert_eq!(HALF.double(), Fq::ONE);
    }

    #[test]
    fn it_is_arkworks_answer_inside_outside_and_between() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(3);
        assert!(g2::Config::contains(&G2Affine::identity()));
        for stray in on_the_twist().take(40) {
            let inside = (G2Affine::generator() * field::random::<Fr>(&mut rng)).into_affine();
            let sum = (inside + stray).into_affine();
            let cleared = stray.clear_cofactor();
            for (point, want) in [
                (inside, true),
                (cleared, true),
                (stray, false),
                (sum, false),
            ] {
                assert!(point.is_on_curve());
                assert_eq!(g2::Config::contains(&point), want, "{point}");
                assert_eq!(point.is_in_correct_subgroup_assuming_on_curve(), want);
            }
        }
    }

    #[test]
    fn no_point_of_an_order_that_divides_the_cofactor_passes() {
        // The cofactor is their product, so the list is complete.
        let mut generator = G2Affine::generator().into_group();
        for factor in FACTORS {
            generator *= Fr::from_bigint(factor).expect("below r");
        }
        assert_eq!(
            generator,
            G2Affine::generator().mul_bigint(g2::Config::COFACTOR)
        );
        for (index, order) in FACTORS.iter().enumerate() {
            let point = on_the_twist()
                .map(|stray| {
                    let others = FACTORS
                        .iter()
                        .enumerate()
                        .filter(|(other, _)| *other != index);
                    others.fold(stray.mul_bigint(Fr::MODULUS), |point, (_, factor)| {
                        mul(point, factor)
                    })
                })
                .find(|point| *point != G2Projective::ZERO)
                .expect("a point of this order");
            assert_eq!(mul(point, order), G2Projective::ZERO, "{order}");
            assert!(point.into_affine().is_on_curve());
            for small in [point, -point, point.double()] {
                assert!(!g2::Config::contains(&small.into_affine()), "order {order}");
                // Its image under ψ, and a point of the subgroup moved by it.
                assert!(!g2::Config::contains(&frobenius(small).into_affine()));
                let moved = small + G2Affine::generator();
                assert!(!g2::Config::contains(&moved.into_affine()));
            }
        }
    }

    fn mul(point: G2Projective, by: &BigInt<4>) -> G2Projective {
        g2::Config::mul_projective(&point, by.as_ref())
    }
}
