//! The rows of the board.

use std::time::Duration;

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use crate::board_facts::Thresholds;
use crate::entry::{Act, ProposalTerms};
use crate::rows::{Record, Table};
use crate::state::stored::{read_entry, read_party};

/// What an act takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demands {
    /// Members that must endorse it.
    pub members: u16,
    /// Witnesses that must consent.
    pub consents: u16,
    /// Time from the last endorsement that it needed until it can be enacted.
    pub delay: Duration,
}

impl Demands {
    /// Whether one member alone suffices, at once.
    pub fn is_alone(&self) -> bool {
        self.members <= 1 && self.consents == 0 && self.delay.is_zero()
    }

    /// The higher of both, of each.
    pub(super) fn or_higher(self, other: Self) -> Self {
        Self {
            members: self.members.max(other.members),
            consents: self.consents.max(other.consents),
            delay: self.delay.max(other.delay),
        }
    }
}

/// A proposed act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedAct {
    /// What would be done.
    pub act: Act,
    /// Number, generation and end.
    pub terms: ProposalTerms,
    /// The member that proposed it.
    pub proposer: PartyId,
    /// When.
    pub proposed: Timestamp,
    /// What it took when it was proposed. Enactment takes the higher of this and what it takes then.
    pub demands: Demands,
    /// When it took effect.
    pub enacted: Option<Timestamp>,
}

impl ProposedAct {
    /// Until when it can be enacted.
    pub fn end(&self) -> Timestamp {
        // Proposals that are enacted at once are not stored.
        self.terms.until.unwrap_or(self.proposed)
    }

    /// Whether it can still be enacted at `time`, as far as its end says.
    pub fn is_open(&self, time: Timestamp) -> bool {
        self.enacted.is_none() && time <= self.end()
    }
}

impl Canonical for ProposedAct {
    const NAME: &'static str = "proposed act";

    fn write(&self, out: &mut Writer) {
        self.act.write(out);
        self.terms.write(out);
        out.array(&self.proposer.0);
        out.time(self.proposed);
        self.demands.write(out);
        out.option(self.enacted.as_ref(), |out, time| out.time(*time));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            act: Act::read(input)?,
            terms: ProposalTerms::read(input)?,
            proposer: read_party(input, "proposer")?,
            proposed: input.time("proposed")?,
            demands: Demands::read(input)?,
            enacted: input.option("enacted", |input| input.time("enacted"))?,
        })
    }
}

impl Record for ProposedAct {
    const TABLE: Table = Table::Act;
}

impl Canonical for Demands {
    const NAME: &'static str = "demands";

    fn write(&self, out: &mut Writer) {
        out.u16(self.members);
        out.u16(self.consents);
        out.u64(self.delay.as_secs());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            members: input.u16("members")?,
            consents: input.u16("consents")?,
            delay: Duration::from_secs(input.u64("delay")?),
        })
    }
}

/// Whether a voice endorses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endorsed {
    /// It never did.
    Never,
    /// Since this time.
    Since(Timestamp),
    /// It was revoked.
    Revoked,
}

/// What a party said on an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceRecord {
    /// Its endorsements so far.
    pub number: u32,
    /// Whether it endorses.
    pub endorsed: Endorsed,
    /// When it objected. It does not object while it endorses ([`VoiceRecord::objects`]).
    pub objected: Option<Timestamp>,
}

impl VoiceRecord {
    /// Nothing was said.
    pub(super) const SILENT: Self = Self {
        number: 0,
        endorsed: Endorsed::Never,
        objected: None,
    };

    /// Whether it objects now: it objected, and does not endorse.
    pub fn objects(&self) -> bool {
        self.objected.is_some() && !matches!(self.endorsed, Endorsed::Since(_))
    }
}

impl Canonical for VoiceRecord {
    const NAME: &'static str = "voice on an act";

    fn write(&self, out: &mut Writer) {
        out.u32(self.number);
        match self.endorsed {
            Endorsed::Never => out.u8(0),
            Endorsed::Since(time) => {
                out.u8(1);
                out.time(time);
            }
            Endorsed::Revoked => out.u8(2),
        }
        out.option(self.objected.as_ref(), |out, time| out.time(*time));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            number: input.u32("number")?,
            endorsed: match input.u8("endorsed")? {
                0 => Endorsed::Never,
                1 => Endorsed::Since(input.time("endorsed since")?),
                2 => Endorsed::Revoked,
                found => {
                    let (what, found) = ("endorsed", found.into());
                    return Err(CodecError::UnknownValue { what, found });
                }
            },
            objected: input.option("objected", |input| input.time("objected"))?,
        })
    }
}

impl Record for VoiceRecord {
    const TABLE: Table = Table::Voice;
}

/// The thresholds in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BoardRecord {
    pub(super) generation: u32,
    pub(super) thresholds: Thresholds,
}

impl Canonical for BoardRecord {
    const NAME: &'static str = "board";

    fn write(&self, out: &mut Writer) {
        out.u32(self.generation);
        self.thresholds.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            generation: input.u32("generation")?,
            thresholds: Thresholds::read(input)?,
        })
    }
}

impl Record for BoardRecord {
    const TABLE: Table = Table::Board;
}

/// An act that one supervisor alone decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MadeAlone {
    pub(super) proposal: EntryId,
}

impl Canonical for MadeAlone {
    const NAME: &'static str = "made alone";

    fn write(&self, out: &mut Writer) {
        out.array(&self.proposal.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            proposal: read_entry(input, "proposal")?,
        })
    }
}

impl Record for MadeAlone {
    const TABLE: Table = Table::MadeAlone;
}
