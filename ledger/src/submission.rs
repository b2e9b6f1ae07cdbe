//! Turns bytes into a typed and authentic entry.

use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_verifier::{
    EncodedProof, ProofSystem,
    codec::Canonical,
    entry::{MAX_ENTRY_BYTES, SignedEntry},
    groth16::VerifyingKey,
    proof::{Proof, ProofDecodeError},
    signature::PublicKey,
};

use crate::blob::Blob;
use crate::checked_key::CheckedKey;
use crate::entry::{Entry, KeyPlace};
use crate::named_blobs::{check_named, key_of};
use crate::refusal::Refusal;

/// A well-formed entry for this log. Its signatures are not yet checked.
#[derive(Debug, Clone)]
pub struct Submission {
    pub(crate) signed: SignedEntry,
    pub(crate) entry: Entry,
    pub(crate) id: EntryId,
    /// Nothing before it is decoded.
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
        Self::from_signed(Self::envelope(bytes)?, origin)
    }

    /// The first half of [`Submission::parse`]: the envelope, with nothing in it decoded.
    ///
    /// # Errors
    /// [`Refusal`]: over the size limit, malformed.
    pub fn envelope(bytes: &[u8]) -> Result<SignedEntry, Refusal> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(Refusal::TooLarge {
                found: bytes.len(),
                limit: MAX_ENTRY_BYTES,
            });
        }
        Ok(SignedEntry::from_bytes(bytes)?)
    }

    /// Like [`Submission::parse`], from a decoded envelope.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn from_signed(signed: SignedEntry, origin: &Origin) -> Result<Self, Refusal> {
        let mut submission = Self::without_proof(signed, origin)?;
        let encoded = submission.signed.proof.as_ref();
        submission.proof = encoded.map(EncodedProof::decode).transpose()?;
        Ok(submission)
    }

    /// [`Submission::from_signed`] of each, in their order, where those that are refused already stay so.
    /// Proofs are decoded together, which takes less time.
    pub(crate) fn all_from_signed(
        signed: Vec<Result<SignedEntry, Refusal>>,
        origin: &Origin,
    ) -> Vec<Result<Self, Refusal>> {
        let read = |signed: Result<_, _>| Self::without_proof(signed?, origin);
        let mut submissions: Vec<_> = signed.into_iter().map(read).collect();
        fn encoded(read: &Result<Submission, Refusal>) -> Option<&EncodedProof> {
            read.as_ref().ok()?.signed.proof.as_ref()
        }
        let decoded = {
            let encoded: Vec<&EncodedProof> = submissions.iter().filter_map(encoded).collect();
            EncodedProof::decode_all(&encoded)
        };
        let with_proof = submissions
            .iter_mut()
            .filter(|read| encoded(read).is_some());
        for (read, proof) in with_proof.zip(decoded) {
            match (proof, &mut *read) {
                (Ok(proof), Ok(submission)) => submission.proof = Some(proof),
                (Err(fault), _) => *read = Err(fault.into()),
                (Ok(_), Err(_)) => {}
            }
        }
        submissions
    }

    /// Like [`Submission::from_signed`], but the points of a Groth16 proof are not decoded.
    /// [`crate::Governing::undecoded_question`] hands it over to be decoded with others.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn undecoded(signed: SignedEntry, origin: &Origin) -> Result<Self, Refusal> {
        let mut submission = Self::without_proof(signed, origin)?;
        if let Some(proof) = &submission.signed.proof {
            submission.proof = match proof.system() {
                ProofSystem::Groth16Bn254 => None,
                ProofSystem::SchnorrBabyJubjub => Some(proof.decode()?),
            };
        }
        Ok(submission)
    }

    /// All but the proof, whose system is checked and which is not decoded.
    fn without_proof(signed: SignedEntry, origin: &Origin) -> Result<Self, Refusal> {
        if signed.origin != *origin {
            let (expected, found) = (origin.to_string(), signed.origin.to_string());
            return Err(Refusal::OtherOrigin { expected, found });
        }
        let kind = signed.kind;
        let entry =
            Entry::decode(kind, &signed.statement).ok_or(Refusal::UnknownKind { kind })??;
        match (entry.proof_system(), &signed.proof) {
            (None, None) => {}
            (None, Some(_)) => {
                let kind = entry.kind_name();
                return Err(Refusal::ProofUnexpected { kind });
            }
            (Some(expected), Some(proof)) if proof.system() == expected => {}
            (Some(expected), proof) => {
                let found = proof.as_ref().map(EncodedProof::system);
                return Err(ProofDecodeError::OtherSystem { expected, found }.into());
            }
        }
        let id = signed.id();
        Ok(Self {
            signed,
            entry,
            id,
            proof: None,
            blobs: Vec::new(),
            key: None,
        })
    }

    /// With the blobs that came beside the entry. They are decoded here, so that the log's one writer need not do
    /// it. This takes milliseconds, so ask [`crate::Governing::check_before_key`] and
    /// [`crate::Governing::check_before_blobs`] before it. An entry that names blobs and has none is refused with
    /// its signatures.
    ///
    /// # Errors
    /// [`Refusal::BlobMissing`], [`Refusal::BlobUnexpected`] when they are not those that the entry names, each
    /// once; [`Refusal::Malformed`] for one that is not what the entry says, such as a verifying key.
    pub fn with_blobs(self, blobs: Vec<Blob>) -> Result<Self, Refusal> {
        check_named(&self.entry.blobs(), &blobs)?;
        let key = match self.entry.published().map(|published| published.key) {
            Some(KeyPlace::Blob(digest)) => Some(key_of(&digest, &blobs)?),
            Some(KeyPlace::Here(_)) | None => None,
        };
        Ok(Self { blobs, key, ..self })
    }

    /// The key that the entry publishes, checked; `None` for an entry that publishes none. A check takes up to
    /// some milliseconds, so it must not run under a lock.
    ///
    /// # Errors
    /// [`Refusal::BlobMissing`] for a key whose blob did not come, [`Refusal::Key`] for a key that is refused.
    pub(crate) fn checked_key(&self) -> Result<Option<CheckedKey>, Refusal> {
        let Some(published) = self.entry.published() else {
            return Ok(None);
        };
        let key = match published.key {
            KeyPlace::Here(key) => key,
            KeyPlace::Blob(digest) => self.key.as_ref().ok_or(Refusal::BlobMissing { digest })?,
        };
        Ok(Some(CheckedKey::check(key.clone())?))
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

/// A submission whose signatures hold under the keys noted here, and whose published key is checked. Made by
/// [`crate::Governing::authenticate`] and [`crate::verify_together`] only; `check` makes sure that the keys are still
/// in force.
#[derive(Debug, Clone)]
pub struct Authentic {
    pub(crate) submission: Submission,
    /// `None` for an entry that a person makes.
    pub(crate) signer: Option<PublicKey>,
    /// The source's keys under which the signatures of claims hold; empty for other kinds.
    pub(crate) sources: Vec<PublicKey>,
    /// The key that the entry publishes, if it publishes one.
    pub(crate) key: Option<CheckedKey>,
}

impl Authentic {
    /// The submission.
    pub fn submission(&self) -> &Submission {
        &self.submission
    }

    /// The checked key of an entry that publishes one.
    ///
    /// # Errors
    /// [`Refusal::NotVerified`] for an entry that publishes none.
    pub(crate) fn published_key(&self) -> Result<&CheckedKey, Refusal> {
        self.key.as_ref().ok_or(Refusal::NotVerified)
    }

    /// The party whose signature holds: admitted, and not suspended. `None` for an entry that a
    /// person makes: the sender is unknown until the proof is verified.
    pub fn party(&self) -> Option<PartyId> {
        self.signer.as_ref().map(|_| self.submission.party())
    }
}
