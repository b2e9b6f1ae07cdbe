//! Checkpoints (c2sp.org/tlog-checkpoint): a signed note of origin, size and root.

use alloc::{format, string::String, string::ToString as _, vec::Vec};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use merits_primitives::ids::Origin;
use thiserror::Error;

use super::{Hash, LogKey, LogSigner, NoteError, SignedNote};
use crate::signature::SIGNATURE_BYTES;

/// A log's commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// Leaves in the tree.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note is refused.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not a checkpoint.
    #[error("the signed text is not a checkpoint (origin, size and root, one on each line)")]
    Malformed,
    /// A checkpoint of another log.
    #[error("the checkpoint belongs to log {found}, not to {expected}")]
    OtherLog {
        /// The log that was expected.
        expected: String,
        /// The log that the text names.
        found: String,
    },
}

impl Checkpoint {
    /// Signs the checkpoint. The signer's origin must be the checkpoint's.
    ///
    /// # Errors
    /// [`CheckpointError::OtherLog`] for another log's signer.
    pub fn sign(&self, signer: &LogSigner) -> Result<SignedCheckpoint, CheckpointError> {
        self.expect_origin(signer.public().origin())?;
        Ok(SignedCheckpoint(signer.sign(&self.text())))
    }

    /// Checks that the log signed exactly this checkpoint, for callers that have the signature without
    /// its note.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify_signature(
        &self,
        key: &LogKey,
        signature: &[u8; SIGNATURE_BYTES],
    ) -> Result<(), CheckpointError> {
        self.expect_origin(key.origin())?;
        key.public()
            .verify_strict(self.text().as_bytes(), signature)
            .map_err(|_| {
                let name = key.origin().to_string();
                NoteError::BadSignature { name }.into()
            })
    }

    fn expect_origin(&self, expected: &Origin) -> Result<(), CheckpointError> {
        if self.origin == *expected {
            return Ok(());
        }
        let (expected, found) = (expected.to_string(), self.origin.to_string());
        Err(CheckpointError::OtherLog { expected, found })
    }

    fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            BASE64.encode(self.root)
        )
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = Origin::new(lines.next()?).ok()?;
        let size = lines.next()?;
        let root = BASE64.decode(lines.next()?).ok()?.try_into().ok()?;
        // Extension lines may follow; the specification forbids empty ones.
        if lines.any(str::is_empty) {
            return None;
        }
        let number: u64 = size.parse().ok()?;
        // Each number has one text: no sign and no leading zero.
        (number.to_string() == size).then_some(Self {
            origin,
            size: number,
            root,
        })
    }
}

/// A checkpoint with its signatures, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint(SignedNote);

impl SignedCheckpoint {
    /// Reads the text of a signed note.
    ///
    /// # Errors
    /// [`CheckpointError::Note`].
    pub fn parse(note: &str) -> Result<Self, CheckpointError> {
        Ok(Self(SignedNote::parse(note)?))
    }

    /// The checkpoint, if the log signed it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, key: &LogKey) -> Result<Checkpoint, CheckpointError> {
        self.open(key).map(|(_, checkpoint)| checkpoint)
    }

    /// The same, with the text that the log signed.
    pub(super) fn open(&self, key: &LogKey) -> Result<(&str, Checkpoint), CheckpointError> {
        let text = self.0.open(key)?;
        let checkpoint = Checkpoint::from_text(text).ok_or(CheckpointError::Malformed)?;
        checkpoint.expect_origin(key.origin())?;
        Ok((text, checkpoint))
    }

    /// Name and blob of every signature line.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.0.lines()
    }

    /// The same with only the log's own lines, as it was before anybody cosigned it.
    #[must_use]
    pub fn without_cosignatures(&self, log: &LogKey) -> Self {
        Self(self.0.only_of(log))
    }

    /// The same with one more signature line.
    pub(super) fn with_line(&self, line: &str) -> Result<Self, NoteError> {
        self.0.with_line(line).map(Self)
    }
}

impl SignedCheckpoint {
    /// The log's signature alone, not verified. [`Checkpoint::verify_signature`] verifies it.
    pub fn signature_of(&self, key: &LogKey) -> Option<[u8; SIGNATURE_BYTES]> {
        self.0.signature_of(key)
    }
}

impl core::fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}
