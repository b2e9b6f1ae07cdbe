//! Stand-alone attestations: small enough for a QR code, and checked without a network.
//!
//! An attestation is an entry of the ledger (`attested`), with its place in the log and the log's
//! signature. The bytes omit everything that a verifier knows or can compute: the log's name, the
//! context (from verifier, nonce and time), the tree's root (from the entry and its path). So the
//! bytes have only one reading, and a change of any byte changes the text that the log must have
//! signed.
//!
//! ```text
//! version 2        u8
//! log              4 bytes, the key id of the log's signed notes
//! verifier         u8 length, text
//! nonce            u8 length, bytes
//! not after        u64, unix milliseconds
//! leaf time        u64, unix milliseconds
//! state            u8, 0 or 1, then 32 bytes if 1: the leaf's digest of the state before it
//! index, size      u64 each, of the leaf and of the checkpoint's tree
//! scale            u8 length, text
//! expiry, floor    u32, u64
//! spending         as in the entry, 260 bytes
//! proof            128 bytes
//! path             u8 count, 32 bytes each, from the leaf up
//! signature        64 bytes, the log's, on the checkpoint
//! ```
//!
//! It is true as of the leaf's time: the person may have spent credits since.

use alloc::{borrow::ToOwned as _, string::String, string::ToString as _, vec::Vec};

use merits_primitives::{
    calendar::Timestamp,
    context::attest_context,
    ids::{AssetId, Credits, EntryId, Epoch, Expiry, Period, PeriodKind, ScaleId},
    jubjub::Point,
};
use thiserror::Error;

use crate::codec::{Canonical, CodecError, Reader, Writer};
use crate::entry::{Leaf, SignedEntry};
use crate::groth16::{PreparedKey, Proof};
use crate::log::{
    Checkpoint, Hash, LogKey, MAX_PROOF_HASHES, MerkleError, inclusion_root, leaf_hash,
};
use crate::proof::ProofDecodeError;
use crate::receipt::{Receipt, ReceiptError};
use crate::signature::SIGNATURE_BYTES;
use crate::spending::{ATTESTED, Attested, Spending};
use crate::verified::{Verified, VerifyError};

/// Most bytes: the capacity of a QR code of version 40 at its lowest error correction.
pub const MAX_ATTESTATION_BYTES: usize = 2_953;

/// Longest name of a verifier, in bytes.
pub const MAX_VERIFIER_BYTES: usize = 128;

/// Longest nonce, in bytes.
pub const MAX_NONCE_BYTES: usize = 64;

/// The format's version.
const VERSION: u8 = 2;
const EARLIEST_READ: u64 = VERSION as u64;

/// A verifier's question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The verifier's name, as people see it: 1 to [`MAX_VERIFIER_BYTES`] bytes.
    pub verifier: String,
    /// A value that makes this question unique: 1 to [`MAX_NONCE_BYTES`] bytes.
    pub nonce: Vec<u8>,
}

/// A question that no attestation can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the {what} has {found} bytes; it must have 1 to {limit}")]
pub struct QuestionError {
    /// Verifier's name or nonce.
    pub what: &'static str,
    /// Bytes.
    pub found: usize,
    /// Most bytes.
    pub limit: usize,
}

impl Question {
    /// A question, its lengths checked.
    ///
    /// # Errors
    /// [`QuestionError`].
    pub fn new(verifier: &str, nonce: &[u8]) -> Result<Self, QuestionError> {
        let lengths = [
            ("verifier's name", verifier.len(), MAX_VERIFIER_BYTES),
            ("nonce", nonce.len(), MAX_NONCE_BYTES),
        ];
        for (what, found, limit) in lengths {
            if found == 0 || found > limit {
                return Err(QuestionError { what, found, limit });
            }
        }
        Ok(Self {
            verifier: verifier.to_owned(),
            nonce: nonce.to_vec(),
        })
    }
}

/// An attestation, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    log: [u8; 4],
    question: Question,
    not_after: Timestamp,
    time: Timestamp,
    state: Option<[u8; 32]>,
    index: u64,
    size: u64,
    scale: ScaleId,
    expiry: Expiry,
    floor: Credits,
    spending: Spending,
    proof: Proof,
    path: Vec<Hash>,
    signature: [u8; SIGNATURE_BYTES],
}

/// Why an attestation is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AttestationFault {
    /// It is of a ledger in an older form, of which this version reads nothing.
    #[error(
        "it is an attestation of an older version of MERITS (form {found}, and this program reads form {VERSION}): have \
         it made again on the present ledger, by a wallet of this version"
    )]
    Earlier {
        /// The form's version.
        found: u64,
    },
    /// The bytes are not an attestation.
    #[error("not an attestation, or damaged: {0}")]
    Malformed(#[from] CodecError),
    /// It is from another ledger.
    #[error("it is from another ledger than {expected}: its log key differs")]
    OtherLog {
        /// The verifier's ledger.
        expected: String,
    },
    /// It was made for another verifier.
    #[error("it was made for verifier {found:?}, not for {expected:?}")]
    OtherVerifier {
        /// The verifier that asks.
        expected: String,
        /// The verifier that it names.
        found: String,
    },
    /// It was made for another question.
    #[error("it answers another question: its nonce is not the one in the question")]
    OtherNonce,
    /// Its time is over.
    #[error("its time is over: it was good until {}, and it is {}", not_after.to_minute(), at.to_minute())]
    Late {
        /// Its last moment.
        not_after: Timestamp,
        /// When it was checked.
        at: Timestamp,
    },
    /// The credits have expired.
    #[error("its credits have expired: they were valid until the beginning of month {}", month(*expiry))]
    Expired {
        /// Their bucket.
        expiry: Expiry,
    },
    /// Its place in the log is not proven.
    #[error("its place in the log: {0}")]
    Place(#[from] MerkleError),
    /// The log's signature does not hold.
    #[error(
        "the log's signature does not hold for it: it was altered, or the log never had such an entry"
    )]
    NotSigned,
    /// The log's signature holds, but the proof does not.
    #[error("it is in the log, but its proof does not hold under the ledger's key: {0}")]
    Proof(#[from] VerifyError),
}

/// Why a receipt gives no attestation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PackingError {
    /// The receipt does not hold.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// It is of another kind, or for another question.
    #[error("the receipt's entry is not an attestation for this verifier, nonce and time")]
    OtherEntry,
    /// The entry's parts.
    #[error("the entry: {0}")]
    Entry(#[from] CodecError),
    /// The entry's proof.
    #[error("the entry's proof: {0}")]
    Proof(#[from] ProofDecodeError),
    /// The checkpoint has more lines than origin, size and root.
    #[error("the checkpoint has extension lines, which an attestation does not carry")]
    Checkpoint,
}

/// An attestation for this verifier's question that is in the log. Its proof must still be checked,
/// with the ledger's data on its scale and epoch.
#[derive(Debug, Clone)]
pub struct Included {
    attested: Attested,
    proof: Proof,
    shown: Shown,
}

/// The fact that an attestation shows: a registered person owned at least `floor` credits at `time`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The scale of the credits.
    pub scale: ScaleId,
    /// The credits are valid until the beginning of this month.
    pub expiry: Expiry,
    /// The least number of credits.
    pub floor: Credits,
    /// The ledger's time of the attestation.
    pub time: Timestamp,
    /// Leaf of the log.
    pub index: u64,
    /// Leaves of the checkpoint that covers it.
    pub size: u64,
    /// The entry.
    pub entry: EntryId,
    /// Last moment.
    pub not_after: Timestamp,
}

impl Attestation {
    /// Packs an entry's receipt for the verifier that asked.
    ///
    /// # Errors
    /// [`PackingError`].
    pub fn pack(
        receipt: &Receipt,
        log: &LogKey,
        question: &Question,
        not_after: Timestamp,
    ) -> Result<Self, PackingError> {
        let leaf = receipt.verify(log)?;
        let entry = &leaf.leaf().entry;
        if entry.kind != ATTESTED || !entry.is_unsigned() {
            return Err(PackingError::OtherEntry);
        }
        let attested = Attested::from_bytes(&entry.statement)?;
        let packed = Self {
            log: log.id(),
            question: question.clone(),
            not_after,
            time: leaf.leaf().time,
            state: leaf.leaf().state,
            index: leaf.index(),
            size: leaf.checkpoint().size,
            scale: attested.scale.clone(),
            expiry: attested.expiry,
            floor: attested.floor,
            spending: attested.spending.clone(),
            proof: entry.groth16_proof()?,
            path: receipt.proof.clone(),
            signature: receipt
                .checkpoint
                .signature_of(log)
                .ok_or(PackingError::Checkpoint)?,
        };
        if packed.attested(log) != attested {
            return Err(PackingError::OtherEntry);
        }
        let root = leaf.checkpoint().root;
        packed
            .require_signature(log, root)
            .map_err(|_| PackingError::Checkpoint)?;
        Ok(packed)
    }

    /// The leaf's index: the entries that govern it come before.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Checks at the time `at` that it is an attestation for this question, that `log` has it, and
    /// that its credits have not expired.
    ///
    /// # Errors
    /// [`AttestationFault`].
    pub fn answer(
        &self,
        log: &LogKey,
        question: &Question,
        at: Timestamp,
    ) -> Result<Included, AttestationFault> {
        if self.log != log.id() {
            let expected = log.origin().to_string();
            return Err(AttestationFault::OtherLog { expected });
        }
        // Destructured in full: every part of the question must match the answer.
        let Question { verifier, nonce } = question;
        if self.question.verifier != *verifier {
            return Err(AttestationFault::OtherVerifier {
                expected: verifier.clone(),
                found: self.question.verifier.clone(),
            });
        }
        if self.question.nonce != *nonce {
            return Err(AttestationFault::OtherNonce);
        }
        let attested = self.attested(log);
        let signed = SignedEntry::unsigned(
            log.origin().clone(),
            ATTESTED,
            attested.to_bytes(),
            Some((&self.proof).into()),
        );
        let entry = signed.id();
        let leaf = Leaf {
            time: self.time,
            state: self.state,
            entry: signed,
        };
        let hash = leaf_hash(&leaf.to_bytes());
        let root = inclusion_root(&hash, self.index, self.size, &self.path)?;
        self.require_signature(log, root)?;
        // Only now is it known that the times are authentic.
        let not_after = self.not_after;
        if at > not_after {
            return Err(AttestationFault::Late { not_after, at });
        }
        let expiry = self.expiry;
        if Period::of_day(PeriodKind::Month, at.day().0).index >= expiry.month().index {
            return Err(AttestationFault::Expired { expiry });
        }
        Ok(Included {
            shown: Shown {
                scale: self.scale.clone(),
                expiry,
                floor: self.floor,
                time: self.time,
                index: self.index,
                size: self.size,
                entry,
                not_after,
            },
            attested,
            proof: self.proof,
        })
    }

    /// The entry's statement: the parts of the attestation, and the context that follows from them.
    fn attested(&self, log: &LogKey) -> Attested {
        let question = &self.question;
        Attested {
            scale: self.scale.clone(),
            expiry: self.expiry,
            floor: self.floor,
            context: attest_context(
                log.origin(),
                &question.verifier,
                &question.nonce,
                self.not_after,
            ),
            spending: self.spending.clone(),
        }
    }

    fn require_signature(&self, log: &LogKey, root: Hash) -> Result<(), AttestationFault> {
        let checkpoint = Checkpoint {
            origin: log.origin().clone(),
            size: self.size,
            root,
        };
        checkpoint
            .verify_signature(log, &self.signature)
            .map_err(|_| AttestationFault::NotSigned)
    }

    /// The bytes, for a QR code.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        Canonical::to_bytes(self)
    }

    /// Reads the bytes of a QR code.
    ///
    /// # Errors
    /// [`AttestationFault::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AttestationFault> {
        if bytes.len() > MAX_ATTESTATION_BYTES {
            let (what, found, limit) = (Self::NAME, bytes.len(), MAX_ATTESTATION_BYTES);
            return Err(CodecError::TooLong { what, found, limit }.into());
        }
        <Self as Canonical>::from_bytes(bytes).map_err(|error| match error {
            CodecError::UnknownValue {
                what: "version",
                found: found @ 1..EARLIEST_READ,
            } => AttestationFault::Earlier { found },
            error => error.into(),
        })
    }
}

impl Included {
    /// The scale. The ledger knows its number.
    #[must_use]
    pub fn scale(&self) -> &ScaleId {
        &self.attested.scale
    }

    /// The epoch. The ledger knows its view key.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.attested.spending.epoch
    }

    /// Checks the proof under the key that the ledger had in force, with the scale's number and
    /// the epoch's view key.
    ///
    /// # Errors
    /// [`AttestationFault::Proof`].
    pub fn verify(
        self,
        asset: AssetId,
        view_key: Point,
        key: &PreparedKey,
    ) -> Result<Shown, AttestationFault> {
        let statement = self.attested.statement(asset, view_key);
        Verified::check(key, statement, &self.proof)?;
        Ok(self.shown)
    }
}

impl Canonical for Attestation {
    const NAME: &'static str = "attestation";

    fn write(&self, out: &mut Writer) {
        out.u8(VERSION);
        out.array(&self.log);
        write_short(out, self.question.verifier.as_bytes());
        write_short(out, &self.question.nonce);
        out.time(self.not_after);
        out.time(self.time);
        out.option(self.state.as_ref(), |out, state| out.array(state));
        out.u64(self.index);
        out.u64(self.size);
        write_short(out, self.scale.as_str().as_bytes());
        out.u32(self.expiry.0);
        out.u64(self.floor.0);
        self.spending.write(out);
        out.array(&self.proof.to_bytes());
        // At most MAX_PROOF_HASHES.
        out.u8(self.path.len() as u8);
        for hash in &self.path {
            out.array(hash);
        }
        out.array(&self.signature);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let version = input.u8("version")?;
        if version != VERSION {
            let (what, found) = ("version", version.into());
            return Err(CodecError::UnknownValue { what, found });
        }
        let log = input.array("log")?;
        let question = read_question(input)?;
        let (not_after, time) = (input.time("not after")?, input.time("leaf time")?);
        let state = input.option("leaf state", |input| input.array("leaf state"))?;
        let (index, size) = (input.u64("index")?, input.u64("size")?);
        let what = "scale id";
        let scale = String::from_utf8(read_short(input, what, ScaleId::MAX)?)
            .ok()
            .and_then(|text| ScaleId::new(&text).ok())
            .ok_or(CodecError::NotText { what })?;
        Ok(Self {
            log,
            question,
            not_after,
            time,
            state,
            index,
            size,
            scale,
            expiry: Expiry(input.u32("expiry")?),
            floor: Credits(input.u64("floor")?),
            spending: Spending::read(input)?,
            proof: {
                let bytes: [u8; 128] = input.array("proof")?;
                Proof::from_bytes(&bytes).map_err(|_| CodecError::NotCanonical { what: "proof" })?
            },
            path: {
                let (what, limit) = ("path", MAX_PROOF_HASHES);
                let found = usize::from(input.u8(what)?);
                if found > limit {
                    return Err(CodecError::TooLong { what, found, limit });
                }
                (0..found)
                    .map(|_| input.array(what))
                    .collect::<Result<_, _>>()?
            },
            signature: input.array("signature")?,
        })
    }
}

fn read_question(input: &mut Reader<'_>) -> Result<Question, CodecError> {
    let what = "verifier";
    let verifier = String::from_utf8(read_short(input, what, MAX_VERIFIER_BYTES)?)
        .map_err(|_| CodecError::NotText { what })?;
    let nonce = read_short(input, "nonce", MAX_NONCE_BYTES)?;
    Ok(Question { verifier, nonce })
}

/// Every text and nonce here has a length limit below 256.
fn write_short(out: &mut Writer, bytes: &[u8]) {
    out.u8(bytes.len() as u8);
    out.array(bytes);
}

fn read_short(
    input: &mut Reader<'_>,
    what: &'static str,
    limit: usize,
) -> Result<Vec<u8>, CodecError> {
    let found = usize::from(input.u8(what)?);
    if found > limit {
        return Err(CodecError::TooLong { what, found, limit });
    }
    Ok(input.take(what, found)?.to_vec())
}

fn month(expiry: Expiry) -> String {
    expiry.month().label()
}
