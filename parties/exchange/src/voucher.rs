//! Voucher codes, and their encryption for transport: HPKE (RFC 9180), base mode,
//! X25519-HKDF-SHA256, HKDF-SHA256, ChaCha20-Poly1305, to the fresh key that the redemption names.
//!
//! The redemption's proof binds that key, so an exchange cannot be made to seal to another; and
//! origin, offer and redemption are HPKE's info, so a sealed voucher opens as the answer to its own
//! redemption only.

use merits_primitives::ids::{EntryId, Origin};
use merits_proto::SealedVoucher;
use merits_sealing::{SealError, Sealed, SealingKey};
use merits_verifier::codec::Writer;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest code, in bytes.
pub const MAX_CODE_BYTES: usize = 512;

/// Every sealed voucher has this many plain bytes, so that its length reveals nothing: two bytes of
/// length, the code, zeros.
const PADDED: usize = 2 + MAX_CODE_BYTES;

/// A voucher's code in any form that the sponsor uses: a number, a link. Anybody who has it can use
/// the voucher, so Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<String>);

/// A line that is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a voucher's code has 1 to {MAX_CODE_BYTES} bytes of text, without control characters and without space around it"
)]
pub struct BadCode;

impl Code {
    /// Checks a code.
    ///
    /// # Errors
    /// [`BadCode`].
    pub fn new(text: String) -> Result<Self, BadCode> {
        let text = Zeroizing::new(text);
        let whole =
            !text.is_empty() && text.len() <= MAX_CODE_BYTES && text.trim() == text.as_str();
        if !whole || text.chars().any(char::is_control) {
            return Err(BadCode);
        }
        Ok(Self(text))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(..)")
    }
}

/// The redemption that a sealed voucher answers.
#[derive(Debug, Clone, Copy)]
pub struct VoucherContext<'a> {
    /// The log.
    pub origin: &'a Origin,
    /// The offer.
    pub offer: &'a EntryId,
    /// The redemption's entry.
    pub redemption: &'a EntryId,
}

impl VoucherContext<'_> {
    fn info(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.text("merits/voucher/v1");
        out.text(self.origin.as_str());
        out.array(&self.offer.0);
        out.array(&self.redemption.0);
        out.into_bytes()
    }
}

/// Why a voucher cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VoucherError {
    /// The voucher key or the encapsulated key hides nothing.
    #[error(
        "the voucher's key is not a usable X25519 key, so nothing can be sealed to it or opened with it: the \
         wallet or the exchange that made it is at fault"
    )]
    Key,
    /// Not for this key, not the answer to this redemption, or altered in transit.
    #[error(
        "the sealed voucher does not open: it is for another key or redemption, or was altered; ask the exchange again"
    )]
    Open,
}

impl From<SealError> for VoucherError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Key => Self::Key,
            SealError::Open => Self::Open,
        }
    }
}

/// Seals a code to a redemption's voucher key.
///
/// # Errors
/// [`VoucherError::Key`] for a key that would hide nothing.
pub fn seal(
    to: &[u8; 32],
    context: &VoucherContext<'_>,
    code: &Code,
    rng: &mut impl CryptoRng,
) -> Result<SealedVoucher, VoucherError> {
    let text = code.as_str().as_bytes();
    // A code has at most 512 bytes.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes();
    let mut plain = Zeroizing::new([&length[..], text].concat());
    plain.resize(PADDED, 0);
    let sealed = merits_sealing::seal(to, &context.info(), &[], &plain, rng)?;
    Ok(SealedVoucher {
        encapsulated_key: sealed.encapsulated,
        ciphertext: sealed.ciphertext,
    })
}

/// Opens a voucher with the secret of the redemption's voucher key.
///
/// # Errors
/// [`VoucherError`].
pub fn open(
    secret: &[u8; 32],
    context: &VoucherContext<'_>,
    sealed: &SealedVoucher,
) -> Result<Code, VoucherError> {
    let key = SealingKey::from_bytes(secret)?;
    let sealed = Sealed {
        encapsulated: sealed.encapsulated_key,
        ciphertext: sealed.ciphertext.clone(),
    };
    let plain = key.open(&context.info(), &[], &sealed)?;
    let (length, text) = plain.split_first_chunk::<2>().ok_or(VoucherError::Open)?;
    let text = text
        .get(..usize::from(u16::from_le_bytes(*length)))
        .and_then(|text| std::str::from_utf8(text).ok())
        .ok_or(VoucherError::Open)?;
    Code::new(text.to_owned()).map_err(|_| VoucherError::Open)
}

/// Whether messages can be sealed to this key. Ask before spending anything on it.
pub fn is_usable(key: &[u8; 32]) -> bool {
    merits_sealing::is_usable(key, &mut rand::rng())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> ([u8; 32], [u8; 32]) {
        let key = SealingKey::generate(&mut rand::rng());
        (*key.to_bytes(), key.public())
    }

    #[test]
    fn opens_as_the_answer_to_its_redemption_only() {
        let origin = Origin::new("voucher.test").expect("a good origin");
        let other_origin = Origin::new("other.test").expect("a good origin");
        let (offer, redemption, other) = (EntryId([1; 32]), EntryId([2; 32]), EntryId([3; 32]));
        let context = VoucherContext {
            origin: &origin,
            offer: &offer,
            redemption: &redemption,
        };
        let (secret, public) = pair();
        let code = Code::new("TEA 0001".to_owned()).expect("a good code");
        let sealed = seal(&public, &context, &code, &mut rand::rng()).expect("a good key");
        assert_eq!(open(&secret, &context, &sealed).as_ref(), Ok(&code));
        for wrong in [
            VoucherContext {
                origin: &other_origin,
                ..context
            },
            VoucherContext {
                offer: &other,
                ..context
            },
            VoucherContext {
                redemption: &other,
                ..context
            },
        ] {
            assert_eq!(open(&secret, &wrong, &sealed), Err(VoucherError::Open));
        }
        assert_eq!(
            open(&pair().0, &context, &sealed),
            Err(VoucherError::Open),
            "another wallet"
        );
        let mut bent = sealed.clone();
        bent.ciphertext[3] ^= 1;
        assert_eq!(open(&secret, &context, &bent), Err(VoucherError::Open));

        let long = Code::new("x".repeat(MAX_CODE_BYTES)).expect("the longest");
        let longest = seal(&public, &context, &long, &mut rand::rng()).expect("a good key");
        assert_eq!(longest.ciphertext.len(), sealed.ciphertext.len());
        assert_eq!(open(&secret, &context, &longest).as_ref(), Ok(&long));
        assert!(longest.ciphertext.len() <= merits_proto::limits::SEALED_VOUCHER_BYTES);
    }

    #[test]
    fn keys_that_hide_nothing_are_known_before() {
        assert!(
            !is_usable(&[0; 32]),
            "X25519 with the zero point gives zero"
        );
        assert!(is_usable(&pair().1));
    }

    #[test]
    fn codes_are_single_lines_and_not_shown() {
        for bad in ["", " x", "x ", "a\nb", &"x".repeat(MAX_CODE_BYTES + 1)] {
            assert_eq!(Code::new(bad.to_owned()), Err(BadCode));
        }
        let code = Code::new("善 1".to_owned()).expect("any text");
        assert_eq!(format!("{code:?}"), "Code(..)");
    }
}
