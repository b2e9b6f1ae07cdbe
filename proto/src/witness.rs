//! The text by which a log asks a witness to cosign a checkpoint (c2sp.org/tlog-witness,
//! `add-checkpoint`).
//!
//! ```text
//! old 20852014
//! <base64 hash>            one line a hash of the consistency proof
//!
//! <checkpoint, a signed note>
//! ```

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use merits_verifier::log::{CheckpointError, Hash, SignedCheckpoint};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::limits::ADD_CHECKPOINT_BYTES;

/// The path of the call, below a witness's address.
pub const ADD_CHECKPOINT: &str = "add-checkpoint";

/// The media type of the answer that names the size that the witness cosigned last.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// Most hashes of a request's proof: a tree has fewer than 2^63 leaves.
pub const MOST_HASHES: usize = 63;

/// A request to cosign, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Leaves of the tree that the witness cosigned last, as the log believes.
    pub old: u64,
    /// The consistency proof from there.
    pub proof: Vec<Hash>,
    /// The checkpoint to cosign.
    pub checkpoint: SignedCheckpoint,
}

/// Why a text is not a request to cosign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddCheckpointError {
    /// A line is missing, or is not what it should be.
    #[error("not a request to cosign: {0}")]
    Malformed(&'static str),
    /// The note at its end is no signed note.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

impl AddCheckpoint {
    /// Reads a request's body.
    ///
    /// # Errors
    /// [`AddCheckpointError`].
    pub fn parse(body: &[u8]) -> Result<Self, AddCheckpointError> {
        let refuse = AddCheckpointError::Malformed;
        if body.len() > ADD_CHECKPOINT_BYTES {
            return Err(refuse("it is too long"));
        }
        let text = std::str::from_utf8(body).map_err(|_| refuse("it is not UTF-8"))?;
        let (head, note) = (text.split_once("\n\n"))
            .ok_or(refuse("no empty line stands before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = (old.and_then(size)).ok_or(refuse("the first line is not `old <size>`"))?;
        let proof: Option<Vec<Hash>> = lines
            .map(|line| BASE64.decode(line).ok()?.try_into().ok())
            .collect();
        let proof = proof.ok_or(refuse("a proof line holds no hash"))?;
        if proof.len() > MOST_HASHES {
            return Err(refuse("it has more than 63 proof lines"));
        }
        Ok(Self {
            old,
            proof,
            checkpoint: SignedCheckpoint::parse(note)?,
        })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", BASE64.encode(hash))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// A size in its one decimal text.
pub fn size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

/// The path at which a witness shows the newest checkpoint of a log that it cosigned.
pub fn monitoring_path(origin: &str) -> String {
    let hash = Sha256::digest(origin);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}/checkpoint")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "log.example/merits\n9\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
                        — log.example/merits SZZDYvJHkbcr9hqTync/jUQs0kLw5IWA0uXUYt+Y814K5VOFNofehi9rCbuqeLtQqdObATYksR6+pE3baHFKUepaFQs=\n";

    #[test]
    fn a_request_has_one_text() {
        for hashes in [0, 1, MOST_HASHES] {
            let request = AddCheckpoint {
                old: 7,
                proof: vec![[5; 32]; hashes],
                checkpoint: SignedCheckpoint::parse(NOTE).unwrap(),
            };
            let text = request.to_string();
            assert!(
                text.starts_with("old 7\n") && text.ends_with(NOTE),
                "{text}"
            );
            assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(request));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let hash = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        let many = format!("{hash}\n").repeat(MOST_HASHES + 1);
        for text in [
            String::new(),
            NOTE.to_owned(),
            format!("old 7\n{NOTE}"),
            format!("old 07\n\n{NOTE}"),
            format!("old +7\n\n{NOTE}"),
            format!("old -1\n\n{NOTE}"),
            format!("old 18446744073709551616\n\n{NOTE}"),
            format!("old  7\n\n{NOTE}"),
            format!("old 7\r\n\n{NOTE}"),
            format!("size 7\n\n{NOTE}"),
            format!("old 7\n{}\n\n{NOTE}", &hash[4..]),
            format!("old 7\n{many}\n{NOTE}"),
            "old 7\n\nlog.example\n9\n".to_owned(),
            format!("old 7\n\n{NOTE}{}", "x".repeat(ADD_CHECKPOINT_BYTES)),
        ] {
            assert!(AddCheckpoint::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(AddCheckpoint::parse(&[0xff]).is_err());
    }

    #[test]
    fn a_log_has_a_path_for_monitors() {
        // SHA-256 of "abc", FIPS 180-2.
        assert_eq!(
            monitoring_path("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad/checkpoint"
        );
    }
}
