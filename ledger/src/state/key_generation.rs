//! Key generation of a quorum's half over the log: who may open an attempt, whose message is taken in which round,
//! who is at fault, and which half came out.
//!
//! All judgement is [`merits_threshold::standing`]'s, over the messages in the log, so holders, replicas and
//! onlookers come to the same result. The rules keep the order: each named holder publishes once in each round, and
//! no message of a round is taken before the round before is complete. So nobody shows a package before all are bound
//! to theirs by a hash. An attempt waits until its deadline. A party opens another only when its last one is over, and
//! attempts of several parties run beside each other, so nobody blocks the next epoch by an attempt that never ends. A
//! party opens at most [`ATTEMPTS_A_DAY`] to make a half in a day, so nobody fills the log with them either.
//!
//! [`standing`](merits_threshold::standing::standing) runs when a round becomes complete: four or five times an attempt.
//! It takes some milliseconds for five holders, and about a tenth of a second for 32, the most.

mod records;

pub use records::{Guilty, KeyGeneration, Progress};

use std::time::Duration;

use merits_primitives::{
    calendar::Timestamp,
    ids::{Epoch, Origin, PartyId},
};
use merits_threshold::{
    Side,
    ceremony::{Ceremony, CeremonyFault},
    half::QuorumHalf,
    message::{Round, Slot},
    standing::{Blame, Board, Standing, standing},
};
use merits_verifier::codec::Canonical as _;
use merits_verifier::fields;

use self::records::{
    Attempts, DestroyedAt, PublishedMessage, attempts_key, destroyed_key, generation_key,
    half_bytes, message_key,
};
use super::draft::Draft;
use super::epochs::EpochKeys;
use super::{EpochStanding, Governing, stored};
use crate::entry::{
    ATTEMPTS_A_DAY, KeyGenerationMessage, KeyGenerationOpened, KeyShareDestroyed, QuorumEpochOpened,
};
use crate::refusal::{CheckError, KeyGenerationRefusal, Refusal};
use crate::role::Role;
use crate::rows::{self, Key, RowError, RowKey, Rows, Table, View};

/// Longest time from the opening of an attempt to its deadline.
pub const LONGEST_ATTEMPT: Duration = Duration::from_secs(30 * 86_400);

/// The time in which a party opens at most [`ATTEMPTS_A_DAY`].
const A_DAY: Duration = Duration::from_secs(86_400);

/// A reader of all key generations.
#[derive(Debug, Clone, Copy)]
pub struct KeyGenerations<'s> {
    pub(super) rows: &'s dyn Rows,
}

/// A share that its holder destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DestroyedShare {
    /// The holder.
    pub holder: PartyId,
    /// When the entry was appended.
    pub time: Timestamp,
}

impl KeyGenerations<'_> {
    /// An attempt.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn get(
        &self,
        epoch: Epoch,
        side: Side,
        attempt: u32,
    ) -> Result<Option<KeyGeneration>, RowError> {
        rows::get(self.rows, &generation_key(epoch, side, attempt))
    }

    /// All attempts to make a half, in order.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn attempts(&self, epoch: Epoch, side: Side) -> Result<Vec<KeyGeneration>, RowError> {
        let mut found = Vec::new();
        rows::scan(self.rows, &half_bytes(epoch, side), |_, attempt| {
            found.push(attempt);
            true
        })?;
        Ok(found)
    }

    /// The messages of an attempt, as [`merits_threshold::standing`] reads them.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn messages(&self, opened: &KeyGenerationOpened) -> Result<Board, RowError> {
        let mut board = Board::new();
        for (slot, key) in slots(opened) {
            if let Some(PublishedMessage(message)) = rows::get(self.rows, &key)? {
                board.insert(slot, message.to_bytes());
            }
        }
        Ok(board)
    }

    /// The shares of a half whose holders destroyed them.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn destroyed(&self, epoch: Epoch, side: Side) -> Result<Vec<DestroyedShare>, RowError> {
        let prefix = half_bytes(epoch, side);
        let mut found = Vec::new();
        rows::scan(self.rows, &prefix, |key, DestroyedAt(time)| {
            found.push((key.get(prefix.len()..).unwrap_or(&[]).to_vec(), time));
            true
        })?;
        found
            .into_iter()
            .map(|(holder, time)| {
                let holder = PartyId(stored::key(Table::DestroyedShare, &holder)?);
                Ok(DestroyedShare { holder, time })
            })
            .collect()
    }
}

/// What all messages of an attempt are bound to.
///
/// # Errors
/// [`CeremonyFault`]: the numbers make no quorum.
pub fn ceremony(origin: &Origin, opened: &KeyGenerationOpened) -> Result<Ceremony, CeremonyFault> {
    Ceremony::new(
        origin.clone(),
        opened.epoch,
        opened.attempt,
        opened.side,
        opened.needed,
        opened.holders.clone(),
    )
}

/// The rows that the opening of an attempt reads.
pub(super) fn opened_reads(
    view: &View,
    party: &PartyId,
    opened: &KeyGenerationOpened,
) -> Result<Vec<RowKey>, RowError> {
    let (epoch, side) = (opened.epoch, opened.side);
    let attempts = attempts_key(epoch, side);
    let mut keys = vec![attempts.clone().into_row()];
    if let Some(attempts) = view.known(&attempts)? {
        let judged = attempts.first_of_a_day(party).into_iter();
        let judged = judged.chain(attempts.newest_of(party));
        keys.extend(judged.map(|attempt| generation_key(epoch, side, attempt).into_row()));
    }
    Ok(keys)
}

/// The rows that a message reads: its attempt, and all messages if it completes a round.
pub(super) fn message_reads(
    view: &View,
    party: &PartyId,
    message: &KeyGenerationMessage,
) -> Result<Vec<RowKey>, RowError> {
    let key = generation_key(message.epoch, message.side, message.attempt);
    let mut keys = vec![key.clone().into_row()];
    if let Some(generation) = view.known(&key)?
        && let Progress::Waiting { missing, round, .. } = &generation.progress
        && missing.as_slice() == [*party]
        // A message of another round is refused without them.
        && message.message.body.round() == *round
    {
        keys.extend(slots(&generation.opened).map(|(_, key)| key.into_row()));
    }
    Ok(keys)
}

/// The rows that an act reads which opens an epoch of quorums.
pub(super) fn epoch_reads(opened: &QuorumEpochOpened) -> Vec<RowKey> {
    let key = |side, attempt| generation_key(opened.epoch, side, attempt).into_row();
    vec![
        key(Side::Supervisor, opened.supervisor),
        key(Side::Witness, opened.witness),
    ]
}

/// Every place of a message of an attempt.
fn slots(opened: &KeyGenerationOpened) -> impl Iterator<Item = (Slot, Key<PublishedMessage>)> + '_ {
    Round::ALL.into_iter().flat_map(move |round| {
        opened.holders.iter().map(move |party| {
            let party = *party;
            let slot = Slot { round, party };
            (slot, message_key(opened, round, &party))
        })
    })
}

impl Attempts {
    /// The party's newest attempts, in order.
    fn of<'a>(&'a self, party: &'a PartyId) -> impl DoubleEndedIterator<Item = u32> + 'a {
        let own = self
            .recent
            .iter()
            .filter(move |(opener, _)| opener == party);
        own.map(|(_, attempt)| *attempt)
    }

    fn newest_of(&self, party: &PartyId) -> Option<u32> {
        self.of(party).next_back()
    }

    /// The attempt that must be a day old when the party opens another, if it opened as many as it may in a day.
    fn first_of_a_day(&self, party: &PartyId) -> Option<u32> {
        self.of(party).nth_back(ATTEMPTS_A_DAY - 1)
    }

    fn add(&mut self, party: PartyId, attempt: u32) {
        if let Some(oldest) = self.first_of_a_day(&party) {
            self.recent.retain(|other| *other != (party, oldest));
        }
        self.opened = attempt;
        self.recent.push((party, attempt));
        self.recent.sort_unstable();
    }
}

impl Governing {
    /// A supervisor or a witness opens an attempt.
    pub(super) fn check_generation_opened(
        &self,
        party: PartyId,
        opened: &KeyGenerationOpened,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let (epoch, side) = (opened.epoch, opened.side);
        self.epochs.check_number(epoch)?;
        let attempts_key = attempts_key(epoch, side);
        let mut attempts = draft.get(&attempts_key)?.unwrap_or_default();
        if let Some(newest) = attempts.newest_of(&party)
            && let Some(before) = draft.get(&generation_key(epoch, side, newest))?
            && before.is_open(time)
        {
            let (attempt, until) = (newest, before.opened.deadline);
            return Err(KeyGenerationRefusal::Open { attempt, until }.into());
        }
        if let Some(first) = attempts.first_of_a_day(&party)
            && let Some(first) = draft.get(&generation_key(epoch, side, first))?
            && time < first.time + A_DAY
        {
            let until = first.time + A_DAY;
            return Err(KeyGenerationRefusal::TooMany { until }.into());
        }
        let expected = attempts.opened.saturating_add(1);
        if opened.attempt != expected {
            let (what, found) = (fields::ATTEMPT, opened.attempt);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            }
            .into());
        }
        let (deadline, limit) = (opened.deadline, LONGEST_ATTEMPT);
        if deadline <= time || deadline.since(time) > limit {
            return Err(KeyGenerationRefusal::Deadline {
                deadline,
                now: time,
                limit,
            }
            .into());
        }
        ceremony(self.origin(), opened).map_err(KeyGenerationRefusal::Quorum)?;
        let (needed, holders) = (opened.needed, opened.holders.len());
        if 2 * usize::from(needed) <= holders {
            return Err(KeyGenerationRefusal::Minority { needed, holders }.into());
        }
        for holder in &opened.holders {
            self.parties.acting(holder, Role::of_side(side))?;
        }
        let generation = KeyGeneration {
            opened: opened.clone(),
            opener: party,
            time,
            progress: Progress::Waiting {
                round: Round::Hash,
                missing: opened.holders.clone(),
            },
        };
        attempts.add(party, expected);
        draft.put(attempts_key, &attempts);
        draft.put(generation_key(epoch, side, expected), &generation);
        Ok(())
    }

    /// A holder publishes its message of the round that is waited for.
    pub(super) fn check_generation_message(
        &self,
        party: PartyId,
        published: &KeyGenerationMessage,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let KeyGenerationMessage {
            epoch,
            side,
            attempt,
            message,
        } = published;
        let (epoch, side, attempt) = (*epoch, *side, *attempt);
        let key = generation_key(epoch, side, attempt);
        let Some(mut generation) = draft.get(&key)? else {
            return Err(KeyGenerationRefusal::Unknown {
                epoch,
                side,
                attempt,
            }
            .into());
        };
        if !generation.opened.holders.contains(&party) {
            return Err(KeyGenerationRefusal::NotAHolder { party }.into());
        }
        // Once the epoch is open, nobody needs another half of it.
        self.epochs.check_number(epoch)?;
        let (expected, mut missing) = match &generation.progress {
            Progress::Waiting { round, missing } => (*round, missing.clone()),
            Progress::Failed { .. } => {
                let how = "failed";
                return Err(KeyGenerationRefusal::Ended { attempt, how }.into());
            }
            Progress::Done { .. } => {
                let how = "done";
                return Err(KeyGenerationRefusal::Ended { attempt, how }.into());
            }
        };
        let deadline = generation.opened.deadline;
        if time > deadline {
            return Err(KeyGenerationRefusal::Over { attempt, deadline }.into());
        }
        let ceremony =
            ceremony(self.origin(), &generation.opened).map_err(KeyGenerationRefusal::Quorum)?;
        if message.ceremony != ceremony.digest() {
            return Err(KeyGenerationRefusal::OtherCeremony.into());
        }
        let found = message.body.round();
        if found != expected {
            return Err(KeyGenerationRefusal::Round { expected, found }.into());
        }
        let Some(place) = missing.iter().position(|waited| *waited == party) else {
            let round = found;
            return Err(KeyGenerationRefusal::Published { party, round }.into());
        };
        missing.remove(place);
        let own = PublishedMessage(message.clone());
        draft.put(message_key(&generation.opened, found, &party), &own);
        generation.progress = if missing.is_empty() {
            let mut board = Board::new();
            for (slot, key) in slots(&generation.opened) {
                if let Some(PublishedMessage(message)) = draft.get(&key)? {
                    board.insert(slot, message.to_bytes());
                }
            }
            progress(standing(&ceremony, &board))
        } else {
            let round = expected;
            Progress::Waiting { round, missing }
        };
        draft.put(key, &generation);
        Ok(())
    }

    /// The keys of an epoch whose halves two finished attempts made.
    pub(super) fn quorum_keys(
        &self,
        opened: &QuorumEpochOpened,
        draft: &Draft<'_>,
    ) -> Result<EpochKeys, CheckError> {
        let QuorumEpochOpened {
            epoch,
            active_from,
            previous_accepted_until,
            readable_until,
            ..
        } = *opened;
        let times = (active_from, previous_accepted_until);
        self.epochs
            .check_times(epoch, times, Some(readable_until))?;
        let supervisor = made_half(epoch, Side::Supervisor, opened.supervisor, draft)?;
        let witness = made_half(epoch, Side::Witness, opened.witness, draft)?;
        self.epochs
            .check_holders(&self.parties, &supervisor, &witness)?;
        Ok(EpochKeys::of(
            epoch,
            times,
            Some(readable_until),
            (supervisor, witness),
        )?)
    }

    /// A holder destroyed its share. It may be suspended: a share that is kept longer helps nobody.
    pub(super) fn check_destroyed(
        &self,
        party: PartyId,
        destroyed: &KeyShareDestroyed,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let (epoch, side) = (destroyed.epoch, destroyed.side);
        let needed = Role::of_side(side);
        if !self.parties.present(&party)?.roles.has(needed) {
            return Err(Refusal::RoleMissing { party, needed }.into());
        }
        let keys = self
            .epochs
            .get(epoch)
            .ok_or(Refusal::EpochUnknown { epoch })?;
        if !keys.half(side).has(&party) {
            return Err(KeyGenerationRefusal::NotAHolder { party }.into());
        }
        let until = keys.readable_until;
        let retired = self.epochs.standing(epoch, time) == Some(EpochStanding::Retired);
        if !retired || until.is_none_or(|until| time <= until) {
            return Err(KeyGenerationRefusal::Retained { epoch, until }.into());
        }
        // Statement and party are the entry's id, so there is no second one.
        draft.put(destroyed_key(epoch, side, &party), &DestroyedAt(time));
        Ok(())
    }
}

/// The half that a finished attempt made.
fn made_half(
    epoch: Epoch,
    side: Side,
    attempt: u32,
    draft: &Draft<'_>,
) -> Result<QuorumHalf, CheckError> {
    match draft.get(&generation_key(epoch, side, attempt))? {
        None => Err(KeyGenerationRefusal::Unknown {
            epoch,
            side,
            attempt,
        }
        .into()),
        Some(KeyGeneration {
            progress: Progress::Done { half },
            ..
        }) => Ok(half),
        Some(_) => Err(KeyGenerationRefusal::NotDone { side, attempt }.into()),
    }
}

fn progress(standing: Standing) -> Progress {
    match standing {
        Standing::Waiting { round, missing } => Progress::Waiting { round, missing },
        Standing::Failed(blames) => Progress::Failed {
            guilty: blames.iter().map(guilty).collect(),
        },
        Standing::Done(outcome) => Progress::Done {
            half: QuorumHalf::of(*outcome),
        },
    }
}

fn guilty(blame: &Blame) -> Guilty {
    Guilty {
        party: blame.party,
        fault: blame.fault.name().to_owned(),
        other: blame.fault.other_party(),
    }
}
