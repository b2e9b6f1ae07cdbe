//! Ed25519 as this project uses it: `verify_strict`, so that a signature has one form, no key of
//! small order is taken, and batch and single verification cannot disagree.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::codec::{Canonical, CodecError, Reader, Writer};

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// A party's, source's or log's public signing key: a point of large order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PublicKey(")?;
        self.0.as_bytes()[..8]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Bytes that are no acceptable Ed25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the bytes are no Ed25519 public key of large order")]
pub struct BadKey;

/// A signature that does not hold for key and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the signature does not hold for this key and message")]
pub struct BadSignature;

impl PublicKey {
    /// Checks 32 bytes.
    ///
    /// # Errors
    /// [`BadKey`] when they are no point, or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadKey)?;
        if key.is_weak() {
            Err(BadKey)
        } else {
            Ok(Self(key))
        }
    }

    /// The public half of a signing key.
    pub fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key())
    }

    /// 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Result<(), BadSignature> {
        self.0
            .verify_strict(message, &Signature::from_bytes(signature))
            .map_err(|_| BadSignature)
    }
}

impl Canonical for PublicKey {
    const NAME: &'static str = "signing key";

    fn write(&self, out: &mut Writer) {
        out.array(&self.to_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Self::from_bytes(&input.array(Self::NAME)?)
            .map_err(|_| CodecError::NotCanonical { what: Self::NAME })
    }
}

/// Signs a message.
pub fn sign(key: &SigningKey, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
    key.sign(message).to_bytes()
}
