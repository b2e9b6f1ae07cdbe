//! Baby Jubjub as a ciphersuite of `frost-core`.
//!
//! Elements are points of the subgroup of prime order l: decoding refuses the identity, points outside the
//! subgroup and every encoding that is not canonical, so the cofactor never matters. Scalars are integers modulo
//! l. The shares of such a key never sign: the hashes for signing are here because the trait asks for them.
//!
//! `frost-core` gives a proof of knowledge no context of its own. Its challenge begins with the prover's
//! identifier, and our identifiers are hashes of ceremony, key and party
//! ([`Ceremony::identifier`](crate::ceremony::Ceremony::identifier)). So [`BabyJubjub::HDKG`] binds the proof to all
//! of them.

use ark_ec::{AffineRepr as _, CurveGroup as _};
use ark_ff::{Field as _, One as _, PrimeField as _, Zero as _};
use frost_core::{Ciphersuite, Field, FieldError, Group, GroupError};
use merits_primitives::{
    jubjub::{
        EdwardsAffine, EdwardsProjective, POINT_BYTES, Point, PointError, Scalar,
        scalar_from_bytes, scalar_to_bytes,
    },
    threshold::Identifier,
};
use rand_core_06::{CryptoRng, RngCore};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// Bytes of an encoded scalar.
pub const SCALAR_BYTES: usize = 32;

/// Bytes of a point and a scalar.
const SIGNATURE_BYTES: usize = POINT_BYTES + SCALAR_BYTES;

/// Integers modulo l.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalars;

impl Field for Scalars {
    type Scalar = Scalar;
    type Serialization = [u8; SCALAR_BYTES];

    fn zero() -> Scalar {
        Scalar::zero()
    }

    fn one() -> Scalar {
        Scalar::one()
    }

    fn invert(scalar: &Scalar) -> Result<Scalar, FieldError> {
        scalar.inverse().ok_or(FieldError::InvalidZeroScalar)
    }

    fn random<R: RngCore + CryptoRng>(rng: &mut R) -> Scalar {
        let mut wide = Zeroizing::new([0u8; 64]);
        rng.fill_bytes(wide.as_mut());
        Scalar::from_le_bytes_mod_order(wide.as_ref())
    }

    fn serialize(scalar: &Scalar) -> [u8; SCALAR_BYTES] {
        scalar_to_bytes(scalar)
    }

    fn little_endian_serialize(scalar: &Scalar) -> [u8; SCALAR_BYTES] {
        scalar_to_bytes(scalar)
    }

    fn deserialize(bytes: &[u8; SCALAR_BYTES]) -> Result<Scalar, FieldError> {
        scalar_from_bytes(bytes).ok_or(FieldError::MalformedScalar)
    }
}

/// The subgroup of order l.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subgroup;

impl Group for Subgroup {
    type Field = Scalars;
    type Element = EdwardsProjective;
    type Serialization = [u8; POINT_BYTES];

    /// 1: every element is in the subgroup.
    fn cofactor() -> Scalar {
        Scalar::one()
    }

    fn identity() -> EdwardsProjective {
        EdwardsProjective::zero()
    }

    fn generator() -> EdwardsProjective {
        EdwardsAffine::generator().into()
    }

    fn serialize(element: &EdwardsProjective) -> Result<[u8; POINT_BYTES], GroupError> {
        let point = Point::from_affine(element.into_affine()).map_err(group_error)?;
        Ok(point.to_bytes())
    }

    fn deserialize(bytes: &[u8; POINT_BYTES]) -> Result<EdwardsProjective, GroupError> {
        let point = Point::from_bytes(bytes).map_err(group_error)?;
        Ok(point.projective())
    }
}

/// The suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BabyJubjub;

#[allow(non_snake_case, reason = "the names of RFC 9591")]
impl Ciphersuite for BabyJubjub {
    const ID: &'static str = "MERITS-FROST-BABYJUBJUB-SHA512-v1";

    type Group = Subgroup;
    type HashOutput = [u8; 64];
    type SignatureSerialization = [u8; SIGNATURE_BYTES];

    fn H1(m: &[u8]) -> Scalar {
        to_scalar("rho", m)
    }

    fn H2(m: &[u8]) -> Scalar {
        to_scalar("chal", m)
    }

    fn H3(m: &[u8]) -> Scalar {
        to_scalar("nonce", m)
    }

    fn H4(m: &[u8]) -> [u8; 64] {
        hash("msg", m)
    }

    fn H5(m: &[u8]) -> [u8; 64] {
        hash("com", m)
    }

    fn HDKG(m: &[u8]) -> Option<Scalar> {
        Some(to_scalar("dkg", m))
    }

    fn HID(m: &[u8]) -> Option<Scalar> {
        Identifier::derive(m).map(|identifier| identifier.value())
    }
}

/// SHA-512 over the suite's name, the use and the message, each with its length before it.
fn hash(usage: &str, message: &[u8]) -> [u8; 64] {
    let mut hash = Sha512::new();
    for part in [BabyJubjub::ID.as_bytes(), usage.as_bytes(), message] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// 512 bits modulo l, which has 251: the bias is below 2^-250.
fn to_scalar(usage: &str, message: &[u8]) -> Scalar {
    Scalar::from_le_bytes_mod_order(&hash(usage, message))
}

fn group_error(fault: PointError) -> GroupError {
    match fault {
        PointError::Identity => GroupError::InvalidIdentityElement,
        PointError::OutsideSubgroup => GroupError::InvalidNonPrimeOrderElement,
        PointError::NotCanonical | PointError::NotOnCurve => GroupError::MalformedElement,
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::{BigInteger as _, MontFp};
    use merits_primitives::Fr;

    use super::*;

    fn bytes(x: Fr, y: Fr) -> [u8; POINT_BYTES] {
        let mut out = [0; POINT_BYTES];
        out[..32].copy_from_slice(&x.into_bigint().to_bytes_le());
        out[32..].copy_from_slice(&y.into_bigint().to_bytes_le());
        out
    }

    #[test]
    fn only_canonical_points_of_the_subgroup_are_elements() {
        let identity = bytes(Fr::zero(), Fr::one());
        assert_eq!(
            Subgroup::deserialize(&identity),
            Err(GroupError::InvalidIdentityElement)
        );
        assert_eq!(
            Subgroup::serialize(&EdwardsProjective::zero()),
            Err(GroupError::InvalidIdentityElement)
        );
        // (0, -1) has order 2, and circomlib's Generator has order 8·l.
        let generator = bytes(
            MontFp!("995203441582195749578291179787384436505546430278305826713579947235728471134"),
            MontFp!("5472060717959818805561601436314318772137091100104008585924551046643952123905"),
        );
        for outside in [bytes(Fr::zero(), -Fr::one()), generator] {
            assert_eq!(
                Subgroup::deserialize(&outside),
                Err(GroupError::InvalidNonPrimeOrderElement)
            );
        }
        let base = Subgroup::serialize(&Subgroup::generator()).expect("not the identity");
        assert_eq!(Subgroup::deserialize(&base), Ok(Subgroup::generator()));
        // The same point with p added to a coordinate.
        let mut number = EdwardsAffine::generator().x.into_bigint();
        assert!(!number.add_with_carry(&Fr::MODULUS));
        let mut other = base;
        other[..32].copy_from_slice(&number.to_bytes_le());
        assert_eq!(
            Subgroup::deserialize(&other),
            Err(GroupError::MalformedElement)
        );
    }

    #[test]
    fn scalars_have_one_encoding() {
        let last = -Scalar::one();
        assert_eq!(Scalars::deserialize(&Scalars::serialize(&last)), Ok(last));
        let mut modulus = [0; SCALAR_BYTES];
        modulus.copy_from_slice(&Scalar::MODULUS.to_bytes_le());
        for bytes in [modulus, [0xff; SCALAR_BYTES]] {
            assert_eq!(
                Scalars::deserialize(&bytes),
                Err(FieldError::MalformedScalar)
            );
        }
        assert_eq!(
            Scalars::invert(&Scalar::zero()),
            Err(FieldError::InvalidZeroScalar)
        );
    }

    #[test]
    fn each_hash_is_of_its_own_domain() {
        let scalars = [
            BabyJubjub::H1(b"m"),
            BabyJubjub::H2(b"m"),
            BabyJubjub::H3(b"m"),
            BabyJubjub::HDKG(b"m").expect("supported"),
            BabyJubjub::HID(b"m").expect("supported"),
        ];
        for (place, scalar) in scalars.iter().enumerate() {
            assert!(!scalars[..place].contains(scalar), "{place}");
        }
        assert_ne!(BabyJubjub::H4(b"m"), BabyJubjub::H5(b"m"));
    }
}
