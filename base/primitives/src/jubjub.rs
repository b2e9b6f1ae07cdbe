//! Baby Jubjub in circomlib's form: 168700 x² + y² = 1 + 168696 x² y² over BN254's scalar field.
//!
//! Keys and ciphertexts consist of [`Point`]s. A `Point` is on the curve, in the subgroup of prime
//! order l, and not the identity. The constructors check this, so no caller can forget it.

mod subgroup;

use core::ops::Add;

use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, Field, PrimeField, Zero};
use thiserror::Error;

pub use crate::edwards::{EdwardsAffine, EdwardsProjective, Scalar};

use crate::{Fr, edwards::EdwardsConfig, field};

/// Bytes of an encoded point: x then y, each canonical and little-endian.
pub const POINT_BYTES: usize = 64;

/// Why coordinates are not an acceptable point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PointError {
    /// A coordinate is p or more.
    #[error("a coordinate is not a canonical field element")]
    NotCanonical,
    /// The curve equation does not hold.
    #[error("the point is not on Baby Jubjub")]
    NotOnCurve,
    /// The point has a component outside the subgroup of prime order l.
    #[error("the point is outside the prime-order subgroup")]
    OutsideSubgroup,
    /// The point is the neutral element. Encryption under it hides nothing.
    #[error("the point is the identity")]
    Identity,
}

/// A point of the prime-order subgroup other than the identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Point(EdwardsAffine);

impl core::fmt::Debug for Point {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Point({}, {})", self.0.x, self.0.y)
    }
}

impl Point {
    /// circomlib's Base8, the generator of the subgroup.
    pub fn base() -> Self {
        Self(EdwardsAffine::generator())
    }

    /// Checks coordinates.
    ///
    /// # Errors
    /// [`PointError`] says which property fails.
    pub fn from_xy(x: Fr, y: Fr) -> Result<Self, PointError> {
        Self::from_affine(EdwardsAffine::new_unchecked(x, y))
    }

    /// Checks an affine point.
    ///
    /// # Errors
    /// [`PointError`] says which property fails.
    pub fn from_affine(point: EdwardsAffine) -> Result<Self, PointError> {
        if !point.is_on_curve() {
            return Err(PointError::NotOnCurve);
        }
        if point.is_zero() {
            return Err(PointError::Identity);
        }
        if !subgroup::contains(&point) {
            return Err(PointError::OutsideSubgroup);
        }
        Ok(Self(point))
    }

    /// x coordinate.
    pub fn x(&self) -> Fr {
        self.0.x
    }

    /// y coordinate.
    pub fn y(&self) -> Fr {
        self.0.y
    }

    /// The point for arithmetic that may pass through the identity.
    pub fn affine(&self) -> EdwardsAffine {
        self.0
    }

    /// The point for arithmetic that may pass through the identity.
    pub fn projective(&self) -> EdwardsProjective {
        self.0.into()
    }

    /// scalar · self; `None` when the scalar is zero. It performs the same operations for every
    /// scalar, but the field operations themselves are not constant-time.
    pub fn mul(&self, scalar: &Scalar) -> Option<Self> {
        let product = (self.projective() * scalar).into_affine();
        (!product.is_zero()).then_some(Self(product))
    }

    /// scalar · Base8; `None` when the scalar is zero.
    pub fn mul_base(scalar: &Scalar) -> Option<Self> {
        Self::base().mul(scalar)
    }

    /// x then y, 32 canonical little-endian bytes each.
    pub fn to_bytes(&self) -> [u8; POINT_BYTES] {
        let mut out = [0u8; POINT_BYTES];
        out[..32].copy_from_slice(&field::to_bytes(&self.0.x));
        out[32..].copy_from_slice(&field::to_bytes(&self.0.y));
        out
    }

    /// Reads [`Point::to_bytes`] and checks every property.
    ///
    /// # Errors
    /// [`PointError`] says which property fails.
    pub fn from_bytes(bytes: &[u8; POINT_BYTES]) -> Result<Self, PointError> {
        let (x, y) = bytes.split_at(32);
        let read = |half: &[u8]| {
            let mut word = [0u8; 32];
            word.copy_from_slice(half);
            field::from_bytes(&word).map_err(|_| PointError::NotCanonical)
        };
        Self::from_xy(read(x)?, read(y)?)
    }

    /// Reads [`Point::to_bytes`] of a point that was checked before it was stored. It does not
    /// check again that the point is in the subgroup, which costs an exponentiation. Never use it
    /// for bytes that somebody else chose.
    ///
    /// # Errors
    /// [`PointError`] when the coordinates are not canonical, not on the curve, or those of the
    /// identity.
    pub fn from_stored_bytes(bytes: &[u8; POINT_BYTES]) -> Result<Self, PointError> {
        let (x, y) = bytes.split_at(32);
        let read = |half: &[u8]| {
            let mut word = [0u8; 32];
            word.copy_from_slice(half);
            field::from_bytes(&word).map_err(|_| PointError::NotCanonical)
        };
        let point = EdwardsAffine::new_unchecked(read(x)?, read(y)?);
        if !point.is_on_curve() {
            return Err(PointError::NotOnCurve);
        }
        if point.is_zero() {
            return Err(PointError::Identity);
        }
        Ok(Self(point))
    }

    /// The subgroup point with this y and the smaller of its two x (as integers).
    ///
    /// An ephemeral key travels as y alone. ±E have the same y, and a·(−E) = −(a·E) has the same y
    /// as a·E, so any fixed choice works if all holders make the same one.
    ///
    /// # Errors
    /// [`PointError`] when no such point exists, or it is the identity or outside the subgroup.
    pub fn from_y(y: Fr) -> Result<Self, PointError> {
        // 168700 x² + y² = 1 + 168696 x² y²  ⇒  x² = (1 − y²) / (168700 − 168696 y²)
        let y2 = y.square();
        let denominator = Fr::from(168_700u64) - Fr::from(168_696u64) * y2;
        let x2 = (Fr::ONE - y2) * denominator.inverse().ok_or(PointError::NotOnCurve)?;
        let root = x2.sqrt().ok_or(PointError::NotOnCurve)?;
        let negated = -root;
        let x = if root.into_bigint() <= negated.into_bigint() {
            root
        } else {
            negated
        };
        Self::from_xy(x, y)
    }
}

/// Sum of two keys. The identity is refused, because encryption under it hides nothing.
impl Add for Point {
    type Output = Result<Point, PointError>;

    fn add(self, other: Point) -> Self::Output {
        let sum = (self.projective() + other.projective()).into_affine();
        if sum.is_zero() {
            Err(PointError::Identity)
        } else {
            Ok(Point(sum))
        }
    }
}

/// A uniform scalar modulo l, never zero: 64 random bytes reduced.
pub fn random_scalar(rng: &mut impl rand_core::CryptoRng) -> Scalar {
    loop {
        let mut wide = zeroize::Zeroizing::new([0u8; 64]);
        rng.fill_bytes(wide.as_mut());
        let scalar = Scalar::from_le_bytes_mod_order(wide.as_ref());
        if !scalar.is_zero() {
            return scalar;
        }
    }
}

/// A scalar's canonical 32 bytes, little-endian.
pub fn scalar_to_bytes(scalar: &Scalar) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(&scalar.into_bigint().to_bytes_le());
    out
}

/// Reads a canonical scalar; `None` when the value is l or more.
pub fn scalar_from_bytes(bytes: &[u8; 32]) -> Option<Scalar> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        *limb = u64::from_le_bytes(word);
    }
    Scalar::from_bigint(ark_ff::BigInt::new(limbs))
}

/// The curve's configuration, for code generic over arkworks' curve models.
pub type Config = EdwardsConfig;

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, MontFp};

    #[test]
    fn base_is_circomlibs_base8() {
        // circomlib, circuits/escalarmulfix.circom and src/babyjub.js: Base8.
        let base = Point::base();
        assert_eq!(
            base.x().to_string(),
            "5299619240641551281634865583518297030282874472190772894086521144482721001553"
        );
        assert_eq!(
            base.y().to_string(),
            "16950150798460657717958625567821834550301663161624707787222815936182638968203"
        );
        assert_eq!(Point::from_xy(base.x(), base.y()), Ok(base));
    }

    #[test]
    fn bad_points_are_named() {
        let base = Point::base();
        assert_eq!(Point::from_xy(Fr::ZERO, Fr::ONE), Err(PointError::Identity));
        assert_eq!(
            Point::from_xy(base.x(), base.x()),
            Err(PointError::NotOnCurve)
        );
        // (0, -1) has order 2.
        assert_eq!(
            Point::from_xy(Fr::ZERO, -Fr::ONE),
            Err(PointError::OutsideSubgroup)
        );
        // circomlib's Generator has order 8l.
        let generator_x: Fr =
            MontFp!("995203441582195749578291179787384436505546430278305826713579947235728471134");
        let generator_y: Fr =
            MontFp!("5472060717959818805561601436314318772137091100104008585924551046643952123905");
        assert_eq!(
            Point::from_xy(generator_x, generator_y),
            Err(PointError::OutsideSubgroup)
        );
        assert_eq!(
            Point::from_bytes(&[0xff; 64]),
            Err(PointError::NotCanonical)
        );
    }

    #[test]
    fn y_alone_gives_the_point_up_to_sign() {
        let point = Point::mul_base(&Scalar::from(12_345u64)).expect("not zero");
        let found = Point::from_y(point.y()).expect("on the curve");
        assert!(found == point || found.x() == -point.x());
        assert_eq!(Point::from_y(Fr::ONE), Err(PointError::Identity));
        let misses = (2u64..40)
            .filter(|y| Point::from_y(Fr::from(*y)).is_err())
            .count();
        assert!(misses > 0, "some y belong to no subgroup point");
    }

    #[test]
    fn sum_to_the_identity_is_refused() {
        let point = Point::mul_base(&Scalar::from(7u64)).expect("not zero");
        let opposite = Point::mul_base(&-Scalar::from(7u64)).expect("not zero");
        assert_eq!(point + opposite, Err(PointError::Identity));
    }
}
