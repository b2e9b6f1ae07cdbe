//! View-key epochs: pending, active, accepted for a grace time, retired.

use std::sync::Arc;

use merits_primitives::{
    calendar::Timestamp,
    ids::{Epoch, Origin},
    jubjub::Point,
};
use merits_verifier::{
    codec::CodecError,
    possession::{KeyHalf, possession_context},
    schnorr::{self, Known},
};

use super::Parties;
use super::draft::Draft;
use crate::entry::{HalfKeys, ViewKeyEpochOpened};
use crate::refusal::Refusal;
use crate::role::Role;
use crate::rows::{Key, Record, RowError, Table, decode};

/// The keys of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochKeys {
    /// The published data: holders, halves, times.
    pub opened: ViewKeyEpochOpened,
    /// A, the sum of the halves.
    pub view_key: Point,
    /// At, the sum of the halves.
    pub totals_key: Point,
}

impl Record for ViewKeyEpochOpened {
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
        self.0
            .iter()
            .rev()
            .find(|keys| keys.opened.active_from <= time)
    }

    /// How an epoch stands at `time`; `None` if there is no such epoch.
    pub fn standing(&self, epoch: Epoch, time: Timestamp) -> Option<EpochStanding> {
        let keys = self.get(epoch)?;
        if time < keys.opened.active_from {
            return Some(EpochStanding::Pending);
        }
        Some(match self.get(Epoch(epoch.0.checked_add(1)?)) {
            Some(next) if next.opened.active_from <= time => {
                if time <= next.opened.previous_accepted_until {
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

    /// What can be told of a new epoch before its proofs are looked at: its number, its times, and
    /// whether its holders may hold a half.
    pub(super) fn check_next(
        &self,
        parties: &Parties,
        opened: &ViewKeyEpochOpened,
    ) -> Result<(), Refusal> {
        let expected = u32::try_from(self.0.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        if opened.epoch.0 != expected {
            let (what, found) = ("epoch", opened.epoch.0);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            });
        }
        self.check_times(opened)?;
        let (supervisor, witness) = (&opened.supervisor, &opened.witness);
        parties.acting(&supervisor.holder, Role::Supervisor)?;
        parties.acting(&witness.holder, Role::Witness)?;
        if supervisor.holder == witness.holder {
            return Err(Refusal::OneHolder);
        }
        Ok(())
    }

    /// The rules beside [`Epochs::check_next`] and the proofs.
    pub(super) fn check_opened(
        &self,
        opened: &ViewKeyEpochOpened,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let (supervisor, witness) = (&opened.supervisor, &opened.witness);
        let identity = |key| move |_| Refusal::ViewKeyIdentity { key };
        let view_key = opened.view_key().map_err(identity("view"))?;
        let totals_key = opened.totals_key().map_err(identity("totals"))?;
        if supervisor.claim == supervisor.total
            || witness.claim == witness.total
            || view_key == totals_key
        {
            return Err(Refusal::ViewKeysEqual);
        }
        self.check_points_are_new(opened)?;
        draft.put(Key::new(&[&opened.epoch.0.to_be_bytes()]), opened);
        Ok(())
    }

    /// Applies a changed row.
    pub(super) fn apply(&mut self, value: &[u8]) -> Result<(), RowError> {
        let opened: ViewKeyEpochOpened = decode(value)?;
        let sum = |what| {
            move |fault| RowError::Malformed {
                table: Table::Epoch,
                fault: CodecError::Point { what, fault },
            }
        };
        // Epochs are numbered without a gap, and rows come in the order of their keys.
        Arc::make_mut(&mut self.0).push(EpochKeys {
            view_key: opened.view_key().map_err(sum("view key"))?,
            totals_key: opened.totals_key().map_err(sum("totals key"))?,
            opened,
        });
        Ok(())
    }

    fn check_times(&self, opened: &ViewKeyEpochOpened) -> Result<(), Refusal> {
        let Some(last) = self.0.last() else {
            return Ok(());
        };
        if opened.active_from <= last.opened.active_from {
            let why = "it would be active before, or with, the epoch that it follows";
            return Err(Refusal::EpochTimes { why });
        }
        if opened.previous_accepted_until < opened.active_from {
            let why = "the epoch before would end before this one is active";
            return Err(Refusal::EpochTimes { why });
        }
        Ok(())
    }

    /// An epoch has one key, so every change of a key is a new epoch.
    fn check_points_are_new(&self, opened: &ViewKeyEpochOpened) -> Result<(), Refusal> {
        let halves = |opened: &ViewKeyEpochOpened| {
            let (supervisor, witness) = (&opened.supervisor, &opened.witness);
            [
                supervisor.claim,
                supervisor.total,
                witness.claim,
                witness.total,
            ]
        };
        let new = halves(opened);
        let reused = self
            .0
            .iter()
            .flat_map(|keys| halves(&keys.opened))
            .any(|old| new.contains(&old));
        if reused {
            Err(Refusal::KeyTaken)
        } else {
            Ok(())
        }
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
