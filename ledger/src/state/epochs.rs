//! View-key epochs: pending, active, accepted for a grace time, retired.

use std::{fmt, sync::Arc};

use merits_primitives::{
    calendar::Timestamp,
    ids::{Epoch, Origin, PartyId},
    jubjub::{Point, PointError},
};
use merits_threshold::{Side, half::QuorumHalf};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    fields,
    possession::{KeyHalf, possession_context},
    schnorr::{self, Known},
};

use super::Parties;
use super::draft::Draft;
use crate::entry::{HalfKeys, ViewKeyEpochOpened};
use crate::refusal::Refusal;
use crate::role::Role;
use crate::rows::{Key, Record, RowError, Table, decode};

/// The mark on all that is encrypted under an epoch of which one holder has a whole half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HalfMark {
    /// Each half has one holder.
    Both {
        /// The epoch.
        epoch: Epoch,
    },
    /// One half has one holder.
    One {
        /// The epoch.
        epoch: Epoch,
        /// The half's side.
        side: Side,
    },
}

impl fmt::Display for HalfMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Both { epoch } => write!(
                f,
                "each half of view-key epoch {} has one holder: two machines together open every claim under it",
                epoch.0
            ),
            Self::One { epoch, side } => write!(
                f,
                "one holder has the whole {}' half of view-key epoch {}",
                side.many(),
                epoch.0
            ),
        }
    }
}

/// The keys of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochKeys {
    /// The epoch, counted from 1.
    pub epoch: Epoch,
    /// From when batches are proven under it.
    pub active_from: Timestamp,
    /// Until when batches under the epoch before are still accepted.
    pub previous_accepted_until: Timestamp,
    /// Until when its holders keep their shares; `None` where that was not said, which means for good.
    pub readable_until: Option<Timestamp>,
    /// The supervisors' halves.
    pub supervisor: QuorumHalf,
    /// The log witnesses' halves.
    pub witness: QuorumHalf,
    /// A, the sum of the halves.
    pub view_key: Point,
    /// At, the sum of the halves.
    pub totals_key: Point,
}

impl EpochKeys {
    /// An epoch of these halves, from `active_from` on; the epoch before is accepted until the second time.
    ///
    /// # Errors
    /// [`Refusal::ViewKeyIdentity`].
    pub(super) fn of(
        epoch: Epoch,
        (active_from, previous_accepted_until): (Timestamp, Timestamp),
        readable_until: Option<Timestamp>,
        (supervisor, witness): (QuorumHalf, QuorumHalf),
    ) -> Result<Self, Refusal> {
        let identity = |key| move |_: PointError| Refusal::ViewKeyIdentity { key };
        let [view_key, totals_key] = sums(&supervisor, &witness);
        Ok(Self {
            epoch,
            active_from,
            previous_accepted_until,
            readable_until,
            view_key: view_key.map_err(identity("view"))?,
            totals_key: totals_key.map_err(identity("totals"))?,
            supervisor,
            witness,
        })
    }

    /// The halves on one side.
    pub fn half(&self, side: Side) -> &QuorumHalf {
        match side {
            Side::Supervisor => &self.supervisor,
            Side::Witness => &self.witness,
        }
    }

    /// The sides on which one holder has the whole half, with that holder. Such an epoch is marked.
    pub fn alone(&self) -> impl Iterator<Item = (Side, PartyId)> {
        let sides = Side::BOTH.into_iter();
        sides.filter_map(|side| {
            let half = self.half(side);
            let holder = half.holders().next()?;
            half.is_sole().then_some((side, holder))
        })
    }

    /// The mark on all that is encrypted under this epoch, if one holder has a whole half.
    pub fn mark(&self) -> Option<HalfMark> {
        let epoch = self.epoch;
        match (self.supervisor.is_sole(), self.witness.is_sole()) {
            (true, true) => Some(HalfMark::Both { epoch }),
            (true, false) => Some(HalfMark::One {
                epoch,
                side: Side::Supervisor,
            }),
            (false, true) => Some(HalfMark::One {
                epoch,
                side: Side::Witness,
            }),
            (false, false) => None,
        }
    }

    fn points(&self) -> [Point; 4] {
        let Self {
            supervisor,
            witness,
            ..
        } = self;
        [supervisor, witness]
            .map(|half| [half.claim.key(), half.total.key()])
            .concat()
            .try_into()
            .expect("two of each")
    }
}

/// A = A_sup + A_wit, and At = At_sup + At_wit.
fn sums(supervisor: &QuorumHalf, witness: &QuorumHalf) -> [Result<Point, PointError>; 2] {
    [
        supervisor.claim.key() + witness.claim.key(),
        supervisor.total.key() + witness.total.key(),
    ]
}

/// One side's halves, as one holder published them.
fn sole(half: &HalfKeys) -> QuorumHalf {
    QuorumHalf::sole(half.holder, half.claim, half.total)
}

impl Canonical for EpochKeys {
    const NAME: &'static str = "keys of a view-key epoch";

    fn write(&self, out: &mut Writer) {
        out.u32(self.epoch.0);
        out.time(self.active_from);
        out.time(self.previous_accepted_until);
        out.option(self.readable_until.as_ref(), |out, time| out.time(*time));
        self.supervisor.write(out);
        self.witness.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let epoch = Epoch(input.u32("epoch")?);
        let active_from = input.time("active from")?;
        let previous_accepted_until = input.time("previous accepted until")?;
        let readable_until =
            input.option("readable until", |input| input.time("readable until"))?;
        let supervisor = QuorumHalf::read(input)?;
        let witness = QuorumHalf::read(input)?;
        let sum = |what| move |fault| CodecError::Point { what, fault };
        let [view_key, totals_key] = sums(&supervisor, &witness);
        Ok(Self {
            epoch,
            active_from,
            previous_accepted_until,
            readable_until,
            view_key: view_key.map_err(sum("view key"))?,
            totals_key: totals_key.map_err(sum("totals key"))?,
            supervisor,
            witness,
        })
    }
}

impl Record for EpochKeys {
    const TABLE: Table = Table::Epoch;
}

/// The standing of an epoch at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochStanding {
    /// Not yet in use.
    Pending,
    /// The epoch to encrypt under.
    Active,
    /// Superseded, and still accepted for a while.
    Grace,
    /// No longer accepted.
    Retired,
}

/// All epochs.
#[derive(Debug, Clone, Default)]
pub struct Epochs(Arc<Vec<EpochKeys>>);

impl Epochs {
    /// The keys of an epoch.
    pub fn get(&self, epoch: Epoch) -> Option<&EpochKeys> {
        self.0.get(usize::try_from(epoch.0.checked_sub(1)?).ok()?)
    }

    /// All epochs, in order.
    pub fn iter(&self) -> impl Iterator<Item = &EpochKeys> {
        self.0.iter()
    }

    /// The epoch to encrypt under at `time`.
    pub fn active(&self, time: Timestamp) -> Option<&EpochKeys> {
        self.0.iter().rev().find(|keys| keys.active_from <= time)
    }

    /// How an epoch stands at `time`; `None` if there is no such epoch.
    pub fn standing(&self, epoch: Epoch, time: Timestamp) -> Option<EpochStanding> {
        let keys = self.get(epoch)?;
        if time < keys.active_from {
            return Some(EpochStanding::Pending);
        }
        Some(match self.get(Epoch(epoch.0.checked_add(1)?)) {
            Some(next) if next.active_from <= time => {
                if time <= next.previous_accepted_until {
                    EpochStanding::Grace
                } else {
                    EpochStanding::Retired
                }
            }
            _ => EpochStanding::Active,
        })
    }

    /// Refuses an epoch that is not accepted at `time`.
    pub(super) fn check_accepted(&self, epoch: Epoch, time: Timestamp) -> Result<(), Refusal> {
        let standing = match self.standing(epoch, time) {
            None => return Err(Refusal::EpochUnknown { epoch }),
            Some(EpochStanding::Active | EpochStanding::Grace) => return Ok(()),
            Some(EpochStanding::Pending) => "pending",
            Some(EpochStanding::Retired) => "retired",
        };
        Err(Refusal::EpochNotAccepted { epoch, standing })
    }

    /// What can be told of a new epoch of two sole holders before its proofs are looked at: its number, its times, and
    /// whether its holders may hold a half.
    pub(super) fn check_next(
        &self,
        parties: &Parties,
        opened: &ViewKeyEpochOpened,
    ) -> Result<(), Refusal> {
        let times = (opened.active_from, opened.previous_accepted_until);
        self.check_times(opened.epoch, times, None)?;
        self.check_holders(parties, &sole(&opened.supervisor), &sole(&opened.witness))
    }

    /// An epoch has the number after the last one's.
    pub(super) fn check_number(&self, epoch: Epoch) -> Result<(), Refusal> {
        let expected = u32::try_from(self.0.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let (what, found) = (fields::EPOCH, epoch.0);
        if found == expected {
            return Ok(());
        }
        Err(Refusal::OutOfSequence {
            what,
            expected,
            found,
        })
    }

    /// All holders are in standing with their side's role, and no party is on both sides.
    pub(super) fn check_holders(
        &self,
        parties: &Parties,
        supervisor: &QuorumHalf,
        witness: &QuorumHalf,
    ) -> Result<(), Refusal> {
        for (side, half) in [(Side::Supervisor, supervisor), (Side::Witness, witness)] {
            for holder in half.holders() {
                parties.acting(&holder, Role::of_side(side))?;
            }
        }
        if supervisor.holders().any(|holder| witness.has(&holder)) {
            return Err(Refusal::OneHolder);
        }
        Ok(())
    }

    /// The keys of an epoch of two sole holders.
    pub(super) fn sole_keys(opened: &ViewKeyEpochOpened) -> Result<EpochKeys, Refusal> {
        EpochKeys::of(
            opened.epoch,
            (opened.active_from, opened.previous_accepted_until),
            None,
            (sole(&opened.supervisor), sole(&opened.witness)),
        )
    }

    /// The rules on the keys of a new epoch, whose number, times, holders and proofs are right.
    pub(super) fn check_opened(
        &self,
        keys: &EpochKeys,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let shares_half = |half: &QuorumHalf| half.claim.key() == half.total.key();
        if shares_half(&keys.supervisor)
            || shares_half(&keys.witness)
            || keys.view_key == keys.totals_key
        {
            return Err(Refusal::ViewKeysEqual);
        }
        // An epoch has one key, so every change of a key is a new epoch.
        let new = keys.points();
        let mut old = self.0.iter().flat_map(EpochKeys::points);
        if old.any(|old| new.contains(&old)) {
            return Err(Refusal::KeyTaken);
        }
        draft.put(Key::new(&[&keys.epoch.0.to_be_bytes()]), keys);
        Ok(())
    }

    /// Applies a changed row.
    pub(super) fn apply(&mut self, value: &[u8]) -> Result<(), RowError> {
        // Epochs are numbered without a gap, and rows come in the order of their keys.
        Arc::make_mut(&mut self.0).push(decode(value)?);
        Ok(())
    }

    /// An epoch's number and times.
    pub(super) fn check_times(
        &self,
        epoch: Epoch,
        (active_from, previous_accepted_until): (Timestamp, Timestamp),
        readable_until: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        self.check_number(epoch)?;
        if readable_until.is_some_and(|until| until <= active_from) {
            let why = "its shares would be destroyed before it is active";
            return Err(Refusal::EpochTimes { why });
        }
        let Some(last) = self.0.last() else {
            return Ok(());
        };
        if active_from <= last.active_from {
            let why = "it would be active before, or with, the epoch that it follows";
            return Err(Refusal::EpochTimes { why });
        }
        if previous_accepted_until < active_from {
            let why = "the epoch before would end before this one is active";
            return Err(Refusal::EpochTimes { why });
        }
        Ok(())
    }
}

/// What the proofs of a new epoch must show: the holders know the secrets of all four halves.
pub(super) fn possession(origin: &Origin, opened: &ViewKeyEpochOpened) -> schnorr::Statement {
    let half = |half: &HalfKeys, claim, total| {
        let context = |which| possession_context(origin, opened.epoch, which, &half.holder);
        [
            Known {
                what: "possession of the view key's half",
                point: half.claim,
                context: context(claim),
            },
            Known {
                what: "possession of the totals key's half",
                point: half.total,
                context: context(total),
            },
        ]
    };
    let supervisor = half(
        &opened.supervisor,
        KeyHalf::ClaimSupervisor,
        KeyHalf::TotalSupervisor,
    );
    let witness = half(
        &opened.witness,
        KeyHalf::ClaimWitness,
        KeyHalf::TotalWitness,
    );
    schnorr::Statement(supervisor.into_iter().chain(witness).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_the_side() {
        let (epoch, side) = (Epoch(3), Side::Witness);
        assert_eq!(
            HalfMark::One { epoch, side }.to_string(),
            "one holder has the whole log witnesses' half of view-key epoch 3"
        );
    }
}
