//! Receipts: an entry, its place in the log, and a checkpoint that covers it, in one file.
//!
//! The file is a C2SP tlog-proof (c2sp.org/tlog-proof) whose `extra` line is the leaf itself, so
//! the field's own tools can check it too:
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64 of the leaf>
//! index <decimal>
//! <base64 hash>            one line a hash of the inclusion proof
//!
//! <checkpoint, a signed note>
//! ```

use alloc::{string::String, string::ToString as _, vec::Vec};
use core::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use merits_primitives::ids::EntryId;
use merits_text::lines::plain;
use thiserror::Error;

use crate::codec::{Canonical, CodecError};
use crate::entry::{ENVELOPE_VERSION, Leaf, MAX_LEAF_BYTES, earlier_envelope};
use crate::log::{
    Checkpoint, CheckpointError, CosignatureError, Cosigned, Hash, LogKey, MAX_PROOF_HASHES,
    MerkleError, SignedCheckpoint, WitnessPolicy, leaf_hash, verify_inclusion,
};

/// First line of a receipt.
pub const RECEIPT_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most bytes of a receipt: a leaf in base64, hashes, and a checkpoint.
pub const MAX_RECEIPT_BYTES: usize = 120_000;

/// An entry and its place in a log, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
    /// Its index.
    pub index: u64,
    /// Sibling hashes from the leaf to the root.
    pub proof: Vec<Hash>,
    /// A checkpoint of a tree that holds the leaf.
    pub checkpoint: SignedCheckpoint,
}

/// A leaf that a log's signed checkpoint covers. Made by [`Receipt::verify`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLeaf {
    leaf: Leaf,
    index: u64,
    checkpoint: Checkpoint,
    cosigned: Option<Cosigned>,
}

impl VerifiedLeaf {
    /// The leaf: time and entry.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The leaf's index.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        self.leaf.entry.id()
    }

    /// The checkpoint that covers it.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The witnesses that cosigned the checkpoint, if a policy demanded some. `None` means that only
    /// the log itself claims that others see the same history.
    pub fn cosigned(&self) -> Option<&Cosigned> {
        self.cosigned.as_ref()
    }
}

/// Why a receipt is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The text is not a receipt.
    #[error("not a receipt: {what}")]
    Malformed {
        /// The line at fault.
        what: &'static str,
    },
    /// The receipt is of a ledger in an older form, of which this version reads nothing.
    #[error(
        "it is the receipt of an older version of MERITS (envelope {envelope}), and this version reads only ledgers that \
         were founded since: verify it, and its kit, with a program of that version. If the ledger was founded anew, \
         ask for a receipt of the new one"
    )]
    Earlier {
        /// The version of the entry's envelope.
        envelope: u8,
    },
    /// The receipt is of a newer version.
    #[error(
        "it is the receipt of a newer version of MERITS (envelope {envelope}, and this program knows {ENVELOPE_VERSION}): \
         verify it with a newer program"
    )]
    Later {
        /// The version of the entry's envelope.
        envelope: u64,
    },
    /// The checkpoint is refused.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The cosignatures are refused.
    #[error("checkpoint: {0}")]
    Cosignatures(CosignatureError),
    /// The inclusion proof is refused.
    #[error("inclusion proof: {0}")]
    Inclusion(#[from] MerkleError),
    /// The leaf is not an entry.
    #[error("leaf: {0}")]
    Leaf(#[from] CodecError),
    /// The entry was made for another log than the one that holds it.
    #[error("the entry was made for log {found} but is in log {expected}")]
    OtherOrigin {
        /// The log that holds it.
        expected: String,
        /// The log that the entry names.
        found: String,
    },
}

impl Receipt {
    /// Reads the text of a receipt of this version, also after mail programs and editors have changed it: line
    /// endings, blanks at the end of a line and a byte order mark make no difference.
    ///
    /// # Errors
    /// [`ReceiptError`] names the line at fault.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let refuse = |what| ReceiptError::Malformed { what };
        if text.len() > MAX_RECEIPT_BYTES {
            return Err(refuse("it is over the size limit"));
        }
        let text = plain(text);
        let (head, checkpoint) = text.split_once("\n\n").ok_or(refuse(
            "no blank line parts the proof from the checkpoint, so a part of the file is lost",
        ))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(RECEIPT_HEADER) {
            return Err(refuse("the first line is not c2sp.org/tlog-proof@v1"));
        }
        let leaf = lines
            .next()
            .and_then(|line| line.strip_prefix("extra "))
            .and_then(|encoded| BASE64.decode(encoded).ok())
            .filter(|leaf| leaf.len() <= MAX_LEAF_BYTES)
            .ok_or(refuse("the `extra` line holds no leaf"))?;
        if let Some(envelope) = earlier_envelope(&leaf) {
            return Err(ReceiptError::Earlier { envelope });
        }
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(canonical_number)
            .ok_or(refuse("the `index` line holds no index"))?;
        let proof: Vec<Hash> = lines
            .map(|line| {
                BASE64
                    .decode(line)
                    .ok()
                    .and_then(|hash| hash.try_into().ok())
            })
            .collect::<Option<_>>()
            .ok_or(refuse("a proof line holds no hash"))?;
        if proof.len() > MAX_PROOF_HASHES {
            return Err(refuse("too many proof lines"));
        }
        Ok(Self {
            leaf,
            index,
            proof,
            checkpoint: SignedCheckpoint::parse(checkpoint.trim_start_matches('\n'))?,
        })
    }

    /// Checks offline that the log of `key` holds the leaf. It trusts the log, which may show another
    /// history to others: see [`Receipt::verify_cosigned`]. It does not check proofs inside the entry;
    /// see [`crate::groth16::verify`].
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify(&self, key: &LogKey) -> Result<VerifiedLeaf, ReceiptError> {
        self.include(self.checkpoint.verify(key)?, None)
    }

    /// The same, and checks that as many witnesses cosigned the checkpoint as the policy demands.
    ///
    /// # Errors
    /// [`ReceiptError`]; [`ReceiptError::Cosignatures`] with too few of them.
    pub fn verify_cosigned(
        &self,
        key: &LogKey,
        policy: &WitnessPolicy,
    ) -> Result<VerifiedLeaf, ReceiptError> {
        let cosigned = self.checkpoint.verify_cosigned(key, policy);
        let cosigned = cosigned.map_err(|error| match error {
            CosignatureError::Checkpoint(error) => ReceiptError::Checkpoint(error),
            error => ReceiptError::Cosignatures(error),
        })?;
        self.include(cosigned.checkpoint().clone(), Some(cosigned))
    }

    fn include(
        &self,
        checkpoint: Checkpoint,
        cosigned: Option<Cosigned>,
    ) -> Result<VerifiedLeaf, ReceiptError> {
        let hash = leaf_hash(&self.leaf);
        verify_inclusion(
            &hash,
            self.index,
            checkpoint.size,
            &self.proof,
            &checkpoint.root,
        )?;
        let leaf = Leaf::from_bytes(&self.leaf).map_err(|error| match error {
            CodecError::UnknownValue {
                what: "envelope version",
                found: envelope,
            } if envelope > ENVELOPE_VERSION.into() => ReceiptError::Later { envelope },
            error => error.into(),
        })?;
        if leaf.entry.origin != checkpoint.origin {
            return Err(ReceiptError::OtherOrigin {
                expected: checkpoint.origin.to_string(),
                found: leaf.entry.origin.to_string(),
            });
        }
        Ok(VerifiedLeaf {
            leaf,
            index: self.index,
            checkpoint,
            cosigned,
        })
    }
}

impl core::fmt::Display for Receipt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        writeln!(f, "{RECEIPT_HEADER}")?;
        writeln!(f, "extra {}", BASE64.encode(&self.leaf))?;
        writeln!(f, "index {}", self.index)?;
        for hash in &self.proof {
            writeln!(f, "{}", BASE64.encode(hash))?;
        }
        f.write_char('\n')?;
        self.checkpoint.fmt(f)
    }
}

fn canonical_number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
