//! `merits witness`: the log witness's half of the view keys. Also how both holders are served.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use merits_party::{identity::PartyConfig as _, stop_signal};
use merits_primitives::ids::Epoch;
use merits_supervisor::{config::WitnessConfig, side::Side};

use super::{distributor::rng, hand_over, numbers};

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
        #[arg(long, value_parser = numbers::epoch)]
        epoch: u32,
        /// Public side of the half to write, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Make a half of a view key together with other witnesses, so that nobody holds it alone
    #[command(subcommand)]
    Dkg(super::dkg::Command),
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
            Self::Dkg(command) => return command.run(Side::Witness).await,
            Self::Serve { config } => {
                let config = WitnessConfig::load(&config)?;
                serve(&config, Side::Witness).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves a holder until ctrl-c or SIGTERM.
pub(super) async fn serve(config: &WitnessConfig, side: Side) -> anyhow::Result<()> {
    let ready = |address| println!("{} answers for its half on {address}", config.name);
    config.serve(side, ready, stop_signal()?).await?;
    Ok(())
}
