//! Shares of the key of the uniqueness tags over the log: a first key, made by its holders together, and its shares
//! dealt anew (`docs/src/identity.md`, "The key"). The protocol and its messages are those of
//! [`merits_threshold::tags`].

use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_threshold::{Threshold, tags::message::TagMessage};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

/// A dealing begins: who gets a share, from whom, and how many of them must answer. Its opener takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagDealingOpened {
    /// The shares' generation: one more than that of the present ones, or 1 for the first key.
    pub generation: u32,
    /// The opener's dealings for this generation so far, plus one.
    pub attempt: u32,
    /// How many holders must answer with the new shares.
    pub needed: u16,
    /// Who gets a share, by growing id.
    pub holders: Vec<PartyId>,
    /// Who deals, by growing id: holders of present shares, or exactly the holders for the first key.
    pub dealers: Vec<PartyId>,
    /// Until when messages are taken.
    pub deadline: Timestamp,
}

impl Canonical for TagDealingOpened {
    const NAME: &'static str = "tag dealing opened";

    fn write(&self, out: &mut Writer) {
        out.u32(self.generation);
        out.u32(self.attempt);
        out.u16(self.needed);
        for parties in [&self.holders, &self.dealers] {
            out.count(parties.len());
            for party in parties {
                out.array(&party.0);
            }
        }
        out.time(self.deadline);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            generation: input.u32("generation")?,
            attempt: input.u32("attempt")?,
            needed: input.u16("needed")?,
            holders: read_parties(input, "holders")?,
            dealers: read_parties(input, "dealers")?,
            deadline: input.time("deadline")?,
        })
    }
}

/// The rules name a party that is not in its place, which an error of the encoding could not.
fn read_parties(input: &mut Reader<'_>, what: &'static str) -> Result<Vec<PartyId>, CodecError> {
    let count = input.count(what, Threshold::MOST_HOLDERS.into())?;
    (0..count).map(|_| input.array(what).map(PartyId)).collect()
}

/// A party's message of one round of a dealing. What one party deals to another is sealed to that party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagDealingMessage {
    /// The shares' generation.
    pub generation: u32,
    /// Who opened the dealing.
    pub opener: PartyId,
    /// The message.
    pub message: TagMessage,
}

impl Canonical for TagDealingMessage {
    const NAME: &'static str = "tag dealing message";

    fn write(&self, out: &mut Writer) {
        out.u32(self.generation);
        out.array(&self.opener.0);
        self.message.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            generation: input.u32("generation")?,
            opener: PartyId(input.array("opener")?),
            message: TagMessage::read(input)?,
        })
    }
}
