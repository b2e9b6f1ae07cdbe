//! Secrets under a passphrase: Argon2id (RFC 9106) derives a key from it, slowly and with much memory, so that
//! somebody who finds the file can try only few passphrases. ChaCha20-Poly1305 seals under that key.
//!
//! A passphrase is normalized (NFC) first, so it opens on a system that encodes its letters differently.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit as _,
    aead::{Aead as _, Payload},
};
use merits_text::{display::check_line, file::without_mark, typed};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

/// Fewest characters of a passphrase.
pub const LEAST_PASSPHRASE: usize = 10;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;

/// Bytes that sealing adds.
pub const TAG_BYTES: usize = 16;

/// Memory of Argon2id, KiB: 64 MiB, the second recommendation of RFC 9106, section 4.
const MEMORY_KIB: u32 = 64 * 1024;

/// Passes of Argon2id, by the same recommendation.
const PASSES: u32 = 3;

/// Lanes of Argon2id, by the same recommendation.
const LANES: u32 = 4;

/// Most memory that a file may ask for, KiB: 1 GiB.
const MOST_MEMORY_KIB: u32 = 1 << 20;

/// Most passes that a file may ask for.
const MOST_PASSES: u32 = 32;

/// The name in files.
const ALGORITHM: &str = "argon2id";

/// Why a passphrase gives no key, or its key opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// It is too easy to guess.
    #[error(
        "the passphrase has fewer than {LEAST_PASSPHRASE} characters: somebody who finds the file could try \
         them all; take several words"
    )]
    Short,
    /// A new passphrase has an invisible character.
    #[error(
        "character {place} of the passphrase is U+{character:04X}, {what}: you could not type it again from paper; \
         take it out"
    )]
    HiddenCharacter {
        /// Position, from 1.
        place: usize,
        /// Its code point.
        character: u32,
        /// A description of it.
        what: &'static str,
    },
    /// A new passphrase begins or ends with a space.
    #[error(
        "the passphrase begins or ends with a space, which nobody sees on paper: take the space out"
    )]
    BlankEnd,
    /// A file has more than one line.
    #[error(
        "it has {lines} lines with text, and a passphrase is one line: with several, nobody knows later which of \
         them opens the file. Keep the one line in it (a backup that an older merits made from such a file opens \
         with the first)"
    )]
    ManyLines {
        /// Lines that are not blank.
        lines: usize,
    },
    /// The passphrase or the file. The two cannot be distinguished.
    #[error(
        "the file does not open: the passphrase is wrong, or the file was altered. Type it again as it was \
         written down, with capital and small letters, or take another copy of the file"
    )]
    Sealed,
    /// Another algorithm.
    #[error("argon2id is expected, and the file names another derivation")]
    Algorithm,
    /// More work than any file of ours asks for.
    #[error("it asks for {memory_kib} KiB and {passes} passes, more than any file of ours")]
    Excessive {
        /// Memory, KiB.
        memory_kib: u32,
        /// Passes.
        passes: u32,
    },
    /// The key derivation refused.
    #[error("the key cannot be derived from the passphrase: {0}")]
    Derivation(String),
}

/// How a key is derived from a passphrase, in the form of the files that carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    #[serde(with = "salt")]
    salt: [u8; 16],
}

impl Derivation {
    /// With a fresh salt.
    pub fn fresh(rng: &mut impl CryptoRng) -> Self {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        Self {
            algorithm: ALGORITHM.to_owned(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt,
        }
    }

    /// Refuses what no file of ours asks for.
    ///
    /// # Errors
    /// [`PassphraseError::Algorithm`], [`PassphraseError::Excessive`].
    pub fn check(&self) -> Result<(), PassphraseError> {
        if self.algorithm != ALGORITHM {
            return Err(PassphraseError::Algorithm);
        }
        let Self {
            memory_kib, passes, ..
        } = *self;
        if memory_kib > MOST_MEMORY_KIB || passes > MOST_PASSES {
            return Err(PassphraseError::Excessive { memory_kib, passes });
        }
        Ok(())
    }

    /// Memory in KiB, passes and lanes: for what a seal authenticates.
    pub fn numbers(&self) -> [u32; 3] {
        [self.memory_kib, self.passes, self.lanes]
    }

    /// The salt.
    pub fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// The key of a passphrase in its normal form.
    ///
    /// # Errors
    /// [`PassphraseError`].
    pub fn key(&self, passphrase: &str) -> Result<PassphraseKey, PassphraseError> {
        self.key_as_typed(&one_form(passphrase))
    }

    /// The key of exactly these bytes.
    ///
    /// # Errors
    /// [`PassphraseError`].
    pub fn key_as_typed(&self, passphrase: &str) -> Result<PassphraseKey, PassphraseError> {
        self.check()?;
        let refused = |error: argon2::Error| PassphraseError::Derivation(error.to_string());
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(refused)?;
        let mut key = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, key.as_mut())
            .map_err(refused)?;
        Ok(PassphraseKey(ChaCha20Poly1305::new(&(*key).into())))
    }
}

/// A key that came out of a passphrase.
pub struct PassphraseKey(ChaCha20Poly1305);

impl std::fmt::Debug for PassphraseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PassphraseKey(..)")
    }
}

impl PassphraseKey {
    /// Seals a secret, and binds it to `bound`. A nonce is never used twice under one key.
    ///
    /// # Errors
    /// [`PassphraseError::Sealed`] for a secret of more than 256 GiB.
    pub fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        bound: &[u8],
        secret: &[u8],
    ) -> Result<Vec<u8>, PassphraseError> {
        let payload = Payload {
            msg: secret,
            aad: bound,
        };
        self.0
            .encrypt(&(*nonce).into(), payload)
            .map_err(|_| PassphraseError::Sealed)
    }

    /// Opens what was sealed with the same nonce and bound to the same.
    ///
    /// # Errors
    /// [`PassphraseError::Sealed`].
    pub fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        bound: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PassphraseError> {
        let payload = Payload {
            msg: sealed,
            aad: bound,
        };
        self.0
            .decrypt(&(*nonce).into(), payload)
            .map(Zeroizing::new)
            .map_err(|_| PassphraseError::Sealed)
    }
}

/// A passphrase in the form under which it is used.
pub fn one_form(passphrase: &str) -> Zeroizing<String> {
    Zeroizing::new(typed::typed(passphrase).into_owned())
}

/// Refuses a new passphrase that is too easy to guess, or that nobody could type again from paper. Existing
/// passphrases are not checked.
///
/// # Errors
/// [`PassphraseError::Short`], [`PassphraseError::HiddenCharacter`], [`PassphraseError::BlankEnd`].
pub fn check_new(passphrase: &str) -> Result<(), PassphraseError> {
    if let Err(hidden) = check_line(passphrase) {
        return Err(PassphraseError::HiddenCharacter {
            place: hidden.place,
            character: u32::from(hidden.character),
            what: hidden.what,
        });
    }
    if passphrase.trim() != passphrase {
        return Err(PassphraseError::BlankEnd);
    }
    if one_form(passphrase).chars().count() < LEAST_PASSPHRASE {
        return Err(PassphraseError::Short);
    }
    Ok(())
}

/// The passphrase in the text of a file: its only line that is not blank, without a byte order mark.
///
/// # Errors
/// [`PassphraseError::ManyLines`].
pub fn passphrase_of_file(text: &str) -> Result<&str, PassphraseError> {
    let text = without_mark(text);
    let mut with_text = text.lines().filter(|line| !line.trim().is_empty());
    let first = with_text.next();
    match with_text.count() {
        // Earlier versions also used a text of blanks unchanged.
        0 => Ok(first.unwrap_or_else(|| text.lines().next().unwrap_or_default())),
        more => Err(PassphraseError::ManyLines { lines: more + 1 }),
    }
}

/// A salt as hexadecimal digits.
mod salt {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        salt: &[u8; 16],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(salt))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 16], D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let mut salt = [0; 16];
        hex::decode_to_slice(text.as_ref(), &mut salt)
            .map_err(|_| D::Error::custom("32 hexadecimal digits are expected"))?;
        Ok(salt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_with_its_passphrase_and_binding_only() {
        let derivation = Derivation::fresh(&mut rand::rng());
        let key = derivation.key("wheel salt lantern").expect("a key");
        let nonce = [1; NONCE_BYTES];
        let sealed = key.seal(&nonce, b"bound", b"secret").expect("sealed");
        assert_eq!(sealed.len(), b"secret".len() + TAG_BYTES);
        let again = derivation.key("wheel salt lantern").expect("a key");
        let opened = again.open(&nonce, b"bound", &sealed).expect("opened");
        assert_eq!(opened.as_slice(), b"secret");
        let refused = Err(PassphraseError::Sealed);
        assert_eq!(again.open(&nonce, b"other", &sealed), refused);
        assert_eq!(again.open(&[2; NONCE_BYTES], b"bound", &sealed), refused);
        let other = derivation.key("wheel salt lanterN").expect("a key");
        assert_eq!(other.open(&nonce, b"bound", &sealed), refused);
    }

    #[test]
    fn what_no_file_of_ours_asks_for_is_refused() {
        let good = Derivation::fresh(&mut rand::rng());
        assert_eq!(good.check(), Ok(()));
        let mut other = good.clone();
        other.algorithm = "scrypt".to_owned();
        assert_eq!(other.check(), Err(PassphraseError::Algorithm));
        let mut hungry = good;
        hungry.memory_kib = MOST_MEMORY_KIB + 1;
        assert!(matches!(
            hungry.key("wheel salt lantern"),
            Err(PassphraseError::Excessive { .. })
        ));
        assert_eq!(check_new("password"), Err(PassphraseError::Short));
        assert_eq!(check_new("wheel salt lantern"), Ok(()));
        assert_eq!(check_new(" wheel salt"), Err(PassphraseError::BlankEnd));
        assert!(matches!(
            check_new("wheel\u{200b}salt lantern"),
            Err(PassphraseError::HiddenCharacter { place: 6, .. })
        ));
    }

    /// Regression: all lines but the first were ignored, and nobody was told.
    #[test]
    fn a_passphrase_file_has_one_line() {
        for text in [
            "one two",
            "one two\n",
            "\u{feff}one two\r\n\r\n",
            "\n \none two",
        ] {
            assert_eq!(passphrase_of_file(text).expect(text), "one two");
        }
        assert_eq!(passphrase_of_file("").expect("empty"), "");
        assert_eq!(passphrase_of_file(" one \n").expect("blanks stay"), " one ");
        let refused = passphrase_of_file("one two\n\nthree\n").expect_err("two lines");
        assert!(matches!(refused, PassphraseError::ManyLines { lines: 2 }));
        assert!(!refused.to_string().contains("three"), "{refused}");
    }
}
