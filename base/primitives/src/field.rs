//! Field elements: canonical bytes, digests mapped into the field, sampling.
//!
//! BN254's scalar field has p ≈ 2^253.6, so 248 bits of a digest always fit and never wrap.

use ark_ff::{BigInteger, PrimeField};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{Fr, element::Element};

/// Bytes of one encoded field element.
pub const BYTES: usize = 32;

/// 32 bytes that are not the canonical encoding of a field element (the value is p or more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a canonical field element: the 32 little-endian bytes hold a value of p or more")]
pub struct NotCanonical;

/// The canonical encoding: 32 bytes, little-endian, value below p.
pub fn to_bytes(element: &impl Element) -> [u8; BYTES] {
    let mut out = [0u8; BYTES];
    for (chunk, limb) in out
        .chunks_exact_mut(8)
        .zip(element.element().into_bigint().0)
    {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    out
}

/// Reads the canonical encoding.
///
/// # Errors
/// [`NotCanonical`] when the value is p or more, so that one element has one encoding only.
pub fn from_bytes<E: Element>(bytes: &[u8; BYTES]) -> Result<E, NotCanonical> {
    let mut limbs = [0u64; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        *limb = u64::from_le_bytes(word);
    }
    Fr::from_bigint(ark_ff::BigInt::new(limbs))
        .map(E::from_element)
        .ok_or(NotCanonical)
}

/// A SHA-256 digest as a field element: its top 248 bits, read big-endian
/// (`docs/src/design-cryptography.md`, "Notation").
pub fn from_digest(digest: &[u8; 32]) -> Fr {
    Fr::from_be_bytes_mod_order(&digest[..31])
}

/// SHA-256 over a domain and length-prefixed parts.
///
/// The prefixes make the encoding injective: no two lists of parts share an input.
pub fn digest(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in core::iter::once(&domain.as_bytes()).chain(parts) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// [`digest`] mapped into the field by [`from_digest`].
pub fn hash(domain: &str, parts: &[&[u8]]) -> Fr {
    from_digest(&digest(domain, parts))
}

/// A uniform field element: 64 random bytes reduced, so the bias is below 2^-250.
pub fn random<E: Element>(rng: &mut impl rand_core::CryptoRng) -> E {
    let mut wide = zeroize::Zeroizing::new([0u8; 64]);
    rng.fill_bytes(wide.as_mut());
    E::from_element(Fr::from_le_bytes_mod_order(wide.as_ref()))
}

/// The element as a `u64`, if it is that small.
pub fn to_u64(element: &Fr) -> Option<u64> {
    let integer = element.into_bigint();
    (integer.num_bits() <= 64).then_some(integer.0[0])
}

/// The element as a `u128`, if it is that small.
pub fn to_u128(element: &Fr) -> Option<u128> {
    let integer = element.into_bigint();
    let [low, high, ..] = integer.0;
    (integer.num_bits() <= 128).then_some(u128::from(high) << 64 | u128::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn encoding_round_trips(wide in prop::array::uniform32(any::<u8>())) {
            let element = Fr::from_le_bytes_mod_order(&wide);
            prop_assert_eq!(from_bytes(&to_bytes(&element)), Ok(element));
        }
    }

    #[test]
    fn the_modulus_is_refused_and_the_largest_element_is_not() {
        let mut modulus = [0u8; 32];
        for (chunk, limb) in modulus.chunks_exact_mut(8).zip(Fr::MODULUS.0) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        assert_eq!(from_bytes::<Fr>(&modulus), Err(NotCanonical));
        modulus[0] -= 1;
        assert_eq!(from_bytes(&modulus), Ok(-Fr::from(1u64)));
        assert_eq!(from_bytes::<Fr>(&[0xff; 32]), Err(NotCanonical));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest("d", &[b"ab", b"c"]), digest("d", &[b"a", b"bc"]));
        assert_ne!(digest("d", &[b"ab"]), digest("da", &[b"b"]));
    }
}
