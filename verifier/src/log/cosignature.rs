//! Cosignatures of witnesses (c2sp.org/tlog-cosignature, `cosignature/v1`).
//!
//! A cosignature states that the witness has checked, at this time, that the checkpoint continues
//! every checkpoint of the log that it cosigned before. The message is `cosignature/v1`, a line
//! `time <POSIX seconds>`, and the checkpoint's text. The signature line of the note carries the time
//! (8 bytes, big-endian) before the Ed25519 signature.

use alloc::{borrow::ToOwned as _, format, string::String, string::ToString as _, vec, vec::Vec};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::SigningKey;
use merits_primitives::calendar::Timestamp;
use thiserror::Error;

use super::{Checkpoint, CheckpointError, LogKey, SignedCheckpoint, note::key_id};
use crate::signature::{self, PublicKey, SIGNATURE_BYTES};

/// Signature type of timestamped Ed25519 cosignatures.
const COSIGNATURE: u8 = 0x04;

/// Bytes of the time before the signature.
const TIME_BYTES: usize = 8;

/// The name of a witness: a URL without a scheme, such as `witness.example.org/w1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WitnessName(String);

impl WitnessName {
    /// Longest name, in bytes.
    pub const MAX: usize = 128;

    /// Checks a name: 1 to [`WitnessName::MAX`] visible ASCII characters, none of them `+`.
    ///
    /// # Errors
    /// [`WitnessKeyError`].
    pub fn new(value: &str) -> Result<Self, WitnessKeyError> {
        let allowed = |c: char| c.is_ascii_graphic() && c != '+';
        if value.is_empty() || value.len() > Self::MAX || !value.chars().all(allowed) {
            return Err(WitnessKeyError);
        }
        Ok(Self(value.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Display for WitnessName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a witness key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "not a witness key: `<name>+<8 hex digits>+<base64>` of signature type 4 (cosignature/v1) with \
     a fitting key id is expected"
)]
pub struct WitnessKeyError;

/// A witness's public key, bound to its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: WitnessName,
    key: PublicKey,
}

impl WitnessKey {
    /// The key of a witness with this name.
    pub fn new(name: WitnessName, key: PublicKey) -> Self {
        Self { name, key }
    }

    /// The witness's name.
    pub fn name(&self) -> &WitnessName {
        &self.name
    }

    /// The key alone.
    pub fn public(&self) -> &PublicKey {
        &self.key
    }

    /// The key id: the first four bytes of SHA-256(name ‖ "\n" ‖ 0x04 ‖ key).
    pub fn id(&self) -> [u8; 4] {
        key_id(self.name.as_str(), COSIGNATURE, &self.key)
    }

    /// Reads `<name>+<key id>+<base64(0x04 ‖ key)>`, the verifier-key text of signed notes.
    ///
    /// # Errors
    /// [`WitnessKeyError`].
    pub fn parse(text: &str) -> Result<Self, WitnessKeyError> {
        let text = text.trim();
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(WitnessKeyError);
        };
        let bytes = BASE64.decode(encoded).map_err(|_| WitnessKeyError)?;
        let Some((&COSIGNATURE, key)) = bytes.split_first() else {
            return Err(WitnessKeyError);
        };
        let key: [u8; 32] = key.try_into().map_err(|_| WitnessKeyError)?;
        let key = PublicKey::from_bytes(&key).map_err(|_| WitnessKeyError)?;
        let witness = Self::new(WitnessName::new(name)?, key);
        // Each key has one text, which includes its id.
        if witness.to_string() == text {
            Ok(witness)
        } else {
            Err(WitnessKeyError)
        }
    }
}

impl core::fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let mut key = vec![COSIGNATURE];
        key.extend(self.key.to_bytes());
        write!(f, "{}+{id:08x}+{}", self.name, BASE64.encode(key))
    }
}

/// A witness's signing key, bound to its name. A witness that makes a further statement, such as
/// that it runs the ledger's rules, makes it with another key.
pub struct WitnessSigner {
    public: WitnessKey,
    key: SigningKey,
}

impl core::fmt::Debug for WitnessSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "WitnessSigner({})", self.public)
    }
}

impl WitnessSigner {
    /// Binds a signing key to a name.
    pub fn new(name: WitnessName, key: SigningKey) -> Self {
        Self {
            public: WitnessKey::new(name, PublicKey::of(&key)),
            key,
        }
    }

    /// The public key for verification.
    pub fn public(&self) -> &WitnessKey {
        &self.public
    }

    /// Cosigns a checkpoint of the log at this time, rounded down to the second. The caller must
    /// have checked that it continues every tree of this log that this key cosigned, and must have
    /// recorded it durably.
    ///
    /// # Errors
    /// [`CheckpointError`] for a note that is not a checkpoint that this log signed.
    pub fn cosign(
        &self,
        signed: &SignedCheckpoint,
        log: &LogKey,
        time: Timestamp,
    ) -> Result<Cosignature, CheckpointError> {
        let (text, _) = signed.open(log)?;
        // Zero would mean that there is no time.
        let seconds = (time.as_millis() / 1_000).max(1);
        let message = message(seconds, text);
        Ok(Cosignature {
            witness: self.public.name.clone(),
            id: self.public.id(),
            seconds,
            signature: signature::sign(&self.key, message.as_bytes()),
        })
    }
}

/// The text that a witness signs.
fn message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// A cosignature, not yet verified. Its text is a signature line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    witness: WitnessName,
    id: [u8; 4],
    seconds: u64,
    signature: [u8; SIGNATURE_BYTES],
}

impl core::fmt::Display for Cosignature {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut blob = self.id.to_vec();
        blob.extend(self.seconds.to_be_bytes());
        blob.extend(self.signature);
        writeln!(f, "\u{2014} {} {}", self.witness, BASE64.encode(blob))
    }
}

/// Why cosignatures are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CosignatureError {
    /// The log's own checkpoint is refused.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A line that carries the name and key id of a known witness does not hold. The whole note is
    /// refused, because somebody altered it.
    #[error("the cosignature of {name} does not hold: ask for the checkpoint again")]
    BadSignature {
        /// Name of the witness.
        name: String,
    },
    /// Fewer witnesses cosigned than the policy demands.
    #[error(
        "{found} of {of} {whose} cosigned the checkpoint of {size} entries, and the policy demands {needed}: \
         until so many have seen it, the log may be showing another history to others. Try again later; if it stays so, ask \
         the log's operator which witnesses do not answer"
    )]
    TooFew {
        /// The kind of witness, in the plural.
        whose: &'static str,
        /// Distinct known witnesses that cosigned.
        found: usize,
        /// The number of known witnesses.
        of: usize,
        /// The number that must cosign.
        needed: usize,
        /// Leaves of the tree.
        size: u64,
    },
    /// The witness that was asked for did not cosign.
    #[error("the text holds no cosignature of {name}")]
    Missing {
        /// Name of the witness.
        name: String,
    },
}

impl SignedCheckpoint {
    /// The time of this witness's newest cosignature; `None` without one. Lines of other keys are
    /// ignored. `text` is the text that the log signed.
    pub(super) fn cosigned_at(
        &self,
        text: &str,
        witness: &WitnessKey,
    ) -> Result<Option<Timestamp>, CosignatureError> {
        let mut newest = None;
        for (name, blob) in self.lines() {
            if let Some(seconds) = verify_line(name, &blob, text, witness)? {
                newest = newest.max(Some(seconds));
            }
        }
        Ok(newest.map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1_000))))
    }

    /// The same checkpoint with the cosignature of `witness` that is among `lines`, which are
    /// signature lines as a witness answers them. Every other line is ignored.
    ///
    /// # Errors
    /// [`CosignatureError`]: none of this witness, or one that does not hold; a note that gets too long.
    pub fn with_cosignature(
        &self,
        log: &LogKey,
        witness: &WitnessKey,
        lines: &str,
    ) -> Result<Self, CosignatureError> {
        let (text, _) = self.open(log)?;
        for line in lines.lines() {
            let Some((name, blob)) = super::note::parts(line) else {
                continue;
            };
            if verify_line(name, &blob, text, witness)?.is_some() {
                return Ok(self.with_line(line).map_err(CheckpointError::Note)?);
            }
        }
        Err(CosignatureError::Missing {
            name: witness.name.to_string(),
        })
    }
}

/// The time of a signature line, if it is this witness's.
fn verify_line(
    name: &str,
    blob: &[u8],
    text: &str,
    witness: &WitnessKey,
) -> Result<Option<u64>, CosignatureError> {
    let Some((id, rest)) = blob.split_first_chunk::<4>() else {
        return Ok(None);
    };
    if name != witness.name.as_str() || *id != witness.id() {
        return Ok(None);
    }
    let bad = || CosignatureError::BadSignature {
        name: witness.name.to_string(),
    };
    let (time, signature) = rest.split_first_chunk::<TIME_BYTES>().ok_or_else(bad)?;
    let signature: &[u8; SIGNATURE_BYTES] = signature.try_into().map_err(|_| bad())?;
    let seconds = u64::from_be_bytes(*time);
    // The specification's bounds: a line without a time makes no statement about a checkpoint.
    if seconds == 0 || seconds > i64::MAX as u64 {
        return Err(bad());
    }
    let message = message(seconds, text);
    (witness.key)
        .verify_strict(message.as_bytes(), signature)
        .map_err(|_| bad())?;
    Ok(Some(seconds))
}

/// A checkpoint that a log signed and that witnesses cosigned as a policy demands. Only
/// [`SignedCheckpoint::verify_cosigned`](super::SignedCheckpoint::verify_cosigned) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    pub(super) checkpoint: Checkpoint,
    pub(super) by: Vec<(WitnessName, Timestamp)>,
    pub(super) as_of: Timestamp,
}

impl Cosigned {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The witnesses of the policy that cosigned, and when.
    pub fn by(&self) -> &[(WitnessName, Timestamp)] {
        &self.by
    }

    /// The latest time for which the policy's number of witnesses cosigned at that time or later. For
    /// callers that refuse an old checkpoint, or one from the future.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }
}
