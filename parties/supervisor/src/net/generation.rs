//! One key generation of a holder, over the ledger or over a folder of files.

use std::{path::Path, time::Duration};

use futures::future::BoxFuture;
use merits_guard::output::{Kind, Output, Readers};
use merits_party::identity::PartyConfig as _;
use merits_primitives::{calendar::Timestamp, ids::Epoch};
use rand_core::CryptoRng;

use super::generating::{GenerationError, KeyMaker};
use crate::{
    config::WitnessConfig,
    dkg::{
        plan::{Checked, Plan},
        run::{self, Places, Progress, Report, Runner, Step},
        share_file::About,
    },
    side::Side,
};

/// A plan's file. It is public, and replaces no file.
pub const PLAN: Kind<'static> = Kind::new("a plan of a key generation", Readers::Everybody);

/// Which key generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'p> {
    /// An attempt on the ledger.
    Attempt {
        /// The epoch that the half is for.
        epoch: Epoch,
        /// The attempt; without it the newest.
        attempt: Option<u32>,
    },
    /// A plan for machines without a network.
    Folder {
        /// The plan's file.
        plan: &'p Path,
        /// The folder of the messages, which all holders read and write.
        folder: &'p Path,
    },
}

/// A key generation that this party's copy of the ledger agrees with.
#[derive(Debug)]
pub struct Generation<'c> {
    config: &'c WitnessConfig,
    over: Over<'c>,
}

/// Where its messages are.
#[derive(Debug)]
enum Over<'c> {
    Ledger {
        maker: Box<KeyMaker<'c>>,
        epoch: Epoch,
        attempt: Option<u32>,
    },
    Folder {
        plan: Box<Checked>,
        folder: &'c Path,
    },
}

impl<'c> Generation<'c> {
    /// Brings the copy of the ledger up to date, and compares a plan with it.
    ///
    /// # Errors
    /// [`GenerationError`].
    pub fn open(
        config: &'c WitnessConfig,
        side: Side,
        which: Which<'c>,
    ) -> BoxFuture<'c, Result<Self, GenerationError>> {
        Box::pin(async move {
            let over = match which {
                Which::Attempt { epoch, attempt } => Over::Ledger {
                    maker: Box::new(KeyMaker::open(config, side).await?),
                    epoch,
                    attempt,
                },
                Which::Folder { plan, folder } => {
                    let plan = Plan::read(plan)?;
                    let follower = config.ledger.clone().of_commands().follow().await?;
                    follower.sync().await?;
                    let plan = plan.check(follower.replica().state()?)?;
                    Over::Folder {
                        plan: Box::new(plan),
                        folder,
                    }
                }
            };
            Ok(Self { config, over })
        })
    }

    /// The same, and a run over the ledger waits so long for the others' messages. A run over a folder never waits.
    #[must_use]
    pub fn waiting(mut self, patience: Duration) -> Self {
        self.over = match self.over {
            Over::Ledger {
                maker,
                epoch,
                attempt,
            } => Over::Ledger {
                maker: Box::new(maker.waiting(patience)),
                epoch,
                attempt,
            },
            folder @ Over::Folder { .. } => folder,
        };
        self
    }

    /// Goes as far as the messages of the others allow, from wherever this holder stopped. `done` is told of each step
    /// when it is on the disk, or in the log.
    ///
    /// # Errors
    /// [`GenerationError`].
    pub fn run<'a>(
        &'a self,
        places: Places<'a>,
        passphrase: &'a str,
        now: Timestamp,
        rng: &'a mut (impl CryptoRng + Send),
        done: &'a mut (dyn FnMut(Step) + Send),
    ) -> BoxFuture<'a, Result<Report, GenerationError>> {
        Box::pin(async move {
            match &self.over {
                Over::Ledger {
                    maker,
                    epoch,
                    attempt,
                } => {
                    maker
                        .run(*epoch, *attempt, places, passphrase, now, rng, done)
                        .await
                }
                Over::Folder { plan, folder } => {
                    let identity = self.config.identity()?;
                    let runner = Runner {
                        party: identity.party(),
                        signing: &identity.signing,
                    };
                    let report = run::advance(plan, &runner, folder, places, passphrase, rng, done);
                    Ok(report?)
                }
            }
        })
    }

    /// Opens the file of this holder's share, or a backup of it, and compares it with the half that was made.
    ///
    /// # Errors
    /// [`GenerationError`].
    pub fn check(&self, share: &Path, passphrase: &str) -> Result<About, GenerationError> {
        match &self.over {
            Over::Ledger {
                maker,
                epoch,
                attempt,
            } => maker.check(*epoch, *attempt, share, passphrase),
            Over::Folder { plan, folder } => {
                let me = self.config.identity()?.party();
                Ok(run::check(plan, me, folder, share, passphrase)?)
            }
        }
    }

    /// How far it is, by the messages alone. If it is over without a key, this party's secrets of it in the file `state`
    /// are erased.
    ///
    /// # Errors
    /// [`GenerationError`]: also a file of something else, which is not touched.
    pub fn status(&self, state: Option<&Path>) -> Result<Report, GenerationError> {
        match &self.over {
            Over::Ledger {
                maker,
                epoch,
                attempt,
            } => maker.status(*epoch, *attempt, state),
            Over::Folder { plan, folder } => {
                let report = run::status(plan, folder);
                let mut report = report.map_err(run::DkgError::from)?;
                if let (Progress::Failed { .. }, Some(state)) = (&report.progress, state) {
                    let me = self.config.identity()?.party();
                    report.erased = run::discard(plan, me, state)?;
                }
                Ok(report)
            }
        }
    }
}

impl WitnessConfig {
    /// Writes a plan for machines without a network, with the holders' ids on the ledger. No epoch takes such a half.
    ///
    /// # Errors
    /// [`GenerationError`]; no file is overwritten.
    pub fn plan_generation<'a>(
        &'a self,
        side: Side,
        (epoch, attempt): (Epoch, u32),
        needed: u16,
        holders: &'a [String],
        output: &'a Path,
    ) -> BoxFuture<'a, Result<(), GenerationError>> {
        Box::pin(async move {
            let follower = self.ledger.clone().of_commands().follow().await?;
            follower.sync().await?;
            let plan = {
                let replica = follower.replica();
                Plan::make(replica.state()?, epoch, attempt, side, needed, holders)?
            };
            Output::write(output, PLAN, plan.to_text().as_bytes())?;
            Ok(())
        })
    }
}
