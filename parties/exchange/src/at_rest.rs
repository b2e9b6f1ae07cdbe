//! Encryption of voucher codes at rest. A code can be used by anybody who has it, so a copy of the
//! database alone must be worthless.
//!
//! XChaCha20-Poly1305 with random 192-bit nonces under the exchange's master key. Each ciphertext
//! is bound to its offer and to the code's tag, so that no row can be moved onto another.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use merits_keyfile::SecretBytes;
use merits_primitives::ids::{EntryId, PartyId};
use rand_core::CryptoRng;
use sha2::Sha256;
use thiserror::Error;

use crate::voucher::Code;

const NONCE: usize = 24;

/// A code that cannot be decrypted: another master key, or a damaged or moved row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a voucher in the store does not open: the store belongs to another master key, or the row is damaged"
)]
pub struct UnsealError;

/// Identifies a code, only for holders of the master key: the same code of the same sponsor has the
/// same tag.
pub type CodeTag = [u8; 32];

/// The exchange's master key.
pub struct MasterKey(SecretBytes);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKey {
    /// From the exchange's key file.
    pub fn new(secret: SecretBytes) -> Self {
        Self(secret)
    }

    /// HMAC-SHA-256 over sponsor and code.
    pub fn tag(&self, sponsor: &PartyId, code: &Code) -> CodeTag {
        // HMAC takes keys of any length.
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_ref()).expect("any length fits");
        mac.update(b"merits/voucher-tag/v1");
        mac.update(&sponsor.0);
        mac.update(code.as_str().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Seals a code for its row.
    pub fn seal(
        &self,
        offer: &EntryId,
        tag: &CodeTag,
        code: &Code,
        rng: &mut impl CryptoRng,
    ) -> Vec<u8> {
        let mut nonce = [0u8; NONCE];
        rng.fill_bytes(&mut nonce);
        let payload = Payload {
            msg: code.as_str().as_bytes(),
            aad: &place(offer, tag),
        };
        let sealed = XChaCha20Poly1305::new(&(*self.0).into())
            .encrypt(&XNonce::from(nonce), payload)
            // This fails only beyond 256 GiB; a code has a few hundred bytes.
            .expect("short messages are always sealed");
        [&nonce[..], &sealed].concat()
    }

    /// Opens the code of a row.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub fn open(&self, offer: &EntryId, tag: &CodeTag, sealed: &[u8]) -> Result<Code, UnsealError> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>().ok_or(UnsealError)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &place(offer, tag),
        };
        let plain = XChaCha20Poly1305::new(&(*self.0).into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| UnsealError)?;
        let text = String::from_utf8(plain).map_err(|_| UnsealError)?;
        Code::new(text).map_err(|_| UnsealError)
    }
}

fn place(offer: &EntryId, tag: &CodeTag) -> Vec<u8> {
    [b"merits/rest/v1/voucher\0", &offer.0[..], tag].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_in_its_place_under_its_key_only() {
        let master = |byte| MasterKey::new(SecretBytes::new([byte; 32]));
        let code = Code::new("BIKE-1".to_owned()).expect("a good code");
        let (offer, sponsor) = (EntryId([3; 32]), PartyId([4; 32]));
        let tag = master(1).tag(&sponsor, &code);
        let sealed = master(1).seal(&offer, &tag, &code, &mut rand::rng());
        assert_eq!(master(1).open(&offer, &tag, &sealed).as_ref(), Ok(&code));
        assert!(master(2).open(&offer, &tag, &sealed).is_err());
        assert!(master(1).open(&EntryId([5; 32]), &tag, &sealed).is_err());
        assert!(master(1).open(&offer, &[6; 32], &sealed).is_err());
        assert!(master(1).open(&offer, &tag, &sealed[..20]).is_err());
        assert_ne!(tag, master(1).tag(&PartyId([7; 32]), &code));
        assert_ne!(tag, master(2).tag(&sponsor, &code));
    }
}
