//! Key generation over the ledger, and the end of a share: what a holder's commands do with their own copy.

use std::{path::Path, time::Duration};

use futures::future::BoxFuture;
use merits_ledger::{
    CheckError, KeyGenerationRefusal, Refusal, State,
    entry::{KeyGenerationMessage, KeyGenerationOpened},
    state::{KeyGeneration, Progress as Logged},
};
use merits_party::{
    identity::{Identity, PartyConfig as _},
    lookup::find_party,
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Epoch, PartyId},
};
use merits_replica::Follower;
use merits_threshold::{message::Message, standing};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry};
use rand_core::CryptoRng;
use thiserror::Error;
use tokio::time::Instant;

use super::SupervisorError;
use crate::{
    acts::EntrySigner,
    config::WitnessConfig,
    dkg::{
        ending::{Doomed, EndFault, Ending},
        plan::{Checked, PlanFault},
        run::{self, DkgError, Places, Progress, Report, Running, Step},
        share_file::About,
    },
    ledger_view::StateView,
    shares::SharesError,
    side::Side,
};

/// Why a key generation over the ledger, or the end of a share, does not go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// No attempt.
    #[error(
        "no attempt to make the {}' half of epoch {epoch} is on this ledger: a supervisor or a log witness \
         opens one with `dkg open`",
        side.many()
    )]
    None {
        /// The epoch.
        epoch: u32,
        /// The side.
        side: Side,
    },
    /// Not this attempt.
    #[error("attempt {attempt} to make the {}' half of epoch {epoch} is not on this ledger", side.many())]
    Unknown {
        /// The epoch.
        epoch: u32,
        /// The side.
        side: Side,
        /// The attempt.
        attempt: u32,
    },
    /// By the log's time no message is taken any more. The secrets are erased.
    #[error(
        "the deadline {deadline} of attempt {attempt} is past by the log's time, and it made no key: this machine has no \
         secret of it any more. Open another attempt with `dkg open`"
    )]
    Expired {
        /// The attempt.
        attempt: u32,
        /// Its deadline.
        deadline: Timestamp,
    },
    /// By this machine's clock nobody waits for it any more.
    #[error(
        "the deadline {deadline} of attempt {attempt} is past, and it is not done: open another attempt with \
         `dkg open`. Run this again after the log's next entry, so that the secrets of this attempt are erased"
    )]
    Over {
        /// The attempt.
        attempt: u32,
        /// Its deadline.
        deadline: Timestamp,
    },
    /// The ledger still keeps the shares.
    #[error(
        "{refusal}. The ledger's own time counts, which is {time}, that of its newest entry: nothing was destroyed. If \
         it is later now, run this again after the next entry of anybody"
    )]
    Retained {
        /// The ledger's refusal.
        refusal: KeyGenerationRefusal,
        /// The time of its newest entry.
        time: Timestamp,
    },
    /// The file is not destroyed.
    #[error(transparent)]
    End(#[from] EndFault),
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanFault),
    /// The plan's file may not be written.
    #[error(transparent)]
    Output(#[from] merits_guard::output::OutputError),
    /// The run.
    #[error(transparent)]
    Run(#[from] DkgError),
    /// The journal.
    #[error(transparent)]
    Shares(#[from] SharesError),
    /// Copy, keys, coordinator, rules.
    #[error(transparent)]
    Supervisor(#[from] Box<SupervisorError>),
}

macro_rules! through_supervisor {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for GenerationError {
            fn from(error: $error) -> Self {
                Self::Supervisor(Box::new(error.into()))
            }
        }
    )*};
}

through_supervisor!(
    CheckError,
    Refusal,
    merits_ledger::rows::RowError,
    merits_party::identity::IdentityError,
    merits_party::lookup::LookupError,
    merits_replica::ClientError,
    merits_replica::FollowError,
    merits_replica::JoinError,
    merits_replica::LedgerConfigError,
    merits_replica::ReplicaError,
);

/// The first pause before a holder that waits for the others looks again. Each is twice the one before.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// The longest such pause.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// A holder of one side with its keys and its copy of the log.
#[derive(Debug)]
pub struct KeyMaker<'c> {
    config: &'c WitnessConfig,
    side: Side,
    identity: Identity,
    follower: Follower,
    patience: Duration,
}

impl<'c> KeyMaker<'c> {
    /// Loads the keys, and brings the copy for commands up to date.
    ///
    /// # Errors
    /// [`GenerationError`].
    pub fn open(
        config: &'c WitnessConfig,
        side: Side,
    ) -> BoxFuture<'c, Result<Self, GenerationError>> {
        Box::pin(async move {
            let identity = config.identity()?;
            let follower = config.ledger.clone().of_commands().follow().await?;
            follower.sync().await?;
            Ok(Self {
                config,
                side,
                identity,
                follower,
                patience: Duration::ZERO,
            })
        })
    }

    /// The same, and a run waits so long for the others' messages.
    #[must_use]
    pub fn waiting(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Opens the next attempt to make this side's half of the next epoch, by these parties. Returns its number and
    /// its entry.
    ///
    /// # Errors
    /// [`GenerationError`].
    pub fn begin<'a>(
        &'a self,
        epoch: Epoch,
        needed: u16,
        holders: &'a [String],
        deadline: Timestamp,
    ) -> BoxFuture<'a, Result<(u32, EntryId), GenerationError>> {
        Box::pin(async move {
            let (attempt, entry) = {
                let replica = self.follower.replica();
                let state = replica.state()?;
                let mut ids = holders
                    .iter()
                    .map(|name| find_party(&replica, name))
                    .collect::<Result<Vec<PartyId>, _>>()?;
                ids.sort_unstable();
                let before = state.key_generations().attempts(epoch, self.side)?;
                // The ledger numbers them without a gap.
                let attempt = before.last().map_or(0, |last| last.opened.attempt) + 1;
                let opened = KeyGenerationOpened {
                    epoch,
                    side: self.side,
                    attempt,
                    needed,
                    holders: ids,
                    deadline,
                };
                (attempt, self.signer().open_generation(opened))
            };
            Ok((attempt, self.submit(&entry).await?))
        })
    }

    /// Goes as far as the messages in the log allow, from wherever this holder stopped. It waits for further ones
    /// only if [`KeyMaker::waiting`] said so. `done` is told of each step when it is on the disk, or in the log.
    ///
    /// # Errors
    /// [`GenerationError`].
    #[allow(
        clippy::too_many_arguments,
        reason = "which attempt, its files, their passphrase, randomness, and who is told"
    )]
    pub fn run<'a>(
        &'a self,
        epoch: Epoch,
        attempt: Option<u32>,
        places: Places<'a>,
        passphrase: &'a str,
        now: Timestamp,
        rng: &'a mut (impl CryptoRng + Send),
        done: &'a mut (dyn FnMut(Step) + Send),
    ) -> BoxFuture<'a, Result<Report, GenerationError>> {
        Box::pin(async move {
            let me = self.identity.party();
            let (generation, plan, messages) = self.read(epoch, attempt)?;
            if let Some(report) = self.over(&generation, &plan, Some(places.state))? {
                return ended(&generation, report);
            }
            {
                let replica = self.follower.replica();
                let log = StateView::new(replica.state()?, |_| Ok(None));
                self.config.begin_journal(&log, &me, self.side)?;
            }
            let mut running = Running::open(&plan, me, &messages, places, passphrase, rng, done)?;
            let attempt = generation.opened.attempt;
            let (begun, mut pause) = (Instant::now(), FIRST_LOOK);
            loop {
                let (generation, _, messages) = self.read(epoch, Some(attempt))?;
                let (seen, unpublished) = running.take(&messages, rng, done)?;
                // What the others judge by is in the log: a verdict that only the state has does not count yet.
                if unpublished.is_empty() {
                    running.finish(&seen, passphrase, rng, done)?;
                    let progress = run::progress(&plan, &seen);
                    let deadline = generation.opened.deadline;
                    let waits = matches!(progress, Progress::Waiting { .. });
                    let waited = begun.elapsed();
                    if waits && now + waited > deadline {
                        return Err(GenerationError::Over { attempt, deadline });
                    }
                    if !waits || waited >= self.patience {
                        return Ok(report(progress));
                    }
                    tokio::time::sleep(pause.min(self.patience - waited)).await;
                    pause = (2 * pause).min(LONGEST_LOOK);
                    self.follower.sync().await?;
                    let (generation, ..) = self.read(epoch, Some(attempt))?;
                    if self.over(&generation, &plan, None)?.is_some() {
                        // It has the state open.
                        drop(running);
                        let over = self.over(&generation, &plan, Some(places.state))?;
                        return ended(&generation, over.unwrap_or_else(|| report(progress)));
                    }
                    continue;
                }
                pause = FIRST_LOOK;
                for (round, message) in unpublished {
                    let entry = self.message(&generation.opened, &message)?;
                    self.submit(&entry).await?;
                    done(Step::Published(round));
                }
            }
        })
    }

    /// What an attempt came to, if it is over without a key. Then this holder's secrets of it in the file `state` are
    /// erased. What it came to stays in the log.
    fn over(
        &self,
        generation: &KeyGeneration,
        plan: &Checked,
        state: Option<&Path>,
    ) -> Result<Option<Report>, GenerationError> {
        let time = self.follower.replica().state()?.time();
        let deadline = generation.opened.deadline;
        let progress = match &generation.progress {
            Logged::Waiting { .. } if time > deadline => Progress::Expired {
                deadline: deadline.to_string(),
            },
            Logged::Failed { .. } => {
                let replica = self.follower.replica();
                let generations = replica.state()?.key_generations();
                let messages = generations.messages(&generation.opened)?;
                run::progress(plan, &standing::standing(&plan.ceremony, &messages))
            }
            Logged::Waiting { .. } | Logged::Done { .. } => return Ok(None),
        };
        let erased = match state {
            None => false,
            Some(state) => run::discard(plan, self.identity.party(), state)?,
        };
        Ok(Some(Report {
            erased,
            ..report(progress)
        }))
    }

    /// How far an attempt is, for anybody: by default the newest. If it is over without a key, this holder's secrets
    /// of it in the file `state` are erased.
    ///
    /// # Errors
    /// [`GenerationError`].
    pub fn status(
        &self,
        epoch: Epoch,
        attempt: Option<u32>,
        state: Option<&Path>,
    ) -> Result<Report, GenerationError> {
        let (generation, plan, messages) = self.read(epoch, attempt)?;
        if let Some(report) = self.over(&generation, &plan, state)? {
            return Ok(report);
        }
        let seen = standing::standing(&plan.ceremony, &messages);
        Ok(report(run::progress(&plan, &seen)))
    }

    /// Opens the file of this holder's share, or a backup of it, and compares it with the half that an attempt made.
    ///
    /// # Errors
    /// [`GenerationError`].
    pub fn check(
        &self,
        epoch: Epoch,
        attempt: Option<u32>,
        share: &Path,
        passphrase: &str,
    ) -> Result<About, GenerationError> {
        let (_, plan, messages) = self.read(epoch, attempt)?;
        let me = self.identity.party();
        Ok(run::compare(&plan, me, &messages, share, passphrase)?)
    }

    /// Overwrites and removes this holder's share of an epoch whose retention ended, and records that. Only the file of
    /// that share is touched. A run that was killed is continued by the next one with the same file.
    ///
    /// # Errors
    /// [`GenerationError`]: [`GenerationError::Retained`] when the ledger, by the time of its newest entry, still keeps
    /// the shares; [`GenerationError::End`] names a file that is something else. Then nothing is destroyed.
    pub fn destroy<'a>(
        &'a self,
        epoch: Epoch,
        share: &'a Path,
    ) -> BoxFuture<'a, Result<EntryId, GenerationError>> {
        Box::pin(async move {
            let entry = self.signer().share_destroyed(epoch, self.side);
            let ending = {
                let replica = self.follower.replica();
                let state = replica.state()?;
                let keys = state.epochs().get(epoch);
                let keys = keys.ok_or(Refusal::EpochUnknown { epoch })?;
                require_over(state, &entry)?;
                let (party, half) = (self.identity.party(), keys.half(self.side));
                let doomed = Doomed::of(state.origin(), (epoch, self.side), half, party);
                Ending::judge(share, &doomed)?
            };
            ending.overwrite()?;
            let entry = self.submit(&entry).await?;
            ending.remove()?;
            Ok(entry)
        })
    }

    /// The copy, and the connection that feeds it.
    pub fn follower(&self) -> &Follower {
        &self.follower
    }

    /// An attempt with what its messages are bound to, and the messages.
    fn read(
        &self,
        epoch: Epoch,
        attempt: Option<u32>,
    ) -> Result<(KeyGeneration, Checked, standing::Board), GenerationError> {
        let replica = self.follower.replica();
        let state = replica.state()?;
        let (side, number) = (self.side, epoch.0);
        let generations = state.key_generations();
        let generation = match attempt {
            Some(attempt) => {
                let found = generations.get(epoch, side, attempt)?;
                found.ok_or(GenerationError::Unknown {
                    epoch: number,
                    side,
                    attempt,
                })?
            }
            None => {
                let mut attempts = generations.attempts(epoch, side)?;
                let newest = attempts.pop();
                newest.ok_or(GenerationError::None {
                    epoch: number,
                    side,
                })?
            }
        };
        let plan = Checked::of_generation(state, &generation.opened)?;
        let messages = generations.messages(&generation.opened)?;
        Ok((generation, plan, messages))
    }

    fn message(
        &self,
        opened: &KeyGenerationOpened,
        bytes: &[u8],
    ) -> Result<SignedEntry, GenerationError> {
        let message = Message::from_bytes(bytes).map_err(Refusal::from)?;
        Ok(self.signer().publish_message(KeyGenerationMessage {
            epoch: opened.epoch,
            side: opened.side,
            attempt: opened.attempt,
            message,
        }))
    }

    fn signer(&self) -> EntrySigner {
        EntrySigner::of(&self.identity)
    }

    async fn submit(&self, entry: &SignedEntry) -> Result<EntryId, GenerationError> {
        let submitted = self.follower.client().submit(entry).await?;
        self.follower.sync().await?;
        Ok(submitted.id)
    }
}

/// The attempts of a half that are done, for the act that opens an epoch.
pub(super) fn done_attempts(
    state: &State,
    epoch: Epoch,
    side: Side,
) -> Result<Vec<KeyGenerationOpened>, merits_ledger::rows::RowError> {
    let attempts = state.key_generations().attempts(epoch, side)?.into_iter();
    let done = attempts.filter(|attempt| matches!(attempt.progress, Logged::Done { .. }));
    Ok(done.map(|attempt| attempt.opened).collect())
}

fn report(progress: Progress) -> Report {
    Report {
        progress,
        ignored: Vec::new(),
        erased: false,
    }
}

/// What a run says of an attempt that is over without a key.
fn ended(generation: &KeyGeneration, report: Report) -> Result<Report, GenerationError> {
    let opened = &generation.opened;
    match report.progress {
        Progress::Expired { .. } => Err(GenerationError::Expired {
            attempt: opened.attempt,
            deadline: opened.deadline,
        }),
        Progress::Waiting { .. } | Progress::Failed { .. } | Progress::Done { .. } => Ok(report),
    }
}

/// Refuses what the ledger would refuse, by its own time. This machine's clock may be ahead of it, and the share would
/// be gone before the ledger refuses.
fn require_over(state: &State, entry: &SignedEntry) -> Result<(), GenerationError> {
    let submission = merits_ledger::Submission::from_signed(entry.clone(), state.origin())?;
    let authentic = state.authenticate(submission)?;
    let time = state.time();
    match state.check(&authentic, time, None) {
        Ok(_) => Ok(()),
        Err(CheckError::Refused(Refusal::KeyGeneration(
            refusal @ KeyGenerationRefusal::Retained { until: Some(_), .. },
        ))) => Err(GenerationError::Retained { refusal, time }),
        Err(error) => Err(error.into()),
    }
}
