//! `merits evaluator`: one uniqueness tag for each person, under a key that no registrar holds.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use merits_evaluator::config::EvaluatorConfig;
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
            Self::Announce { config } => {
                match EvaluatorConfig::load(&config)?.announce().await?.entry {
                    Some(entry) => println!("announced the evaluator's key: entry {entry}"),
                    None => println!("the ledger has this evaluator's key already"),
                }
            }
            Self::Serve { config } => {
                let config = EvaluatorConfig::load(&config)?;
                let ready = |address| println!("{} answers registrars on {address}", config.name);
                config.serve(ready, stop_signal()?).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
