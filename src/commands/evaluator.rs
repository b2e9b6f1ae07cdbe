//! `merits evaluator`: one uniqueness tag for each person, under a key that no registrar holds.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use merits_evaluator::{config::EvaluatorConfig, net::serve};
use merits_party::{identity::PartyConfig as _, stop_signal};

use super::hand_over;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Put the public key of the tags on the ledger: once, before anybody is registered
    Announce {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Answer registrars until ctrl-c or SIGTERM; each answer is counted on the ledger first
    Serve {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(EvaluatorConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
            }
            Self::Announce { config } => match EvaluatorConfig::load(&config)?.announce().await? {
                Some(entry) => println!("announced the evaluator's key: entry {entry}"),
                None => println!("the ledger has this evaluator's key already"),
            },
            Self::Serve { config } => {
                let config = EvaluatorConfig::load(&config)?;
                let stop = stop_signal()?;
                let listener = merits_serve::listen(config.listen).await?;
                let service = config.service().await?;
                println!(
                    "{} answers registrars on {}",
                    config.name,
                    listener
                        .local_addr()
                        .context("the address that this server listens on")?
                );
                let security = config.ledger.security()?;
                serve(service, listener, &config.server, &security, stop).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
