//! A key that is shared among holders: the identifier of each holder, and how t of them compute with the key.
//!
//! A shared secret is the value at zero of a polynomial of degree t − 1 over the integers modulo l. Each
//! holder has the polynomial's value at its [`Identifier`] (Shamir, CACM 1979). Lagrange's coefficients for
//! zero combine results that t holders compute with their values, such as multiples of one point.
//! Fewer than t values say nothing about the value at zero.

use alloc::{collections::BTreeSet, vec::Vec};

use ark_ec::CurveGroup;
use ark_ff::{Field as _, One as _, PrimeField, Zero};
use sha2::{Digest, Sha512};
use thiserror::Error;

use crate::{
    edwards::EdwardsProjective,
    jubjub::{Point, Scalar, scalar_to_bytes},
};

/// The number at which a holder has the value of the polynomial. It is never zero, because the value at zero
/// is the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identifier(Scalar);

impl Identifier {
    /// The identifier with this value; `None` for zero.
    pub fn new(value: Scalar) -> Option<Self> {
        (!value.is_zero()).then_some(Self(value))
    }

    /// The identifier that SHA-512 gives for these bytes, modulo l. It is zero with a probability of 2^-251;
    /// then it is `None`.
    pub fn derive(bytes: &[u8]) -> Option<Self> {
        let mut hash = Sha512::new();
        hash.update((IDENTIFIER.len() as u64).to_le_bytes());
        hash.update(IDENTIFIER);
        hash.update(bytes);
        Self::new(Scalar::from_le_bytes_mod_order(&hash.finalize()))
    }

    /// The value.
    pub fn value(&self) -> Scalar {
        self.0
    }
}

/// Why values cannot be interpolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InterpolationFault {
    /// There is nothing to combine.
    #[error("there are no holders' values to combine")]
    Empty,
    /// One identifier twice: one value would count as two.
    #[error("two of the values have the same identifier: the value of each holder counts once")]
    Twice,
    /// The result is the identity, which is not a key and hides nothing.
    #[error("the values combine to the identity of the curve")]
    Identity,
}

/// The coefficients with which values at these identifiers add up to the value at zero, in their order.
///
/// # Errors
/// [`InterpolationFault::Empty`], [`InterpolationFault::Twice`].
pub fn lagrange_at_zero(at: &[Identifier]) -> Result<Vec<Scalar>, InterpolationFault> {
    lagrange(at, Scalar::zero())
}

/// The value at zero of the points at these identifiers: Σ λ_i·D_i.
///
/// # Errors
/// [`InterpolationFault`].
pub fn combine(values: &[(Identifier, Point)]) -> Result<Point, InterpolationFault> {
    interpolate(values, Scalar::zero())
}

/// Whether the points lie on one polynomial of degree `threshold` − 1 with the value `key` at zero. So any
/// `threshold` of them combine to the key.
pub fn belong_to(values: &[(Identifier, Point)], threshold: usize, key: &Point) -> bool {
    let Some((first, others)) = values.split_at_checked(threshold) else {
        return false;
    };
    combine(first) == Ok(*key)
        && others
            .iter()
            .all(|(at, value)| interpolate(first, at.0) == Ok(*value))
}

fn interpolate(values: &[(Identifier, Point)], place: Scalar) -> Result<Point, InterpolationFault> {
    let at: Vec<Identifier> = values.iter().map(|(at, _)| *at).collect();
    let sum: EdwardsProjective = lagrange(&at, place)?
        .iter()
        .zip(values)
        .map(|(coefficient, (_, value))| value.projective() * coefficient)
        .sum();
    match Point::from_affine(sum.into_affine()) {
        Ok(point) => Ok(point),
        // A sum of points of the subgroup is in it.
        Err(_) => Err(InterpolationFault::Identity),
    }
}

/// Lagrange's coefficients for the value at `place`.
fn lagrange(at: &[Identifier], place: Scalar) -> Result<Vec<Scalar>, InterpolationFault> {
    if at.is_empty() {
        return Err(InterpolationFault::Empty);
    }
    let distinct: BTreeSet<[u8; 32]> = at.iter().map(|at| scalar_to_bytes(&at.0)).collect();
    if distinct.len() != at.len() {
        return Err(InterpolationFault::Twice);
    }
    at.iter()
        .map(|own| {
            let (mut above, mut below) = (Scalar::one(), Scalar::one());
            for other in at.iter().filter(|other| *other != own) {
                above *= place - other.0;
                below *= own.0 - other.0;
            }
            // The identifiers differ, so no factor is zero.
            let inverse = below.inverse().ok_or(InterpolationFault::Twice)?;
            Ok(above * inverse)
        })
        .collect()
}

const IDENTIFIER: &[u8] = b"merits/threshold/identifier/v1";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

    use super::*;
    use crate::jubjub::random_scalar;

    /// n values of a random polynomial of degree t − 1, and its value at zero.
    fn shared(t: usize, n: u64, rng: &mut StdRng) -> (Vec<(Identifier, Scalar)>, Scalar) {
        let coefficients: Vec<Scalar> = (0..t).map(|_| random_scalar(rng)).collect();
        let value = |at: Scalar| {
            coefficients
                .iter()
                .rev()
                .fold(Scalar::zero(), |sum, coefficient| sum * at + coefficient)
        };
        let shares = (0..n)
            .map(|holder| {
                let at = Identifier::derive(&holder.to_le_bytes()).expect("not zero");
                (at, value(at.0))
            })
            .collect();
        (shares, coefficients[0])
    }

    fn in_exponent(shares: &[(Identifier, Scalar)]) -> Vec<(Identifier, Point)> {
        shares
            .iter()
            .map(|(at, value)| (*at, Point::mul_base(value).expect("not zero")))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_t_of_n_give_the_value_at_zero_and_fewer_do_not(
            t in 1usize..=16,
            more in 0u64..=8,
            seed: u64,
        ) {
            let n = (t as u64 + more).min(16);
            let rng = &mut StdRng::seed_from_u64(seed);
            let (mut shares, secret) = shared(t, n, rng);
            let key = Point::mul_base(&secret).expect("not zero");
            prop_assert!(belong_to(&in_exponent(&shares), t, &key));
            shares.shuffle(rng);
            let chosen = &shares[..t];
            let at: Vec<Identifier> = chosen.iter().map(|(at, _)| *at).collect();
            let coefficients = lagrange_at_zero(&at).expect("distinct");
            let sum: Scalar = coefficients.iter().zip(chosen).map(|(c, (_, v))| *c * v).sum();
            prop_assert_eq!(sum, secret);
            prop_assert_eq!(combine(&in_exponent(chosen)), Ok(key));
            prop_assert_ne!(combine(&in_exponent(&chosen[1..])), Ok(key));
            prop_assert!(!belong_to(&in_exponent(&shares), t - 1, &key) || t == 1);
        }
    }

    #[test]
    fn zero_is_no_identifier_and_none_counts_twice() {
        assert_eq!(Identifier::new(Scalar::zero()), None);
        let rng = &mut StdRng::seed_from_u64(1);
        let (shares, secret) = shared(3, 4, rng);
        let points = in_exponent(&shares);
        assert_eq!(combine(&[]), Err(InterpolationFault::Empty));
        let twice = [points[0], points[1], points[0]];
        assert_eq!(combine(&twice), Err(InterpolationFault::Twice));
        // Also where both values are the same.
        assert_eq!(
            lagrange_at_zero(&[points[0].0, points[0].0]),
            Err(InterpolationFault::Twice)
        );
        let key = Point::mul_base(&secret).expect("not zero");
        assert!(!belong_to(&points[..2], 3, &key), "fewer than t");
        assert!(!belong_to(&points, 0, &key), "nobody");
    }

    #[test]
    fn a_value_of_another_polynomial_is_found_at_any_position() {
        let rng = &mut StdRng::seed_from_u64(2);
        let (shares, secret) = shared(3, 5, rng);
        let key = Point::mul_base(&secret).expect("not zero");
        let points = in_exponent(&shares);
        for place in 0..points.len() {
            let mut altered = points.clone();
            altered[place].1 = Point::mul_base(&random_scalar(rng)).expect("not zero");
            assert!(!belong_to(&altered, 3, &key), "{place}");
        }
        let other = Point::mul_base(&random_scalar(rng)).expect("not zero");
        assert!(!belong_to(&points, 3, &other));
    }

    #[test]
    fn values_that_cancel_are_refused() {
        let one = Identifier::new(Scalar::from(1u64)).expect("not zero");
        let two = Identifier::new(Scalar::from(2u64)).expect("not zero");
        // f(x) = x: the value at zero is zero.
        let values = in_exponent(&[(one, Scalar::from(1u64)), (two, Scalar::from(2u64))]);
        assert_eq!(combine(&values), Err(InterpolationFault::Identity));
    }
}
