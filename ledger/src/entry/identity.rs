//! Identities: one for each person across all registrars, enforced by a tag that only the
//! evaluators' key can compute.

use merits_primitives::{
    calendar::Day,
    field,
    identity::IdentityCommitment,
    ids::{EntryId, Origin, PartyId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::{read_entry_id, read_reason, write_entry_id};

/// A person's uniqueness tag as the ledger stores it: a hash of the VOPRF's output, bound to the
/// log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniquenessTag(pub [u8; 32]);

impl UniquenessTag {
    /// SHA-256 over the log and the VOPRF's output.
    pub fn derive(origin: &Origin, output: &[u8]) -> Self {
        Self(field::digest(
            "merits/uniqueness-tag/v1",
            &[origin.as_str().as_bytes(), output],
        ))
    }
}

/// The subject of an evaluation, as evaluators count it: SHA-256 of the blinded element.
pub fn evaluation_digest(blinded: &[u8]) -> [u8; 32] {
    field::digest("merits/evaluation/v1", &[blinded])
}

/// One evaluator publishes a key that it made alone, once for a ledger: another key would give the same
/// person another tag. The ledger marks it for ever; evaluators that make the key together open a dealing instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatorOpened {
    /// Ristretto255, compressed: the VOPRF's public key.
    pub public_key: [u8; 32],
}

impl Canonical for EvaluatorOpened {
    const NAME: &'static str = "evaluator opened";

    fn write(&self, out: &mut Writer) {
        out.array(&self.public_key);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            public_key: input.array("public key")?,
        })
    }
}

/// An evaluator answers a registrar once. Logged before the answer is given, so a registrar that
/// tries identity numbers leaves a trace for each. Each evaluator that answers counts it, so the ledger has who did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationCounted {
    /// The registrar that it answered.
    pub registrar: PartyId,
    /// The evaluator's running number over all registrars, from 1.
    pub number: u64,
    /// [`evaluation_digest`] of the blinded element.
    pub request: [u8; 32],
}

impl Canonical for EvaluationCounted {
    const NAME: &'static str = "evaluation counted";

    fn write(&self, out: &mut Writer) {
        out.array(&self.registrar.0);
        out.u64(self.number);
        out.array(&self.request);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            registrar: PartyId(input.array("registrar")?),
            number: input.u64("number")?,
            request: input.array("request")?,
        })
    }
}

/// A registrar registers a person: for the first time, or again after a loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRegistered {
    /// IC.
    pub commitment: IdentityCommitment,
    /// First day of eligibility.
    pub from: Day,
    /// 0 for the first time, and one more after each loss.
    pub generation: u8,
    /// The person's tag.
    pub tag: UniquenessTag,
    /// The evaluation that gave the tag. Each can be used for one registration.
    pub evaluation: EntryId,
}

impl Canonical for IdentityRegistered {
    const NAME: &'static str = "identity registered";

    fn write(&self, out: &mut Writer) {
        out.field(&self.commitment);
        out.u32(self.from.0);
        out.u8(self.generation);
        out.array(&self.tag.0);
        write_entry_id(out, &self.evaluation);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            commitment: input.field("commitment")?,
            from: Day(input.u32("from")?),
            generation: input.u8("generation")?,
            tag: UniquenessTag(input.array("tag")?),
            evaluation: read_entry_id(input, "evaluation")?,
        })
    }
}

/// An identity ends: stolen, given up, or its person died. The same person may be registered again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRetired {
    /// Its IC.
    pub commitment: IdentityCommitment,
    /// The reason, as text.
    pub basis: String,
}

impl Canonical for IdentityRetired {
    const NAME: &'static str = "identity retired";

    fn write(&self, out: &mut Writer) {
        out.field(&self.commitment);
        out.text(&self.basis);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            commitment: input.field("commitment")?,
            basis: read_reason(input, "basis")?,
        })
    }
}
