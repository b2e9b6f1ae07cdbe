//! Evidence against a log that contradicts itself, for a third party that has only the file and the
//! log's key.
//!
//! Two checkpoints that the log signed convict it in two cases:
//!
//! - they have the same size and different roots;
//! - they have two sizes, and the larger tree contains a tree of the smaller size with another root
//!   than the log signed. An RFC 6962 consistency proof shows that root: it leads from that root to
//!   the larger one, and nobody can find a second root with such a proof.
//!
//! A proof that merely fails convicts nobody, because anybody can make one up. An altered tile or
//! leaf is not signed, so it convicts nobody either; a client that fetches it refuses it.
//!
//! The file is text:
//!
//! ```text
//! merits-evidence/v1
//! log <the log's key>
//! prefix <base64 hash>     only for two sizes: the root at the smaller size under the larger tree
//! <base64 hash>            one line a hash of the consistency proof
//!
//! <checkpoint, a signed note>
//!
//! <checkpoint, a signed note>
//! ```

use alloc::{format, string::String, string::ToString as _, vec::Vec};
use core::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use merits_text::lines::plain;
use thiserror::Error;

use super::{
    Checkpoint, CheckpointError, CosignatureError, Hash, LogKey, MAX_NOTE_BYTES, MAX_PROOF_HASHES,
    MerkleError, SignedCheckpoint, WitnessKey, WitnessName, verify_consistency,
};

/// Most bytes of a file of evidence: two notes, a key and a proof.
pub const MAX_EVIDENCE_BYTES: usize = 2 * MAX_NOTE_BYTES + 16_384;

const HEADER: &str = "merits-evidence/v1";

/// Two checkpoints of one log, not yet judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The log that is accused.
    pub log: LogKey,
    /// A checkpoint.
    pub first: SignedCheckpoint,
    /// Another one.
    pub second: SignedCheckpoint,
    /// For two sizes: the root at the smaller size, as the larger tree has it.
    pub prefix: Option<PrefixProof>,
}

/// Shows the root of the first leaves of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixProof {
    /// The root at the smaller size.
    pub root: Hash,
    /// The consistency proof from it to the larger tree's root.
    pub proof: Vec<Hash>,
}

/// A conviction: the log signed two trees that are not one history. Only [`Evidence::judge`] makes
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    smaller: Checkpoint,
    larger: Checkpoint,
}

impl Verdict {
    /// The smaller tree that the log signed, or the first of two of one size.
    pub fn smaller(&self) -> &Checkpoint {
        &self.smaller
    }

    /// The larger tree that the log signed, or the second of two of one size.
    pub fn larger(&self) -> &Checkpoint {
        &self.larger
    }
}

/// Why evidence convicts nobody.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The text is not a file of evidence.
    #[error("not a file of evidence: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// It accuses another log than the one in question.
    #[error("the evidence is about the log {found}, not about {expected}")]
    OtherLog {
        /// Key of the log in question.
        expected: String,
        /// Key of the log that the file accuses.
        found: String,
    },
    /// A checkpoint is not the log's: it proves nothing against the log.
    #[error("the {which} checkpoint is not one that the log signed: {source}")]
    Checkpoint {
        /// `first` or `second`.
        which: &'static str,
        /// What is wrong.
        source: CheckpointError,
    },
    /// Two sizes, and nothing that shows the smaller tree inside the larger one.
    #[error(
        "the checkpoints have {smaller} and {larger} entries, which no log is to blame for: a `prefix` line and a \
         proof must show what the larger tree has as its first {smaller} entries"
    )]
    NoPrefix {
        /// Leaves of the smaller tree.
        smaller: u64,
        /// Leaves of the larger one.
        larger: u64,
    },
    /// The proof does not show the root that it claims.
    #[error("the proof does not show what the larger tree begins with: {0}")]
    Proof(MerkleError),
    /// Both are one history.
    #[error("the two checkpoints do not contradict each other: both are of one history")]
    NoConflict,
}

impl Evidence {
    /// Judges offline. `log` is the key that the judge knows as the log's.
    ///
    /// # Errors
    /// [`EvidenceError`]: the evidence convicts nobody.
    pub fn judge(&self, log: &LogKey) -> Result<Verdict, EvidenceError> {
        if self.log != *log {
            return Err(EvidenceError::OtherLog {
                expected: log.to_string(),
                found: self.log.to_string(),
            });
        }
        let signed = |which, note: &SignedCheckpoint| {
            (note.verify(log)).map_err(|source| EvidenceError::Checkpoint { which, source })
        };
        let first = signed("first", &self.first)?;
        let second = signed("second", &self.second)?;
        let (smaller, larger) = if first.size <= second.size {
            (first, second)
        } else {
            (second, first)
        };
        let other_root = if smaller.size == larger.size {
            larger.root
        } else {
            self.prefix_root(&smaller, &larger)?
        };
        if smaller.root == other_root {
            return Err(EvidenceError::NoConflict);
        }
        Ok(Verdict { smaller, larger })
    }

    /// The root at the smaller size under the larger tree.
    fn prefix_root(
        &self,
        smaller: &Checkpoint,
        larger: &Checkpoint,
    ) -> Result<Hash, EvidenceError> {
        let (small, large) = (smaller.size, larger.size);
        let prefix = self.prefix.as_ref().ok_or(EvidenceError::NoPrefix {
            smaller: small,
            larger: large,
        })?;
        verify_consistency(small, &prefix.root, large, &larger.root, &prefix.proof)
            .map_err(EvidenceError::Proof)?;
        Ok(prefix.root)
    }

    /// The witnesses of `known` that cosigned both trees. If the evidence convicts the log, it
    /// convicts them too: a witness must never cosign two histories.
    ///
    /// # Errors
    /// [`CosignatureError`]: a line of a known witness does not hold.
    pub fn cosigners_of_both<'a>(
        &self,
        known: impl IntoIterator<Item = &'a WitnessKey>,
    ) -> Result<Vec<WitnessName>, CosignatureError> {
        let (first, _) = self.first.open(&self.log)?;
        let (second, _) = self.second.open(&self.log)?;
        let mut both = Vec::new();
        for witness in known {
            let signed_first = self.first.cosigned_at(first, witness)?.is_some();
            let signed_second = self.second.cosigned_at(second, witness)?.is_some();
            if signed_first && signed_second {
                both.push(witness.name().clone());
            }
        }
        Ok(both)
    }

    /// Reads a file of evidence. As in receipts, line endings, blanks at the end of a line and a
    /// byte order mark make no difference.
    ///
    /// # Errors
    /// [`EvidenceError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, EvidenceError> {
        let refuse = |what| EvidenceError::Malformed { what };
        if text.len() > MAX_EVIDENCE_BYTES {
            return Err(refuse("it is over the size limit"));
        }
        let text = plain(text);
        // A checkpoint's text has no blank line, so a note is two paragraphs.
        let mut paragraphs = text.split("\n\n").map(|one| one.trim_matches('\n'));
        let mut paragraphs = core::iter::from_fn(|| paragraphs.find(|one| !one.is_empty()));
        let head = paragraphs.next().ok_or(refuse("it is empty"))?;
        let mut note = || {
            let parts = (paragraphs.next(), paragraphs.next());
            let (Some(body), Some(signatures)) = parts else {
                return Err(refuse("two signed checkpoints are expected"));
            };
            SignedCheckpoint::parse(&format!("{body}\n\n{signatures}\n"))
                .map_err(|_| refuse("a checkpoint is not a signed note"))
        };
        let (first, second) = (note()?, note()?);
        if paragraphs.next().is_some() {
            return Err(refuse("something follows the second checkpoint"));
        }
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(refuse("the first line is not merits-evidence/v1"));
        }
        let log = lines.next().and_then(|line| line.strip_prefix("log "));
        let log = log.and_then(|key| LogKey::parse(key).ok());
        let log = log.ok_or(refuse("the `log` line holds no key of a log"))?;
        let prefix = match lines.next() {
            None => None,
            Some(line) => {
                let root = line.strip_prefix("prefix ").and_then(hash);
                let root = root.ok_or(refuse("the `prefix` line holds no hash"))?;
                let proof: Option<Vec<Hash>> = lines.map(hash).collect();
                let proof = proof.ok_or(refuse("a proof line holds no hash"))?;
                if proof.len() > MAX_PROOF_HASHES {
                    return Err(refuse("too many proof lines"));
                }
                Some(PrefixProof { root, proof })
            }
        };
        Ok(Self {
            log,
            first,
            second,
            prefix,
        })
    }
}

fn hash(line: &str) -> Option<Hash> {
    BASE64.decode(line).ok()?.try_into().ok()
}

impl core::fmt::Display for Evidence {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{HEADER}")?;
        writeln!(f, "log {}", self.log)?;
        if let Some(prefix) = &self.prefix {
            writeln!(f, "prefix {}", BASE64.encode(prefix.root))?;
            for hash in &prefix.proof {
                writeln!(f, "{}", BASE64.encode(hash))?;
            }
        }
        f.write_char('\n')?;
        self.first.fmt(f)?;
        f.write_char('\n')?;
        self.second.fmt(f)
    }
}
