//! Tickets: a person's consent to one distributor, for one scale and one period.

use merits_primitives::{
    group::GroupRoot,
    ids::{Expiry, PartyId, Period, ScaleId, ScaleVersion, sha256},
    message::{Message, SALT_BYTES},
    nullifier::Nullifier,
    owner::RecordsBinding,
    scope::Scope,
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::{
    earn::read_period,
    scale::{read_scale_id, read_version, write_version},
};

/// Most bytes of a terms document.
pub const MAX_TERMS_BYTES: usize = 16_384;

/// A distributor publishes terms that people consent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsPublished {
    /// The scale.
    pub scale: ScaleId,
    /// The document.
    pub text: String,
}

impl TermsPublished {
    /// SHA-256 of the document: what tickets bind.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.text.as_bytes())
    }
}

impl Canonical for TermsPublished {
    const NAME: &'static str = "terms published";

    fn write(&self, out: &mut Writer) {
        out.text(self.scale.as_str());
        out.text(&self.text);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            scale: read_scale_id(input)?,
            text: input.document("terms", MAX_TERMS_BYTES)?,
        })
    }
}

/// A distributor deposits a ticket that was given to it. The proof accompanies it.
///
/// The ledger computes scope and message of the statement from these fields, so nobody can deposit
/// a ticket that names another distributor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketDeposited {
    /// The scale.
    pub scale: ScaleId,
    /// The version that the person consented to: the one in force for the period. The message also
    /// contains the digest of its manifest, which the ledger supplies.
    pub version: ScaleVersion,
    /// The period.
    pub period: Period,
    /// The source of the records.
    pub source: PartyId,
    /// The expiry bucket that the person was told.
    pub expiry: Expiry,
    /// Digest of the published terms.
    pub terms: [u8; 32],
    /// Salt of the message.
    pub salt: [u8; SALT_BYTES],
    /// Root of the group that the person proved to be in.
    pub root: GroupRoot,
    /// nf.
    pub nullifier: Nullifier,
    /// b.
    pub b: RecordsBinding,
}

impl Canonical for TicketDeposited {
    const NAME: &'static str = "ticket deposited";

    fn write(&self, out: &mut Writer) {
        write_version(out, &self.scale, self.version);
        out.u64(self.period.to_u64());
        out.array(&self.source.0);
        out.u32(self.expiry.0);
        out.array(&self.terms);
        out.array(&self.salt);
        out.field(&self.root);
        out.field(&self.nullifier);
        out.field(&self.b);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (scale, version) = read_version(input)?;
        Ok(Self {
            scale,
            version,
            period: read_period(input)?,
            source: PartyId(input.array("source")?),
            expiry: Expiry(input.u32("expiry")?),
            terms: input.array("terms")?,
            salt: input.array("salt")?,
            root: input.field("root")?,
            nullifier: input.field("nullifier")?,
            b: input.field("b")?,
        })
    }
}

/// A person withdraws a consent. No party signs it: the proof shows that it is the same person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentWithdrawn {
    /// Scope of the claim.
    pub scope: Scope,
    /// nf in that scope.
    pub nullifier: Nullifier,
    /// The message of the withdrawn consent.
    pub message: Message,
    /// b of the withdrawal's own statement.
    pub b: RecordsBinding,
    /// Root of the group.
    pub root: GroupRoot,
}

impl Canonical for ConsentWithdrawn {
    const NAME: &'static str = "consent withdrawn";

    fn write(&self, out: &mut Writer) {
        out.field(&self.scope);
        out.field(&self.nullifier);
        out.field(&self.message);
        out.field(&self.b);
        out.field(&self.root);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            scope: input.field("scope")?,
            nullifier: input.field("nullifier")?,
            message: input.field("message")?,
            b: input.field("b")?,
            root: input.field("root")?,
        })
    }
}
