//! The key of the uniqueness tags: who holds shares of it, and how shares are dealt over the log.
//!
//! All judgement of a dealing is [`merits_threshold::tags::board`]'s, over the messages in the log, so evaluators,
//! replicas and onlookers come to the same key. A ledger's first key is made by its holders together, so nobody ever
//! had it whole; or one evaluator opens one that it made alone, which stays marked for ever. Afterwards t of the holders
//! deal their shares to other holders. The key never changes, because another one would give every person a second tag.
//!
//! No act of the board is needed for a dealing: t holders have the key between them, so they could hand it to anybody
//! without the log. What the log adds is that everybody sees to whom. Only evaluators in standing get a share, and it is
//! the board that admits, suspends and ends those.
//!
//! A party has one dealing at a time, and dealings of several parties run beside each other. The first that is done
//! moves the generation, and ends the others.

use std::{fmt, time::Duration};

use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, PartyId},
};
use merits_threshold::tags::{
    board::{TagBoard, TagProgress},
    dealing::{Dealing, DealingFault, DealingId},
    key::TagKey,
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
use merits_verifier::{FieldName, fields};

use super::Governing;
use super::draft::Draft;
use super::stored::read_party;
use crate::entry::{TagDealingMessage, TagDealingOpened};
use crate::refusal::{CheckError, Refusal, TagKeyRefusal};
use crate::role::Role;
use crate::rows::{self, Key, Record, RowError, Rows, Table};

/// Longest time from the opening of a dealing to its deadline.
pub const LONGEST_DEALING: Duration = Duration::from_secs(30 * 86_400);

/// The key of the uniqueness tags, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagKeyRecord {
    /// The shares' generation, from 1.
    pub generation: u32,
    /// The key, its threshold and the holders' verification shares.
    pub key: TagKey,
    /// Whether one evaluator ever had the key whole. It stays so, however the shares are dealt afterwards: what was
    /// whole may have been kept.
    pub was_whole: bool,
    /// Who opened the dealing that made these shares; `None` for a key that one evaluator opened.
    pub dealt_by: Option<PartyId>,
}

/// The mark on a key that one evaluator had whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKeyMark {
    /// It has it now.
    Now,
    /// It had it before its shares were dealt.
    Once,
}

impl fmt::Display for TagKeyMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now => {
                "one evaluator has the whole key of the uniqueness tags: it alone can test who is registered"
            }
            Self::Once => {
                "one evaluator once had the whole key of the uniqueness tags: if it kept it, it alone can test who is \
                 registered"
            }
        })
    }
}

impl TagKeyRecord {
    /// The mark, if one evaluator ever had the key whole.
    pub fn mark(&self) -> Option<TagKeyMark> {
        match (self.was_whole, self.key.threshold().is_sole()) {
            (false, _) => None,
            (true, true) => Some(TagKeyMark::Now),
            (true, false) => Some(TagKeyMark::Once),
        }
    }
}

/// A dealing over the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagDealing {
    /// What was opened.
    pub opened: TagDealingOpened,
    /// The present key when it was opened; `None` for the first one.
    pub present: Option<TagKey>,
    /// What was published.
    pub board: TagBoard,
}

impl TagDealing {
    /// What all of its messages are bound to.
    ///
    /// # Errors
    /// [`DealingFault`], if these parties could not have opened it.
    pub fn dealing(&self, origin: &Origin, opener: PartyId) -> Result<Dealing, DealingFault> {
        dealing(origin, opener, &self.opened, self.present.clone())
    }
}

/// A reader of all dealings.
#[derive(Debug, Clone, Copy)]
pub struct TagDealings<'s> {
    pub(super) rows: &'s dyn Rows,
}

impl TagDealings<'_> {
    /// A party's newest dealing of a generation.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn get(&self, generation: u32, opener: &PartyId) -> Result<Option<TagDealing>, RowError> {
        rows::get(self.rows, &dealing_key(generation, opener))
    }
}

fn dealing(
    origin: &Origin,
    opener: PartyId,
    opened: &TagDealingOpened,
    present: Option<TagKey>,
) -> Result<Dealing, DealingFault> {
    let id = DealingId {
        origin: origin.clone(),
        generation: opened.generation,
        opener,
        attempt: opened.attempt,
    };
    let (holders, dealers) = (opened.holders.clone(), opened.dealers.clone());
    Dealing::new(&id, opened.needed, holders, dealers, present)
}

impl Governing {
    /// An evaluator opens a dealing.
    pub(super) fn check_tag_dealing_opened(
        &self,
        party: PartyId,
        opened: &TagDealingOpened,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let present = self.people.tag_key();
        self.check_tag_generation(opened.generation)?;
        let key = dealing_key(opened.generation, &party);
        let before = draft.get(&key)?;
        if let Some(before) = &before {
            let waits = before.dealing(self.origin(), party).is_ok_and(|dealing| {
                matches!(before.board.progress(&dealing), TagProgress::Waiting { .. })
            });
            let until = before.opened.deadline;
            if waits && time <= until {
                return Err(TagKeyRefusal::Open { until }.into());
            }
        }
        let last = before.map_or(0, |before| before.opened.attempt);
        expect_next(fields::ATTEMPT, last, opened.attempt)?;
        let (deadline, limit) = (opened.deadline, LONGEST_DEALING);
        if deadline <= time || deadline.since(time) > limit {
            let now = time;
            return Err(TagKeyRefusal::Deadline {
                deadline,
                now,
                limit,
            }
            .into());
        }
        let present = present.map(|record| record.key.clone());
        let dealing = dealing(self.origin(), party, opened, present.clone())
            .map_err(TagKeyRefusal::Dealing)?;
        if !dealing.is_holder(&party) && !dealing.is_dealer(&party) {
            return Err(TagKeyRefusal::OpenerTakesNoPart { party }.into());
        }
        for other in dealing.parties() {
            self.parties.acting(&other, Role::Evaluator)?;
        }
        let (opened, board) = (opened.clone(), TagBoard::default());
        let dealing = TagDealing {
            opened,
            present,
            board,
        };
        draft.put(key, &dealing);
        Ok(())
    }

    /// A party publishes its message of the round that is waited for.
    pub(super) fn check_tag_dealing_message(
        &self,
        party: PartyId,
        published: &TagDealingMessage,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let TagDealingMessage {
            generation,
            opener,
            message,
        } = published;
        let (generation, opener) = (*generation, *opener);
        // Once another dealing is done, these shares are of a key that has others.
        self.check_tag_generation(generation)?;
        let key = dealing_key(generation, &opener);
        let Some(mut stored) = draft.get(&key)? else {
            return Err(TagKeyRefusal::Unknown { generation, opener }.into());
        };
        let deadline = stored.opened.deadline;
        if time > deadline {
            return Err(TagKeyRefusal::Over { deadline }.into());
        }
        let dealing = stored
            .dealing(self.origin(), opener)
            .map_err(TagKeyRefusal::Dealing)?;
        // Whoever was suspended since it was opened gets no share.
        for other in dealing.parties() {
            self.parties.acting(&other, Role::Evaluator)?;
        }
        let taken = stored.board.take(&dealing, party, message.clone());
        taken.map_err(TagKeyRefusal::Message)?;
        if let TagProgress::Done(key) = stored.board.progress(&dealing) {
            let was_whole = self.people.tag_key().is_some_and(|record| record.was_whole);
            let record = TagKeyRecord {
                generation,
                key,
                was_whole,
                dealt_by: Some(opener),
            };
            draft.put(record_key(), &record);
        }
        draft.put(key, &stored);
        Ok(())
    }

    fn check_tag_generation(&self, found: u32) -> Result<(), Refusal> {
        let present = self.people.tag_key();
        expect_next(
            fields::GENERATION,
            present.map_or(0, |record| record.generation),
            found,
        )
    }
}

fn expect_next(what: FieldName, last: u32, found: u32) -> Result<(), Refusal> {
    let expected = last.saturating_add(1);
    if found == expected {
        return Ok(());
    }
    Err(Refusal::OutOfSequence {
        what,
        expected,
        found,
    })
}

impl Canonical for TagKeyRecord {
    const NAME: &'static str = "evaluators";

    fn write(&self, out: &mut Writer) {
        out.u32(self.generation);
        self.key.write(out);
        out.bool(self.was_whole);
        out.option(self.dealt_by.as_ref(), |out, party| out.array(&party.0));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            generation: input.u32("generation")?,
            key: TagKey::read(input)?,
            was_whole: input.bool("was whole")?,
            dealt_by: input.option("dealt by", |input| read_party(input, "opener"))?,
        })
    }
}

impl Record for TagKeyRecord {
    const TABLE: Table = Table::Evaluator;
}

impl Canonical for TagDealing {
    const NAME: &'static str = "dealing of tag shares";

    fn write(&self, out: &mut Writer) {
        self.opened.write(out);
        out.option(self.present.as_ref(), |out, key| key.write(out));
        self.board.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            opened: TagDealingOpened::read(input)?,
            present: input.option("present key", TagKey::read)?,
            board: TagBoard::read(input)?,
        })
    }
}

impl Record for TagDealing {
    const TABLE: Table = Table::TagDealing;
}

pub(super) fn record_key() -> Key<TagKeyRecord> {
    Key::new(&[])
}

pub(super) fn dealing_key(generation: u32, opener: &PartyId) -> Key<TagDealing> {
    Key::new(&[&generation.to_be_bytes(), &opener.0])
}
