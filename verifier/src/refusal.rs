//! Signed refusals. A log that refuses an entry signs the refusal, so that a submitter can show
//! what was refused, when and why, and censorship leaves a trace.
//!
//! A refusal is a signed note. Its first line, `merits-refusal/v1 <origin>`, contains a space,
//! which is not allowed in an origin, so a refusal cannot be mistaken for a checkpoint.

use alloc::{borrow::ToOwned as _, format, string::String};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Origin},
};
use thiserror::Error;

use crate::{
    field_path::FieldPath,
    log::{LogKey, LogSigner, NoteError, SignedNote},
    reason::ReasonCode,
};

/// A refusal by a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalNotice {
    /// The log.
    pub origin: Origin,
    /// The entry's id.
    pub entry: EntryId,
    /// SHA-256 of the submitted bytes. It is needed because the id does not cover proof and
    /// signature.
    pub submission: [u8; 32],
    /// The log's time.
    pub time: Timestamp,
    /// The reason. A newer log may give one that this program does not know.
    pub code: ReasonCode,
    /// The field at fault.
    pub field: FieldPath,
    /// The reason in words, on one line.
    pub message: String,
}

/// Why a refusal notice is rejected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RefusalNoticeError {
    /// The note is refused.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not a refusal of this log.
    #[error("the signed text is not a refusal of this log")]
    Malformed,
}

impl RefusalNotice {
    /// Signs the notice. The note names the signer's origin.
    pub fn sign(&self, signer: &LogSigner) -> SignedRefusal {
        // No blank at the end of a line: programs in transit remove it.
        let message = self.message.replace(char::is_control, " ");
        SignedRefusal(signer.sign(&format!(
            "{HEADER} {}\nentry {}\nsubmission {}\ntime {}\ncode {}\n{}\n{}\n",
            signer.public().origin(),
            self.entry,
            BASE64.encode(self.submission),
            self.time.as_millis(),
            self.code,
            format!("field {}", self.field).trim_end(),
            format!("message {message}").trim_end(),
        )))
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut value = |key: &str| {
            let rest = lines.next()?.strip_prefix(key)?;
            if rest.is_empty() {
                Some(rest)
            } else {
                rest.strip_prefix(' ')
            }
        };
        let notice = Self {
            origin: Origin::new(value(HEADER)?).ok()?,
            entry: EntryId::from_hex(value("entry")?)?,
            submission: BASE64.decode(value("submission")?).ok()?.try_into().ok()?,
            time: Timestamp::from_millis(value("time")?.parse().ok()?),
            code: value("code")?.parse().ok()?,
            field: value("field")?.parse().ok()?,
            message: value("message")?.to_owned(),
        };
        lines.next().is_none().then_some(notice)
    }
}

/// A refusal with the log's signature, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRefusal(SignedNote);

impl SignedRefusal {
    /// Reads the text of a signed note.
    ///
    /// # Errors
    /// [`RefusalNoticeError::Note`].
    pub fn parse(note: &str) -> Result<Self, RefusalNoticeError> {
        Ok(Self(SignedNote::parse(note)?))
    }

    /// The notice, if the log signed it.
    ///
    /// # Errors
    /// [`RefusalNoticeError`].
    pub fn verify(&self, key: &LogKey) -> Result<RefusalNotice, RefusalNoticeError> {
        let notice =
            RefusalNotice::from_text(self.0.open(key)?).ok_or(RefusalNoticeError::Malformed)?;
        if notice.origin == *key.origin() {
            Ok(notice)
        } else {
            Err(RefusalNoticeError::Malformed)
        }
    }
}

impl core::fmt::Display for SignedRefusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

const HEADER: &str = "merits-refusal/v1";

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::Reason;

    /// Most refusals name a field, and some do not. In both cases the log's own notice verifies,
    /// also after a program in transit removed blanks from its lines, or added some.
    #[test]
    fn what_a_log_signs_verifies() {
        let origin = Origin::new("log.example").unwrap();
        let signer = LogSigner::new(origin.clone(), SigningKey::from_bytes(&[1; 32]));
        for field in ["", "claims[3].c"] {
            for message in ["no", "", "ends in a blank ", "\t"] {
                let notice = RefusalNotice {
                    origin: origin.clone(),
                    entry: EntryId([7; 32]),
                    submission: [9; 32],
                    time: Timestamp::from_millis(12),
                    code: Reason::Spent.into(),
                    field: field.parse().unwrap(),
                    message: message.to_owned(),
                };
                let text = notice.sign(&signer).to_string();
                assert!(!text.contains(" \n"), "{text:?}");
                for on_the_way in [
                    text.clone(),
                    text.replace('\n', "\r\n"),
                    text.replace('\n', " \n"),
                    format!("\u{feff}{text}\n"),
                ] {
                    let read = SignedRefusal::parse(&on_the_way).unwrap();
                    let read = read.verify(signer.public()).unwrap();
                    assert_eq!(
                        (read.code, read.field),
                        (notice.code.clone(), notice.field.clone())
                    );
                    assert_eq!(read.message, message.trim_end());
                }
            }
        }
    }

    /// A refusal must be verifiable even if the reader's program is older than the log's.
    #[test]
    fn a_refusal_for_a_reason_that_is_not_known_here_verifies() {
        let origin = Origin::new("log.example").unwrap();
        let signer = LogSigner::new(origin, SigningKey::from_bytes(&[1; 32]));
        let notice = |code: &str, field: &str| {
            let (entry, submission) = (
                "07".repeat(32),
                "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=",
            );
            let text = signer.sign(&format!(
                "merits-refusal/v1 log.example\nentry {entry}\nsubmission {submission}\ntime 12\n\
                 code {code}\nfield {field}\nmessage no\n"
            ));
            SignedRefusal::parse(&text.to_string())
                .unwrap()
                .verify(signer.public())
        };
        let newer = notice("moon-too-full", "moon.craters[3]").unwrap();
        assert_eq!(newer.code.to_string(), "moon-too-full");
        assert_eq!(newer.code.known(), None);
        assert_eq!(newer.field.to_string(), "moon.craters[3]");
        assert_eq!(notice("spent", "").unwrap().code, Reason::Spent);
        for (code, field) in [
            ("Moon", ""),
            ("", ""),
            ("spent", "a["),
            ("spent", "a\u{202e}"),
        ] {
            assert_eq!(notice(code, field), Err(RefusalNoticeError::Malformed));
        }
    }
}
