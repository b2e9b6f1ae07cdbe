//! `merits witness`: the log witness's half of the view keys. Also the code that all holders share.

use std::{future::Future, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use merits_party::{identity::PartyConfig as _, stop_signal};
use merits_primitives::ids::Epoch;
use merits_supervisor::{config::WitnessConfig, net::serve, side::Side};

use super::{distributor::rng, hand_over};

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
                hand_over(&config, &output, || {
                    Ok(WitnessConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
            }
            Self::Half {
                config,
                epoch,
                output,
            } => {
                let settings = WitnessConfig::load(&config)?;
                let rng = &mut rng();
                let half = settings.half(Epoch(epoch), rng).await?;
                hand_over(&config, &output, || {
                    Ok(settings.publish_half(half, &mut rand::rng())?)
                })?;
            }
            Self::Serve { config } => {
                let config = WitnessConfig::load(&config)?;
                serve_holder(&config, Side::Witness, stop_signal()?).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves a holder until `stop`.
pub(crate) async fn serve_holder(
    config: &WitnessConfig,
    side: Side,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let listener = merits_serve::listen(config.listen).await?;
    let holder = config.holder(side).await?;
    println!(
        "{} answers for its half on {}",
        config.name,
        listener
            .local_addr()
            .context("the address that this server listens on")?
    );
    let security = config.ledger.security()?;
    serve(holder, listener, &config.server, &security, stop).await?;
    Ok(())
}
