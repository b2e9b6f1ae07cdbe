//! Key generation of a quorum's half over the log, and the end of its shares (`docs/src/supervision.md`, "A half of
//! many holders"). The protocol and its messages are those of `merits_threshold`.

use merits_primitives::{
    calendar::Timestamp,
    ids::{Epoch, PartyId},
};
use merits_threshold::{Side, Threshold, message::Message};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

/// Most attempts to make a half that a party opens in a day.
pub const ATTEMPTS_A_DAY: usize = 8;

/// An attempt to make a half begins: which half, by whom, and how many of them must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGenerationOpened {
    /// The epoch that the half is for: the next one.
    pub epoch: Epoch,
    /// On which side.
    pub side: Side,
    /// The attempts of this epoch and side so far, plus one.
    pub attempt: u32,
    /// How many holders must answer.
    pub needed: u16,
    /// The holders, by growing id. The rules refuse one that is named twice.
    pub holders: Vec<PartyId>,
    /// Until when messages are taken.
    pub deadline: Timestamp,
}

impl Canonical for KeyGenerationOpened {
    const NAME: &'static str = "key generation opened";

    fn write(&self, out: &mut Writer) {
        out.u32(self.epoch.0);
        self.side.write(out);
        out.u32(self.attempt);
        out.u16(self.needed);
        out.count(self.holders.len());
        for holder in &self.holders {
            out.array(&holder.0);
        }
        out.time(self.deadline);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: Epoch(input.u32("epoch")?),
            side: Side::read(input)?,
            attempt: input.u32("attempt")?,
            needed: input.u16("needed")?,
            holders: read_holders(input)?,
            deadline: input.time("deadline")?,
        })
    }
}

fn read_holders(input: &mut Reader<'_>) -> Result<Vec<PartyId>, CodecError> {
    let what = "holders";
    let count = input.count(what, Threshold::MOST_HOLDERS.into())?;
    let holders: Vec<PartyId> = (0..count)
        .map(|_| input.array(what).map(PartyId))
        .collect::<Result<_, _>>()?;
    // The rules name a holder that comes twice, which this error could not.
    if holders.is_sorted() {
        Ok(holders)
    } else {
        Err(CodecError::NotCanonical { what })
    }
}

/// A holder's message of one round of an attempt. What one holder deals to another is sealed to that holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGenerationMessage {
    /// The epoch.
    pub epoch: Epoch,
    /// On which side.
    pub side: Side,
    /// The attempt.
    pub attempt: u32,
    /// The message: a hash, a package, sealed shares, a verdict, or shares in dispute.
    pub message: Message,
}

impl Canonical for KeyGenerationMessage {
    const NAME: &'static str = "key generation message";

    fn write(&self, out: &mut Writer) {
        out.u32(self.epoch.0);
        self.side.write(out);
        out.u32(self.attempt);
        self.message.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: Epoch(input.u32("epoch")?),
            side: Side::read(input)?,
            attempt: input.u32("attempt")?,
            message: Message::read(input)?,
        })
    }
}

/// A holder destroyed its share of an epoch whose retention ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyShareDestroyed {
    /// The epoch.
    pub epoch: Epoch,
    /// On which side.
    pub side: Side,
}

impl Canonical for KeyShareDestroyed {
    const NAME: &'static str = "key share destroyed";

    fn write(&self, out: &mut Writer) {
        out.u32(self.epoch.0);
        self.side.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: Epoch(input.u32("epoch")?),
            side: Side::read(input)?,
        })
    }
}
