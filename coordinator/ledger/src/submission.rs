//! Turns bytes into a typed and authentic entry.

use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_verifier::{
    codec::Canonical,
    entry::{MAX_ENTRY_BYTES, SignedEntry},
    groth16::Proof,
    signature::PublicKey,
};

use crate::entry::Entry;
use crate::refusal::Refusal;

/// A well-formed entry for this log. Its signatures are not yet checked.
#[derive(Debug, Clone)]
pub struct Submission {
    pub(crate) signed: SignedEntry,
    pub(crate) entry: Entry,
    pub(crate) id: EntryId,
    pub(crate) proof: Option<Proof>,
}

impl Submission {
    /// Reads an entry that must be meant for `origin`.
    ///
    /// # Errors
    /// [`Refusal`]: over the size limit, malformed, for another log, of an unknown kind, or with
    /// bytes that are not a proof.
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
        let proof = match signed.proof.as_slice() {
            bytes if entry.is_proven() => Some(Proof::from_bytes(bytes)?),
            [] => None,
            _ => {
                return Err(Refusal::ProofUnexpected {
                    kind: entry.kind_name(),
                });
            }
        };
        let id = signed.id();
        Ok(Self {
            signed,
            entry,
            id,
            proof,
        })
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
    pub(crate) source: Option<PublicKey>,
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
