//! Encryption at rest: records, salts and names, under one data key for each subject.
//!
//! XChaCha20-Poly1305 with random 192-bit nonces. The data key itself is wrapped under the node's
//! master key and stored in the subject's row. Deleting the row deletes the key, and so everything
//! that was sealed under it (crypto-shredding). Each ciphertext is bound to its place by the
//! associated data, so that no row can be moved onto another.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use merits_keyfile::SecretBytes;
use merits_text::typed::typed;
use rand_core::CryptoRng;
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

const NONCE: usize = 24;

/// A ciphertext that cannot be decrypted: another master key, or a damaged or moved row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} does not open: the store belongs to another master key, or the row is damaged")]
pub struct UnsealError {
    /// The item to decrypt.
    pub what: &'static str,
}

/// The node's master key: wraps data keys, and identifies subjects without their names.
pub struct MasterKey(SecretBytes);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// A subject's data key.
#[derive(Clone)]
pub struct DataKey(SecretBytes);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// Identifies a subject's row: a keyed hash of the name.
pub type SubjectTag = [u8; 32];

impl MasterKey {
    /// From the node's key file.
    pub fn new(secret: SecretBytes) -> Self {
        Self(secret)
    }

    /// HMAC-SHA-256 over the look of the name: equal for two names that people would confuse.
    pub fn look(&self, subject: &str) -> [u8; 32] {
        // HMAC takes keys of any length.
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_ref()).expect("any length fits");
        mac.update(b"merits/subject-look/v1");
        mac.update(merits_text::lookalike::skeleton(subject).as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// HMAC-SHA-256 over the name: only holders of the key can find rows.
    pub fn tag(&self, subject: &str) -> SubjectTag {
        // HMAC takes keys of any length.
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_ref()).expect("any length fits");
        mac.update(b"merits/subject-tag/v1");
        mac.update(typed(subject).as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// A fresh data key, and its wrapped form.
    pub fn new_data_key(&self, tag: &SubjectTag, rng: &mut impl CryptoRng) -> (DataKey, Vec<u8>) {
        let mut key = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(key.as_mut());
        let wrapped = seal(&self.0, "data-key", tag, key.as_ref(), rng);
        (DataKey(key), wrapped)
    }

    /// Opens a data key.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub fn unwrap(&self, tag: &SubjectTag, wrapped: &[u8]) -> Result<DataKey, UnsealError> {
        let what = "a subject's data key";
        let bytes = unseal(&self.0, "data-key", tag, wrapped, what)?;
        let mut key = Zeroizing::new([0u8; 32]);
        if bytes.len() != key.len() {
            return Err(UnsealError { what });
        }
        key.copy_from_slice(&bytes);
        Ok(DataKey(key))
    }
}

impl DataKey {
    /// Seals bytes for a place: a purpose and what identifies the row.
    pub fn seal(
        &self,
        purpose: &'static str,
        place: &[u8],
        plain: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Vec<u8> {
        seal(&self.0, purpose, place, plain, rng)
    }

    /// Opens what [`DataKey::seal`] sealed for the same place.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub fn unseal(
        &self,
        purpose: &'static str,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        unseal(&self.0, purpose, place, sealed, purpose)
    }
}

fn associated(purpose: &str, place: &[u8]) -> Vec<u8> {
    // A purpose has no zero byte, so the two parts do not run into each other.
    [b"merits/rest/v1/", purpose.as_bytes(), b"\0", place].concat()
}

fn seal(
    key: &[u8; 32],
    purpose: &str,
    place: &[u8],
    plain: &[u8],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let mut nonce = [0u8; NONCE];
    rng.fill_bytes(&mut nonce);
    let payload = Payload {
        msg: plain,
        aad: &associated(purpose, place),
    };
    let sealed = XChaCha20Poly1305::new(&(*key).into())
        .encrypt(&XNonce::from(nonce), payload)
        // Fails only beyond 256 GiB. Sealed values here are a few kilobytes.
        .expect("short messages are always sealed");
    [&nonce[..], &sealed].concat()
}

fn unseal(
    key: &[u8; 32],
    purpose: &str,
    place: &[u8],
    sealed: &[u8],
    what: &'static str,
) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
    let (nonce, body) = sealed
        .split_first_chunk::<NONCE>()
        .ok_or(UnsealError { what })?;
    let payload = Payload {
        msg: body,
        aad: &associated(purpose, place),
    };
    XChaCha20Poly1305::new(&(*key).into())
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| UnsealError { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(byte: u8) -> MasterKey {
        MasterKey::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn opens_in_its_place_under_its_key_only() {
        let mut rng = rand::rng();
        let tag = master(1).tag("568");
        let (key, wrapped) = master(1).new_data_key(&tag, &mut rng);
        let sealed = key.seal("records", b"row 1", b"secret", &mut rng);
        let again = master(1).unwrap(&tag, &wrapped).expect("its own key");
        assert_eq!(
            again
                .unseal("records", b"row 1", &sealed)
                .expect("opens")
                .as_slice(),
            b"secret"
        );
        assert!(again.unseal("records", b"row 2", &sealed).is_err());
        assert!(again.unseal("name", b"row 1", &sealed).is_err());
        assert!(again.unseal("records", b"row 1", &sealed[..20]).is_err());
        assert!(master(2).unwrap(&tag, &wrapped).is_err());
        assert!(master(1).unwrap(&master(1).tag("569"), &wrapped).is_err());
        let mut bent = sealed.clone();
        bent[30] ^= 1;
        assert!(again.unseal("records", b"row 1", &bent).is_err());
        let twice = key.seal("records", b"row 1", b"secret", &mut rng);
        assert_ne!(twice, sealed, "a nonce is never used again");
        assert!(!format!("{key:?}{:?}", master(1)).contains('1'));
    }
}
