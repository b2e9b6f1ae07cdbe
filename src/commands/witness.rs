//! `merits witness`: the log witness's half of the view keys. Also what every holder shares.

use std::{future::Future, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
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
    net::{HolderService, SystemClock, serve},
    side::Side,
    view_key::ViewKeyShare,
};
use tokio::net::TcpListener;

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
                hand_over(&config, &output, || {
                    half(&WitnessConfig::load(&config)?, epoch)
                })?;
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

/// The public side of a witness's half.
pub(crate) fn half(config: &WitnessConfig, epoch: u32) -> anyhow::Result<HalfKeys> {
    let share = own_share(config, Epoch(epoch), Side::Witness)?;
    Ok(share.public(&identity(config)?.party(), &mut rand::rng()))
}

/// The holder's share of an epoch: from its file, or made now if the file is not there yet.
pub(crate) fn own_share(
    config: &WitnessConfig,
    epoch: Epoch,
    side: Side,
) -> anyhow::Result<ViewKeyShare> {
    let number = usize::try_from(epoch.0).unwrap_or(usize::MAX);
    let path = number
        .checked_sub(1)
        .and_then(|index| config.shares.get(index))
        .with_context(|| format!("`shares` names no file for epoch {}: add one", epoch.0))?;
    if path.exists() {
        return Ok(ViewKeyShare::read(path)?);
    }
    if !config.shares.iter().any(|share| share.exists()) {
        // The holder's first half: its journal begins with it, and is never begun again.
        drop(Journal::open(&config.journal)?);
    }
    let share = ViewKeyShare::generate(config.ledger.origin()?, epoch, side, &mut rand::rng());
    share.write(path)?;
    Ok(share)
}

/// Serves a holder until `stop`.
pub(crate) async fn serve_holder(
    config: &WitnessConfig,
    side: Side,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}", config.listen))?;
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
    let mut shares = Vec::with_capacity(config.shares.len());
    for path in config.shares.iter().filter(|path| path.exists()) {
        let share = ViewKeyShare::read(path)?;
        anyhow::ensure!(
            share.side() == side,
            "{}: the other side's half",
            path.display()
        );
        shares.push(share);
    }
    anyhow::ensure!(
        !shares.is_empty(),
        "no half of a view key is there yet: make one first"
    );
    anyhow::ensure!(
        config.journal.exists(),
        "the journal {} is not there, and halves of view keys are: a holder without its journal does not know what \
         it answered, so none is begun. Bring it back from its copy",
        config.journal.display()
    );
    let holder = Holder::new(
        identity(config)?.party(),
        shares,
        Journal::open(&config.journal)?,
    );
    Ok(HolderService::new(
        holder,
        ledger.follow().await?.refusing_the_future(),
        SystemClock,
    ))
}
