//! Openings of single claims, and of who made a redemption: first requested in the log, then completed, then revealed.

use merits_primitives::{
    calendar::Timestamp,
    field,
    ids::{EntryId, Origin, PartyId, ScaleId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::{read_entry_id, read_reason, scale::read_scale_id, write_entry_id};

/// The content of a request. The requester shows it to the holders of the view key when asking
/// them, and reveals it to everybody by the deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningContent {
    /// The earn batch, or the redemption.
    pub entry: EntryId,
    /// The claim's index in it; 0 of a redemption.
    pub claim: u16,
    /// Legal basis, as text.
    pub basis: String,
    /// 32 random bytes that hide the rest.
    pub nonce: [u8; 32],
}

impl OpeningContent {
    /// The hiding commitment: SHA-256 over log, entry, claim, basis and nonce.
    pub fn commitment(&self, origin: &Origin) -> [u8; 32] {
        field::digest(
            "merits/opening-request/v1",
            &[
                origin.as_str().as_bytes(),
                &self.entry.0,
                &self.claim.to_le_bytes(),
                self.basis.as_bytes(),
                &self.nonce,
            ],
        )
    }

    /// What `member` writes into its endorsement of the request. Only those who know the content can make it, and
    /// one member's is no other's, so a holder that is shown the content sees that the member saw the same.
    pub fn seen_by(&self, origin: &Origin, request: &EntryId, member: &PartyId) -> [u8; 32] {
        field::digest(
            "merits/opening-seen/v1",
            &[
                origin.as_str().as_bytes(),
                &request.0,
                &member.0,
                &self.entry.0,
                &self.claim.to_le_bytes(),
                self.basis.as_bytes(),
                &self.nonce,
            ],
        )
    }
}

impl Canonical for OpeningContent {
    const NAME: &'static str = "opening content";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.entry);
        out.u16(self.claim);
        out.text(&self.basis);
        out.array(&self.nonce);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            entry: read_entry_id(input, "entry")?,
            claim: input.u16("claim")?,
            basis: read_reason(input, "basis")?,
            nonce: input.array("nonce")?,
        })
    }
}

/// A supervisor asks to open one claim, or who made one redemption: the entry's kind says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningRequested {
    /// [`OpeningContent::commitment`].
    pub commitment: [u8; 32],
    /// The scale of the claim, or of the credits that were redeemed.
    pub scale: ScaleId,
    /// Until when holders answer, and by when the content is revealed.
    pub deadline: Timestamp,
}

impl Canonical for OpeningRequested {
    const NAME: &'static str = "opening requested";

    fn write(&self, out: &mut Writer) {
        out.array(&self.commitment);
        out.text(self.scale.as_str());
        out.time(self.deadline);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            commitment: input.array("commitment")?,
            scale: read_scale_id(input)?,
            deadline: input.time("deadline")?,
        })
    }
}

/// A member of the board endorses a request after it saw the content. The requester endorses by the request itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningEndorsed {
    /// The request. Its id covers every byte of it.
    pub request: EntryId,
    /// The member's endorsements of this request so far, plus one.
    pub number: u32,
    /// [`OpeningContent::seen_by`]. Holders compare it; the ledger cannot, because it does not know the content.
    pub seen: [u8; 32],
}

impl Canonical for OpeningEndorsed {
    const NAME: &'static str = "opening endorsed";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.request);
        out.u32(self.number);
        out.array(&self.seen);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            request: read_entry_id(input, "request")?,
            number: input.u32("number")?,
            seen: input.array("seen")?,
        })
    }
}

/// A member revokes its endorsement of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningDisowned {
    /// The request.
    pub request: EntryId,
    /// The number of the endorsement that it revokes; the requester's is 1.
    pub number: u32,
}

impl Canonical for OpeningDisowned {
    const NAME: &'static str = "opening endorsement revoked";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.request);
        out.u32(self.number);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            request: read_entry_id(input, "request")?,
            number: input.u32("number")?,
        })
    }
}

/// The requester opened the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningCompleted {
    /// The request.
    pub request: EntryId,
    /// Digest of the result, salted so that nobody can find a small v by trying values.
    pub result: [u8; 32],
}

impl Canonical for OpeningCompleted {
    const NAME: &'static str = "opening completed";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.request);
        out.array(&self.result);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            request: read_entry_id(input, "request")?,
            result: input.array("result")?,
        })
    }
}

/// The requester reveals the content of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningRevealed {
    /// The request.
    pub request: EntryId,
    /// The content that it committed to.
    pub content: OpeningContent,
}

impl Canonical for OpeningRevealed {
    const NAME: &'static str = "opening revealed";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.request);
        self.content.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            request: read_entry_id(input, "request")?,
            content: OpeningContent::read(input)?,
        })
    }
}
