//! Sealed messages: HPKE (RFC 9180), base mode, X25519-HKDF-SHA256, HKDF-SHA256,
//! ChaCha20-Poly1305.
//!
//! A holder's partial travels sealed to the key that the **ledger** has for the party that
//! signed the opening request. So whoever carries the message, or asks in the requester's name,
//! learns nothing; and base mode is enough, because the proof inside says who made the partial.

use hpke::{
    Deserializable, Kem as _, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305,
    kdf::HkdfSha256, kem::X25519HkdfSha256,
};
use thiserror::Error;
use zeroize::Zeroizing;

type Kem = X25519HkdfSha256;
type PrivateKey = <Kem as hpke::Kem>::PrivateKey;

/// A party's secret key for sealed messages (X25519).
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
    pub fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
        let (secret, public) = Kem::gen_keypair_with_rng(rng);
        Self {
            secret,
            public: public.to_bytes().into(),
        }
    }

    /// Reads 32 secret bytes.
    ///
    /// # Errors
    /// [`SealError::Key`] when they are no X25519 secret.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SealError> {
        let secret = PrivateKey::from_bytes(bytes).map_err(|_| SealError::Key)?;
        let public = Kem::sk_to_pk(&secret).to_bytes().into();
        Ok(Self { secret, public })
    }

    /// The secret bytes, for the key file.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes().into())
    }

    /// The public key, as a party's admission publishes it.
    pub fn public(&self) -> [u8; 32] {
        self.public
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
    /// The recipient's key, or the encapsulated key, is no usable X25519 key.
    #[error(
        "the receiver's sealing key, or the key that the message came with, is no usable X25519 key: \
         rotate the receiver's, or ask for the message again"
    )]
    Key,
    /// Not for this key, not in this context, or altered on the way.
    #[error("the sealed message does not open: it is for another key or request, or was altered")]
    Open,
}

/// Seals `message` to the public key `to`, bound to `context`.
///
/// # Errors
/// [`SealError::Key`] for a key under which nothing would be hidden.
pub fn seal(
    to: &[u8; 32],
    context: &[u8; 32],
    message: &[u8],
    rng: &mut impl rand_core::CryptoRng,
) -> Result<Sealed, SealError> {
    let key = <Kem as hpke::Kem>::PublicKey::from_bytes(to).map_err(|_| SealError::Key)?;
    let (encapsulated, ciphertext) = hpke::single_shot_seal_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        Kem,
    >(&OpModeS::Base, &key, INFO, message, context, rng)
    .map_err(|_| SealError::Key)?;
    Ok(Sealed {
        encapsulated: encapsulated.to_bytes().into(),
        ciphertext,
    })
}

/// Opens a sealed message with `key` in the same `context`.
///
/// # Errors
/// [`SealError`].
pub fn open(
    key: &SealingKey,
    context: &[u8; 32],
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(&sealed.encapsulated)
        .map_err(|_| SealError::Key)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeR::Base,
        &key.secret,
        &encapsulated,
        INFO,
        &sealed.ciphertext,
        context,
    )
    .map(Zeroizing::new)
    .map_err(|_| SealError::Open)
}

const INFO: &[u8] = b"merits/sealed-partial/v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_with_its_key_in_its_context_unaltered_and_not_otherwise() {
        let mut rng = rand::rng();
        let key = SealingKey::generate(&mut rng);
        let sealed = seal(&key.public(), &[1; 32], b"partial", &mut rng).unwrap();
        assert_eq!(
            open(&key, &[1; 32], &sealed).unwrap().as_slice(),
            b"partial"
        );
        assert_eq!(open(&key, &[2; 32], &sealed), Err(SealError::Open));
        let other = SealingKey::generate(&mut rng);
        assert_eq!(open(&other, &[1; 32], &sealed), Err(SealError::Open));
        let mut altered = sealed.clone();
        altered.ciphertext[0] ^= 1;
        assert_eq!(open(&key, &[1; 32], &altered), Err(SealError::Open));
    }

    #[test]
    fn the_key_file_bytes_give_the_key_again() {
        let key = SealingKey::generate(&mut rand::rng());
        let again = SealingKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(format!("{key:?}"), "SealingKey(..)");
    }

    #[test]
    fn a_low_order_recipient_is_refused() {
        // X25519 with the zero point gives the zero secret, which HPKE must refuse.
        assert_eq!(
            seal(&[0; 32], &[1; 32], b"m", &mut rand::rng()),
            Err(SealError::Key)
        );
    }
}
