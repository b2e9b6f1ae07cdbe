//! Messages that only one party can open: HPKE (RFC 9180), base mode, X25519-HKDF-SHA256,
//! HKDF-SHA256, ChaCha20-Poly1305.
//!
//! Base mode does not authenticate the sender. Each use authenticates it in another way: a partial
//! carries a proof, a ticket carries the person's proof, and a voucher answers a redemption that
//! names the key.
//!
//! `info` and `aad` bind a message to its use. `info` begins with a name that no other use has, so
//! that a message of one use never opens as one of another use.

use hpke::{
    Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _, aead::ChaCha20Poly1305,
    kdf::HkdfSha256, kem::X25519HkdfSha256,
};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

type Kem = X25519HkdfSha256;
type PrivateKey = <Kem as hpke::Kem>::PrivateKey;
type PublicKey = <Kem as hpke::Kem>::PublicKey;

/// A secret key for sealed messages (X25519).
#[derive(Clone)]
pub struct SealingKey {
    secret: PrivateKey,
    public: [u8; 32],
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

impl SealingKey {
    /// A fresh key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::of(Kem::gen_keypair_with_rng(rng))
    }

    /// The key that HPKE derives from secret material of at least 32 bytes (`DeriveKeyPair`).
    pub fn derive(material: &[u8]) -> Self {
        Self::of(Kem::derive_keypair(material))
    }

    /// Reads 32 secret bytes.
    ///
    /// # Errors
    /// [`SealError::Key`] when they are not an X25519 secret.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SealError> {
        let secret = PrivateKey::from_bytes(bytes).map_err(|_| SealError::Key)?;
        let public = Kem::sk_to_pk(&secret);
        Ok(Self::of((secret, public)))
    }

    fn of((secret, public): (PrivateKey, PublicKey)) -> Self {
        let public = public.to_bytes().into();
        Self { secret, public }
    }

    /// The secret bytes, for the key file.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes().into())
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// Opens a message that was sealed to this key with the same `info` and `aad`.
    ///
    /// # Errors
    /// [`SealError::Key`] if the encapsulated key is not usable; [`SealError::Open`].
    pub fn open(
        &self,
        info: &[u8],
        aad: &[u8],
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(&sealed.encapsulated)
            .map_err(|_| SealError::Key)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeR::Base,
            &self.secret,
            &encapsulated,
            info,
            &sealed.ciphertext,
            aad,
        )
        .map(Zeroizing::new)
        .map_err(|_| SealError::Open)
    }
}

/// A sealed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// HPKE's encapsulated key.
    pub encapsulated: [u8; 32],
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
}

/// Why a message cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The recipient's key, or the encapsulated key, is not a usable X25519 key.
    #[error(
        "the receiver's sealing key, or the key that the message came with, is not a usable X25519 key: \
         rotate the receiver's, or ask for the message again"
    )]
    Key,
    /// Not for this key, not in this context, or altered in transit.
    #[error("the sealed message does not open: it is for another key or request, or was altered")]
    Open,
}

/// Seals `message` to the public key `to`, bound to `info` and `aad`.
///
/// # Errors
/// [`SealError::Key`] for a key that would hide nothing.
pub fn seal(
    to: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    message: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Sealed, SealError> {
    let key = PublicKey::from_bytes(to).map_err(|_| SealError::Key)?;
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        Kem,
    >(&OpModeS::Base, &key, info, message, aad, rng)
    .map_err(|_| SealError::Key)?;
    Ok(Sealed {
        encapsulated: encapsulated.to_bytes().into(),
        ciphertext,
    })
}

/// Whether messages can be sealed to this key. Ask before spending anything on it.
pub fn is_usable(key: &[u8; 32], rng: &mut impl CryptoRng) -> bool {
    PublicKey::from_bytes(key).is_ok_and(|key| Kem::encap_with_rng(&key, None, rng).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_its_key_in_its_context_unaltered_and_not_otherwise() {
        let mut rng = rand::rng();
        let key = SealingKey::generate(&mut rng);
        let sealed = seal(&key.public(), b"use", &[1; 32], b"message", &mut rng).unwrap();
        let opened = key.open(b"use", &[1; 32], &sealed);
        assert_eq!(opened.unwrap().as_slice(), b"message");
        let refused = Err(SealError::Open);
        assert_eq!(key.open(b"use", &[2; 32], &sealed), refused);
        assert_eq!(key.open(b"other use", &[1; 32], &sealed), refused);
        let other = SealingKey::generate(&mut rng);
        assert_eq!(other.open(b"use", &[1; 32], &sealed), refused);
        for change in 0..sealed.ciphertext.len() {
            let mut altered = sealed.clone();
            altered.ciphertext[change] ^= 1;
            assert_eq!(key.open(b"use", &[1; 32], &altered), refused, "{change}");
        }
        let mut cut = sealed;
        cut.ciphertext.truncate(15);
        assert_eq!(key.open(b"use", &[1; 32], &cut), refused);
    }

    #[test]
    fn the_key_file_bytes_give_the_key_again() {
        let key = SealingKey::generate(&mut rand::rng());
        let again = SealingKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(format!("{key:?}"), "SealingKey(..)");
        let derived = SealingKey::derive(&[7; 32]);
        assert_eq!(derived.public(), SealingKey::derive(&[7; 32]).public());
        assert_ne!(derived.public(), SealingKey::derive(&[8; 32]).public());
    }

    #[test]
    fn a_low_order_recipient_is_refused() {
        let mut rng = rand::rng();
        // X25519 with these points gives an all-zero secret, which HPKE must refuse.
        let mut one = [0; 32];
        one[0] = 1;
        for point in [[0; 32], one] {
            assert_eq!(
                seal(&point, b"use", &[], b"m", &mut rng),
                Err(SealError::Key)
            );
            assert!(!is_usable(&point, &mut rng));
        }
        assert!(is_usable(
            &SealingKey::generate(&mut rng).public(),
            &mut rng
        ));
    }
}
