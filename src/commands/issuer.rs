//! `merits issuer`: build a scale, propose it.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use merits_issuer::config::IssuerConfig;
use merits_party::identity::PartyConfig as _;

use super::{distributor::rng, hand_over};
use crate::screen::working;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/issuer/issuer.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Compile the scale, take or make its key, and propose it on the ledger
    Propose {
        /// Configuration file; parties/issuer/issuer.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(IssuerConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
            }
            Self::Propose { config } => {
                let config = IssuerConfig::load(&config)?;
                let bar = working("compiling the formula; making or loading the keys");
                let built = config.build(rng()).await?;
                bar.finish_and_clear();
                let proposed = config.propose(&built).await?;
                println!(
                    "proposed {} version {}: entry {}",
                    proposed.scale, proposed.version.0, proposed.entry
                );
                println!("keys and circuit files: {}", proposed.files.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
