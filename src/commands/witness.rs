//! `merits witness`: the log witness's half of the view keys. Also what every holder shares.

use std::{future::Future, path::PathBuf, process::ExitCode};

use clap::Subcommand;
use merits_ledger::{
    Role,
    entry::{HalfKeys, PartyAdmitted},
};
use merits_party::{
    identity::{Identity, make_keys},
    stop_signal,
};
use merits_primitives::ids::Epoch;
use merits_supervisor::{
    config::WitnessConfig,
    holder::Holder,
    journal::Journal,
    ledger_view::StateView,
    net::{HolderService, SystemClock, serve},
    shares::{self, InHand, SharesError},
    side::Side,
};

use super::hand_over;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/supervisor/witness.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Make this witness's half of an epoch's view keys, and write its public side for the supervisor
    Half {
        /// Configuration file; parties/supervisor/witness.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Number of the epoch, from 1
        #[arg(long)]
        epoch: u32,
        /// Public side of the half to write, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Answer requests that are in the log until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; parties/supervisor/witness.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || apply(&WitnessConfig::load(&config)?))?;
            }
            Self::Half {
                config,
                epoch,
                output,
            } => {
                let settings = WitnessConfig::load(&config)?;
                let half = half(&settings, epoch).await?;
                hand_over(&config, &output, || published(&settings, half))?;
            }
            Self::Serve { config } => {
                serve_holder(&WitnessConfig::load(&config)?, Side::Witness, async {
                    let _ = stop_signal().await;
                })
                .await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The application of a party that is new; its keys are made here.
pub(crate) fn apply(config: &WitnessConfig) -> anyhow::Result<PartyAdmitted> {
    make_keys(&config.signing_key, &config.sealing_key, &mut rand::rng())?;
    Ok(identity(config)?.application(&[Role::Witness]))
}

/// Key files and name of the witness.
pub(crate) fn identity(config: &WitnessConfig) -> anyhow::Result<Identity> {
    Ok(Identity::load(
        config.ledger.origin()?,
        &config.name,
        &config.signing_key,
        &config.sealing_key,
    )?)
}

/// This witness's half, new ones not written yet. The log is asked first: a half that it has is never made again.
pub(crate) async fn half(config: &WitnessConfig, epoch: u32) -> anyhow::Result<InHand<'_>> {
    let holder = identity(config)?.party();
    // Its own copy: the holder's process has the other one open.
    let follower = config.ledger.clone().of_the_desk().follow().await?;
    follower.sync().await?;
    let replica = follower.replica();
    let log = StateView::new(replica.state()?, |_| Ok(None));
    let (epoch, rng) = (Epoch(epoch), &mut rand::rng());
    Ok(shares::of_epoch(
        config,
        &log,
        &holder,
        Side::Witness,
        epoch,
        rng,
    )?)
}

/// Its public side; the half is in its file then.
pub(crate) fn published(config: &WitnessConfig, half: InHand<'_>) -> anyhow::Result<HalfKeys> {
    let holder = identity(config)?.party();
    Ok(half.keep()?.public(&holder, &mut rand::rng()))
}

/// Serves a holder until `stop`.
pub(crate) async fn serve_holder(
    config: &WitnessConfig,
    side: Side,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let listener = merits_serve::listen(config.listen).await?;
    let holder = holder(config, side).await?;
    println!(
        "{} answers for its half on {}",
        config.name,
        listener.local_addr()?
    );
    serve(holder, listener, &config.server, stop).await?;
    Ok(())
}

/// A holder over its own copy of the log.
pub(crate) async fn holder(
    config: &WitnessConfig,
    side: Side,
) -> anyhow::Result<HolderService<merits_replica::Follower, SystemClock>> {
    let ledger = config.ledger.clone().of_a_server()?;
    let party = identity(config)?.party();
    let follower = ledger.follow().await?.refusing_the_future();
    follower.sync().await?;
    let held = {
        let replica = follower.replica();
        let log = StateView::new(replica.state()?, |_| Ok(None));
        shares::all(config, &log, &party, side)?
    };
    for lost in &held.lost {
        tracing::error!(%lost, "this holder does not answer for an epoch that it holds a half of");
    }
    if !config.journal.exists() {
        return Err(SharesError::NoJournal(config.journal.clone()).into());
    }
    let journal = Journal::open(&config.journal)?;
    let holder = Holder::new(party, held.shares, journal);
    Ok(HolderService::new(holder, follower, SystemClock))
}
