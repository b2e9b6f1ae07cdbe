//! Attempts of key generations, their messages and destroyed shares as rows.

use merits_primitives::{
    calendar::Timestamp,
    ids::{Epoch, PartyId},
};
use merits_threshold::{
    Side, Threshold,
    half::QuorumHalf,
    message::{Message, Round},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use crate::entry::{ATTEMPTS_A_DAY, KeyGenerationOpened};
use crate::rows::{Key, Record, Table};
use crate::state::stored::read_party;

/// An attempt to make a half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGeneration {
    /// What is made, by whom, and until when.
    pub opened: KeyGenerationOpened,
    /// Who opened it.
    pub opener: PartyId,
    /// When.
    pub time: Timestamp,
    /// How far it is.
    pub progress: Progress,
}

impl KeyGeneration {
    /// Whether messages are still waited for at `time`.
    pub fn is_open(&self, time: Timestamp) -> bool {
        matches!(self.progress, Progress::Waiting { .. }) && time <= self.opened.deadline
    }
}

/// How far an attempt is, as its messages in the log show.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "attempts are handled one at a time"
)]
pub enum Progress {
    /// A round is not complete.
    Waiting {
        /// The round.
        round: Round,
        /// Who has not published in it.
        missing: Vec<PartyId>,
    },
    /// It failed.
    Failed {
        /// Who is at fault.
        guilty: Vec<Guilty>,
    },
    /// All holders confirmed.
    Done {
        /// The half.
        half: QuorumHalf,
    },
}

/// A holder at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guilty {
    /// The holder.
    pub party: PartyId,
    /// [`merits_threshold::standing::Fault::name`].
    pub fault: String,
    /// The other party of a dispute.
    pub other: Option<PartyId>,
}

/// The attempts of one epoch and side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Attempts {
    /// How many were opened.
    pub(super) opened: u32,
    /// The newest attempts of each party that opened some, by party and number: at most [`ATTEMPTS_A_DAY`] of each.
    pub(super) recent: Vec<(PartyId, u32)>,
}

/// A message that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublishedMessage(pub(super) Message);

/// When a share was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DestroyedAt(pub(super) Timestamp);

/// Two faults for each pair of holders are more than there can be.
const MOST_GUILTY: usize = 2 * (Threshold::MOST_HOLDERS as usize).pow(2);

/// Most parties that open attempts: as many as can be supervisors or witnesses in practice.
const MOST_OPENERS: usize = 1 << 16;

/// Most bytes of a fault's name.
const MOST_NAME: usize = 64;

impl Canonical for KeyGeneration {
    const NAME: &'static str = "key generation";

    fn write(&self, out: &mut Writer) {
        self.opened.write(out);
        out.array(&self.opener.0);
        out.time(self.time);
        match &self.progress {
            Progress::Waiting { round, missing } => {
                out.u8(1);
                out.u8(*round as u8);
                out.count(missing.len());
                for party in missing {
                    out.array(&party.0);
                }
            }
            Progress::Failed { guilty } => {
                out.u8(2);
                out.count(guilty.len());
                for guilty in guilty {
                    out.array(&guilty.party.0);
                    out.text(&guilty.fault);
                    out.option(guilty.other.as_ref(), |out, party| out.array(&party.0));
                }
            }
            Progress::Done { half } => {
                out.u8(3);
                half.write(out);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            opened: KeyGenerationOpened::read(input)?,
            opener: read_party(input, "opener")?,
            time: input.time("time")?,
            progress: read_progress(input)?,
        })
    }
}

fn read_progress(input: &mut Reader<'_>) -> Result<Progress, CodecError> {
    let what = "progress";
    match input.u8(what)? {
        1 => {
            let round = read_round(input)?;
            let what = "missing";
            let count = input.count(what, Threshold::MOST_HOLDERS.into())?;
            let missing = (0..count).map(|_| read_party(input, what));
            let missing = missing.collect::<Result<_, _>>()?;
            Ok(Progress::Waiting { round, missing })
        }
        2 => {
            let what = "guilty";
            let count = input.count(what, MOST_GUILTY)?;
            let guilty = (0..count).map(|_| {
                Ok(Guilty {
                    party: read_party(input, what)?,
                    fault: input.text("fault", MOST_NAME)?,
                    other: input.option("other party", |input| read_party(input, "other party"))?,
                })
            });
            let guilty = guilty.collect::<Result<_, CodecError>>()?;
            Ok(Progress::Failed { guilty })
        }
        3 => {
            let half = QuorumHalf::read(input)?;
            Ok(Progress::Done { half })
        }
        found => Err(CodecError::UnknownValue {
            what,
            found: found.into(),
        }),
    }
}

fn read_round(input: &mut Reader<'_>) -> Result<Round, CodecError> {
    let what = "round";
    let number = input.u8(what)?;
    let round = Round::ALL.into_iter().find(|round| *round as u8 == number);
    round.ok_or(CodecError::UnknownValue {
        what,
        found: number.into(),
    })
}

impl Canonical for Attempts {
    const NAME: &'static str = "attempts";

    fn write(&self, out: &mut Writer) {
        out.u32(self.opened);
        out.count(self.recent.len());
        for (party, attempt) in &self.recent {
            out.array(&party.0);
            out.u32(*attempt);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let opened = input.u32("opened")?;
        let count = input.count("attempts of openers", MOST_OPENERS * ATTEMPTS_A_DAY)?;
        let recent = (0..count).map(|_| Ok((read_party(input, "opener")?, input.u32("attempt")?)));
        let recent = recent.collect::<Result<_, CodecError>>()?;
        Ok(Self { opened, recent })
    }
}

impl Canonical for PublishedMessage {
    const NAME: &'static str = "published key-generation message";

    fn write(&self, out: &mut Writer) {
        self.0.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Message::read(input).map(Self)
    }
}

impl Canonical for DestroyedAt {
    const NAME: &'static str = "destroyed share";

    fn write(&self, out: &mut Writer) {
        out.time(self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.time("time").map(Self)
    }
}

impl Record for KeyGeneration {
    const TABLE: Table = Table::KeyGeneration;
}

impl Record for Attempts {
    const TABLE: Table = Table::KeyAttempts;
}

impl Record for PublishedMessage {
    const TABLE: Table = Table::KeyMessage;
}

impl Record for DestroyedAt {
    const TABLE: Table = Table::DestroyedShare;
}

/// Epoch and side.
pub(super) fn half_bytes(epoch: Epoch, side: Side) -> [u8; 5] {
    let [a, b, c, d] = epoch.0.to_be_bytes();
    [a, b, c, d, side.number()]
}

pub(super) fn attempts_key(epoch: Epoch, side: Side) -> Key<Attempts> {
    Key::new(&[&half_bytes(epoch, side)])
}

pub(super) fn generation_key(epoch: Epoch, side: Side, attempt: u32) -> Key<KeyGeneration> {
    Key::new(&[&half_bytes(epoch, side), &attempt.to_be_bytes()])
}

pub(super) fn message_key(
    opened: &KeyGenerationOpened,
    round: Round,
    party: &PartyId,
) -> Key<PublishedMessage> {
    Key::new(&[
        &half_bytes(opened.epoch, opened.side),
        &opened.attempt.to_be_bytes(),
        &[round as u8],
        &party.0,
    ])
}

pub(super) fn destroyed_key(epoch: Epoch, side: Side, party: &PartyId) -> Key<DestroyedAt> {
    Key::new(&[&half_bytes(epoch, side), &party.0])
}
