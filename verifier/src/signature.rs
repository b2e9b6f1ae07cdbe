//! Ed25519 as this project uses it: two rules for verification, both defined only here.
//!
//! - **Entries and claims** ([`PublicKey::verify`], [`verify_batch`]): ZIP 215. The equation is
//!   multiplied by the cofactor, R may be any encoding of any point, S is below the group's order.
//!   Under this rule, single and batch verification always agree. They must, because all parties
//!   that replay the log, one by one or in batches, must reach the same result.
//! - **Checkpoints, notes and cosignatures** ([`PublicKey::verify_strict`]): `verify_strict`, the
//!   rule of standard log clients. Nothing verifies them in batches.
//!
//! Both refuse keys of small order when the key is read: under such a key there are signatures that
//! hold for every message.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use ed25519_zebra::{VerificationKey, batch};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::codec::{Canonical, CodecError, Reader, Writer};

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// A party's, source's or log's public signing key: a point of large order.
#[derive(Clone, Copy)]
pub struct PublicKey {
    strict: VerifyingKey,
    zip215: VerificationKey,
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for PublicKey {}

impl core::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PublicKey(")?;
        self.to_bytes()[..8]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// Bytes that are not an acceptable Ed25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the bytes are not an Ed25519 public key of large order")]
pub struct BadKey;

/// A signature that does not hold for key and message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the signature does not hold for this key and message")]
pub struct BadSignature;

/// The first signature of several that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("signature {0} does not hold for its key and message")]
pub struct BadSignatureAt(pub usize);

/// A signature under an entry or a claim, for [`verify_batch`].
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The signer's key.
    pub key: &'a PublicKey,
    /// The message.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a [u8; SIGNATURE_BYTES],
}

impl PublicKey {
    /// Checks 32 bytes.
    ///
    /// # Errors
    /// [`BadKey`] when they are not a point, or a point of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BadKey> {
        Self::checked(VerifyingKey::from_bytes(bytes).map_err(|_| BadKey)?)
    }

    /// The public half of a signing key.
    ///
    /// # Panics
    /// Never: a secret scalar is a multiple of the cofactor between 2^254 and 2^255, so its point has
    /// the group's large order.
    pub fn of(key: &SigningKey) -> Self {
        Self::checked(key.verifying_key()).expect("a clamped scalar's point is of large order")
    }

    fn checked(strict: VerifyingKey) -> Result<Self, BadKey> {
        let zip215 = VerificationKey::try_from(strict.to_bytes()).map_err(|_| BadKey)?;
        if strict.is_weak() {
            return Err(BadKey);
        }
        Ok(Self { strict, zip215 })
    }

    /// 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.strict.to_bytes()
    }

    /// Checks a signature under an entry or a claim, by ZIP 215. [`verify_batch`] gives the same
    /// answer.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Result<(), BadSignature> {
        self.zip215
            .verify(&(*signature).into(), message)
            .map_err(|_| BadSignature)
    }

    /// Checks a signature under a checkpoint, a note or a cosignature, as standard clients do: it
    /// refuses an R of small order, and a signature that holds only after multiplication by the
    /// cofactor.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_strict(
        &self,
        message: &[u8],
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Result<(), BadSignature> {
        self.strict
            .verify_strict(message, &Signature::from_bytes(signature))
            .map_err(|_| BadSignature)
    }
}

/// Whether all of many signatures under entries or claims hold. The answer is that of
/// [`PublicKey::verify`] for each, in a quarter of the time for thousands of signatures and in half
/// of it for a dozen.
///
/// Coefficients are derived from a hash of all keys, messages and signatures, so the answer depends
/// on nothing else, and nobody can choose signatures for known coefficients.
pub fn all_hold(items: &[Signed<'_>]) -> bool {
    match items {
        [] => return true,
        [item] => return item.key.verify(item.message, item.signature).is_ok(),
        _ => {}
    }
    let mut seed = Sha256::new();
    let mut verifier = batch::Verifier::new();
    seed.update(b"merits/signatures/v1");
    for Signed {
        key,
        message,
        signature,
    } in items
    {
        seed.update(key.to_bytes());
        seed.update((message.len() as u64).to_le_bytes());
        seed.update(message);
        seed.update(signature);
        verifier.queue((key.zip215.into(), (**signature).into(), *message));
    }
    verifier
        .verify(ChaCha20Rng::from_seed(seed.finalize().into()))
        .is_ok()
}

/// Like [`all_hold`], and names the first signature that does not hold.
///
/// # Errors
/// [`BadSignatureAt`] names the first that [`PublicKey::verify`] refuses.
pub fn verify_batch(items: &[Signed<'_>]) -> Result<(), BadSignatureAt> {
    if items.len() > 1 && all_hold(items) {
        return Ok(());
    }
    let bad = |item: &Signed<'_>| item.key.verify(item.message, item.signature).is_err();
    match items.iter().position(bad) {
        None => Ok(()),
        Some(at) => Err(BadSignatureAt(at)),
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

#[cfg(test)]
mod tests;
