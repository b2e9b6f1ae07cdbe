//! C2SP signed notes (c2sp.org/signed-note) with Ed25519 signatures.
//!
//! A note is text that ends in a newline, a blank line, and signature lines `— <key name>
//! <base64(4-byte key id ‖ signature)>`. Lines of unknown keys are ignored, so that witnesses can
//! add theirs.

use alloc::{borrow::ToOwned as _, format, string::String, string::ToString as _, vec, vec::Vec};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::SigningKey;
use merits_primitives::ids::Origin;
use merits_text::lines::plain;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::signature::{self, PublicKey, SIGNATURE_BYTES};

/// Most bytes of a note; the largest with 16 witnesses has about 3,000.
pub const MAX_NOTE_BYTES: usize = 16_384;

/// Most signature lines of a note (the specification asks for at least 16).
const MAX_SIGNATURES: usize = 100;

/// Signature type of plain Ed25519 over the note's text.
const ED25519: u8 = 0x01;

/// A log's public key, bound to its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    origin: Origin,
    key: PublicKey,
}

/// Why a text is not a log key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a log key: `<origin>+<8 hex digits>+<base64>` with a fitting key id is expected")]
pub struct LogKeyError;

impl LogKey {
    /// The key of a log with this origin.
    pub fn new(origin: Origin, key: PublicKey) -> Self {
        Self { origin, key }
    }

    /// The log's name.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The key alone.
    pub fn public(&self) -> &PublicKey {
        &self.key
    }

    /// Reads `<origin>+<key id>+<base64(0x01 ‖ key)>`, the verifier-key text of signed notes.
    ///
    /// # Errors
    /// [`LogKeyError`].
    pub fn parse(text: &str) -> Result<Self, LogKeyError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(LogKeyError);
        };
        let bytes = BASE64.decode(encoded).map_err(|_| LogKeyError)?;
        let Some((&ED25519, key)) = bytes.split_first() else {
            return Err(LogKeyError);
        };
        let key: [u8; 32] = key.try_into().map_err(|_| LogKeyError)?;
        let origin = Origin::new(name).map_err(|_| LogKeyError)?;
        let log = Self::new(
            origin,
            PublicKey::from_bytes(&key).map_err(|_| LogKeyError)?,
        );
        if log.to_string() == text.trim() && id.len() == 8 {
            Ok(log)
        } else {
            Err(LogKeyError)
        }
    }

    /// The key id of signed notes: the first four bytes of SHA-256(name ‖ "\n" ‖ 0x01 ‖ key).
    pub fn id(&self) -> [u8; 4] {
        key_id(self.origin.as_str(), ED25519, &self.key)
    }
}

impl core::fmt::Display for LogKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let mut key = vec![ED25519];
        key.extend(self.key.to_bytes());
        write!(f, "{}+{id:08x}+{}", self.origin, BASE64.encode(key))
    }
}

/// The first four bytes of SHA-256(name ‖ "\n" ‖ signature type ‖ key).
pub(super) fn key_id(name: &str, signature_type: u8, key: &PublicKey) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', signature_type])
        .chain_update(key.to_bytes())
        .finalize();
    let mut id = [0u8; 4];
    id.copy_from_slice(&digest[..4]);
    id
}

/// A log's signing key, bound to its name.
pub struct LogSigner {
    public: LogKey,
    key: SigningKey,
}

impl core::fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LogSigner({})", self.public)
    }
}

impl LogSigner {
    /// Binds a signing key to an origin.
    pub fn new(origin: Origin, key: SigningKey) -> Self {
        Self {
            public: LogKey::new(origin, PublicKey::of(&key)),
            key,
        }
    }

    /// The public key for verification.
    pub fn public(&self) -> &LogKey {
        &self.public
    }

    /// Signs `text`, which must end in a newline and hold no blank line.
    pub(crate) fn sign(&self, text: &str) -> SignedNote {
        let mut blob = self.public.id().to_vec();
        blob.extend(signature::sign(&self.key, text.as_bytes()));
        let line = format!(
            "\u{2014} {} {}\n",
            self.public.origin(),
            BASE64.encode(blob)
        );
        SignedNote {
            text: text.to_owned(),
            signatures: line,
            trimmed: None,
        }
    }
}

/// Why a note is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Over [`MAX_NOTE_BYTES`].
    #[error("the note has {found} bytes; at most {MAX_NOTE_BYTES} are allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// It is not a text, a blank line and signature lines.
    #[error("not a signed note (text, blank line, signature lines)")]
    Malformed,
    /// The expected key did not sign.
    #[error("the note is not signed by {name}")]
    NotSigned {
        /// Name of the key.
        name: String,
    },
    /// A signature of the expected key does not hold.
    #[error("the signature of {name} on the note does not hold")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
}

/// A note and its signature lines, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: String,
    /// The text without the line endings and blanks that programs add in transit, if that differs.
    trimmed: Option<String>,
}

impl SignedNote {
    /// Splits a note into text and signatures. Programs in transit may have changed line endings,
    /// blanks at the end of lines and a byte order mark. The received text is verified first. If its
    /// signature does not hold, the text without these changes is verified.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { found: note.len() });
        }
        let trimmed = Self::split(&plain(note));
        match (Self::split(note), trimmed) {
            (Ok(came), Ok(trimmed)) if came.text != trimmed.text => Ok(Self {
                trimmed: Some(trimmed.text),
                ..came
            }),
            (Ok(came), _) => Ok(came),
            (Err(_), trimmed) => trimmed,
        }
    }

    fn split(note: &str) -> Result<Self, NoteError> {
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Malformed);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let count = lines.split('\n').count();
        if text.is_empty()
            || count > MAX_SIGNATURES
            || lines.split('\n').any(|l| parts(l).is_none())
        {
            return Err(NoteError::Malformed);
        }
        Ok(Self {
            text: format!("{text}\n"),
            signatures: signatures.to_owned(),
            trimmed: None,
        })
    }

    /// The text, if the log signed it.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`] without a line of this key, [`NoteError::BadSignature`] when one
    /// does not hold.
    pub fn open(&self, key: &LogKey) -> Result<&str, NoteError> {
        let opened = self.open_text(&self.text, key);
        match (&self.trimmed, opened) {
            (Some(trimmed), Err(NoteError::BadSignature { .. })) => self.open_text(trimmed, key),
            (_, opened) => opened,
        }
    }

    fn open_text<'t>(&self, text: &'t str, key: &LogKey) -> Result<&'t str, NoteError> {
        let name = || key.origin().to_string();
        let mut signed = false;
        for (signer, blob) in self.signatures.lines().filter_map(parts) {
            let Some((id, signature)) = blob.split_first_chunk::<4>() else {
                continue;
            };
            if signer != key.origin().as_str() || *id != key.id() {
                continue;
            }
            let signature: &[u8; SIGNATURE_BYTES] = signature
                .try_into()
                .map_err(|_| NoteError::BadSignature { name: name() })?;
            key.public()
                .verify_strict(text.as_bytes(), signature)
                .map_err(|_| NoteError::BadSignature { name: name() })?;
            signed = true;
        }
        if signed {
            Ok(text)
        } else {
            Err(NoteError::NotSigned { name: name() })
        }
    }
}

impl SignedNote {
    /// The first signature of this key, not verified.
    pub(crate) fn signature_of(&self, key: &LogKey) -> Option<[u8; SIGNATURE_BYTES]> {
        self.signatures.lines().filter_map(parts).find_map(|line| {
            let (signer, blob) = line;
            let (id, signature) = blob.split_first_chunk::<4>()?;
            let own = signer == key.origin().as_str() && *id == key.id();
            signature.try_into().ok().filter(|_| own)
        })
    }

    /// Name and blob of every signature line.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.signatures.lines().filter_map(parts)
    }

    /// The same note with only the lines of this key.
    pub(super) fn only_of(&self, key: &LogKey) -> Self {
        let own = |line: &&str| {
            parts(line).is_some_and(|(name, blob)| {
                name == key.origin().as_str() && blob.starts_with(&key.id())
            })
        };
        let mut signatures = String::new();
        for line in self.signatures.lines().filter(own) {
            signatures.push_str(line);
            signatures.push('\n');
        }
        Self {
            signatures,
            ..self.clone()
        }
    }

    /// The same note with one more signature line.
    pub(super) fn with_line(&self, line: &str) -> Result<Self, NoteError> {
        let note = format!("{self}{line}\n");
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { found: note.len() });
        }
        Ok(Self {
            trimmed: self.trimmed.clone(),
            ..Self::split(&note)?
        })
    }
}

impl core::fmt::Display for SignedNote {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}\n{}", self.text, self.signatures)
    }
}

/// Key name and blob of a signature line.
pub(super) fn parts(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let blob = BASE64.decode(encoded).ok()?;
    (!name.is_empty() && blob.len() > 4).then_some((name, blob))
}
