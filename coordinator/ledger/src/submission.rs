//! Turns bytes into a typed and authentic entry.

use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_verifier::{
    EncodedProof,
    codec::Canonical,
    entry::{MAX_ENTRY_BYTES, SignedEntry},
    groth16::VerifyingKey,
    proof::{Proof, ProofDecodeError},
    signature::PublicKey,
};

use crate::blob::Blob;
use crate::entry::{Entry, PublishedKey};
use crate::named_blobs::check_named;
use crate::refusal::Refusal;

/// A well-formed entry for this log. Its signatures are not yet checked.
#[derive(Debug, Clone)]
pub struct Submission {
    pub(crate) signed: SignedEntry,
    pub(crate) entry: Entry,
    pub(crate) id: EntryId,
    pub(crate) proof: Option<Proof>,
    pub(crate) blobs: Vec<Blob>,
    /// The key that came as a blob.
    key: Option<VerifyingKey>,
}

impl Submission {
    /// Reads an entry that must be meant for `origin`.
    ///
    /// # Errors
    /// [`Refusal`]: over the size limit, malformed, for another log, of an unknown kind, or with
    /// bytes that are not a proof of the kind's system.
    pub fn parse(bytes: &[u8], origin: &Origin) -> Result<Self, Refusal> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(Refusal::TooLarge {
                found: bytes.len(),
                limit: MAX_ENTRY_BYTES,
            });
        }
        Self::from_signed(SignedEntry::from_bytes(bytes)?, origin)
    }

    /// Like [`Submission::parse`], from a decoded envelope.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn from_signed(signed: SignedEntry, origin: &Origin) -> Result<Self, Refusal> {
        if signed.origin != *origin {
            let (expected, found) = (origin.to_string(), signed.origin.to_string());
            return Err(Refusal::OtherOrigin { expected, found });
        }
        let kind = signed.kind;
        let entry =
            Entry::decode(kind, &signed.statement).ok_or(Refusal::UnknownKind { kind })??;
        let proof = match (entry.proof_system(), &signed.proof) {
            (None, None) => None,
            (None, Some(_)) => {
                let kind = entry.kind_name();
                return Err(Refusal::ProofUnexpected { kind });
            }
            (Some(expected), Some(proof)) if proof.system() == expected => Some(proof.decode()?),
            (Some(expected), proof) => {
                let found = proof.as_ref().map(EncodedProof::system);
                return Err(ProofDecodeError::OtherSystem { expected, found }.into());
            }
        };
        let id = signed.id();
        Ok(Self {
            signed,
            entry,
            id,
            proof,
            blobs: Vec::new(),
            key: None,
        })
    }

    /// With the blobs that came beside the entry. They are decoded here, so that the log's one writer need not do
    /// it. An entry that names blobs and has none is refused by its rules.
    ///
    /// # Errors
    /// [`Refusal::BlobMissing`], [`Refusal::BlobUnexpected`] when they are not those that the entry names, each
    /// once; [`Refusal::Malformed`] for one that is not what the entry says, such as a verifying key.
    pub fn with_blobs(self, blobs: Vec<Blob>) -> Result<Self, Refusal> {
        check_named(&self.entry.blobs(), &blobs)?;
        let key = match &self.entry {
            Entry::ScaleProposed(proposed) => proposed.key.decode(&blobs)?,
            _ => None,
        };
        Ok(Self { blobs, key, ..self })
    }

    /// The key that a proposal publishes, in the entry or as a blob.
    ///
    /// # Errors
    /// [`Refusal::BlobMissing`] for a key whose blob did not come.
    pub(crate) fn published<'k>(
        &'k self,
        key: &'k PublishedKey,
    ) -> Result<&'k VerifyingKey, Refusal> {
        match key {
            PublishedKey::Here(key) => Ok(key),
            PublishedKey::Blob(digest) => {
                let digest = *digest;
                self.key.as_ref().ok_or(Refusal::BlobMissing { digest })
            }
        }
    }

    /// The blobs that came with it.
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// The submitter.
    pub fn party(&self) -> PartyId {
        self.signed.party
    }

    /// The typed statement.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The envelope.
    pub fn signed(&self) -> &SignedEntry {
        &self.signed
    }
}

/// The sender of an entry, as far as its envelope shows. See [`crate::Governing::sender`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a submission has one, and nearly all are parties"
)]
pub enum Sender {
    /// A party in standing, whose signature holds under this key.
    Party(PublicKey),
    /// A person, by the kind: no party signs those.
    Person,
    /// There are no parties yet, so it can be the founder of the ledger.
    Founder,
}

/// A submission whose signatures hold under the keys noted here. Made by
/// [`crate::Governing::authenticate`] and [`crate::verify_together`] only; `check` makes sure that the keys are still in force.
#[derive(Debug, Clone)]
pub struct Authentic {
    pub(crate) submission: Submission,
    /// `None` for an entry that a person makes.
    pub(crate) signer: Option<PublicKey>,
    /// The source's keys under which the signatures of claims hold; empty for other kinds.
    pub(crate) sources: Vec<PublicKey>,
}

impl Authentic {
    /// The submission.
    pub fn submission(&self) -> &Submission {
        &self.submission
    }

    /// The party whose signature holds: admitted, and not suspended. `None` for an entry that a
    /// person makes: the sender is unknown until the proof is verified.
    pub fn party(&self) -> Option<PartyId> {
        self.signer.as_ref().map(|_| self.submission.party())
    }
}
