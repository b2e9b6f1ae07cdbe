//! A supervisor opens an epoch whose halves two quorums made.

use std::time::Duration;

use futures::future::BoxFuture;
use merits_ledger::entry::{Act, QuorumEpochOpened};
use merits_primitives::{calendar::Timestamp, ids::Epoch};

use super::{
    Decided, Supervisor, SupervisorError, epoch_times::epoch_times, generating::done_attempts,
};
use crate::{board::attempt_in_words, side::Side};

/// Which halves an epoch takes, and how long its shares are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuorumEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// The attempt that made the supervisors' half; by default the only one that is done.
    pub supervisor: Option<u32>,
    /// The attempt that made the witnesses' half; by default the only one that is done.
    pub witness: Option<u32>,
    /// How long its holders keep their shares after it becomes active.
    pub readable: Duration,
}

impl Supervisor {
    /// Opens an epoch of two halves that quorums made over the ledger, or proposes it.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn open_quorum_epoch(
        &self,
        wanted: QuorumEpoch,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Decided, SupervisorError>> {
        Box::pin(async move {
            let opened = {
                let replica = self.follower.replica();
                let state = replica.state()?;
                let epoch = wanted.epoch;
                if state.epochs().get(epoch).is_some() {
                    return Err(SupervisorError::EpochOpen(epoch));
                }
                let attempt = |side, named: Option<u32>| {
                    if let Some(attempt) = named {
                        return Ok(attempt);
                    }
                    match done_attempts(state, epoch, side)?.as_slice() {
                        [] => Err(SupervisorError::NoHalf { epoch, side }),
                        [only] => Ok(only.attempt),
                        several => {
                            let words =
                                several.iter().map(|opened| attempt_in_words(state, opened));
                            let attempts = words.collect();
                            Err(SupervisorError::SeveralHalves {
                                epoch,
                                side,
                                attempts,
                            })
                        }
                    }
                };
                let supervisor = attempt(Side::Supervisor, wanted.supervisor)?;
                let witness = attempt(Side::Witness, wanted.witness)?;
                let (active_from, previous_accepted_until) = epoch_times(state, epoch, now);
                QuorumEpochOpened {
                    epoch,
                    active_from,
                    previous_accepted_until,
                    readable_until: active_from + wanted.readable,
                    supervisor,
                    witness,
                }
            };
            self.seat()
                .decide(Act::QuorumEpochOpened(opened), now)
                .await
        })
    }
}
