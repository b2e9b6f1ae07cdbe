//! `merits witness cosign`: cosigns a log's checkpoints, so that clients know that all see one history.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use merits_party::{machine_time, stop_signal};
use merits_verifier::log::{MAX_NOTE_BYTES, SignedCheckpoint};
use merits_witness::{
    Running,
    config::{CosignerConfig, WitnessKeys},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the keys and the state of a new witness, and print the public keys
    Init {
        /// Configuration file; parties/witness/cosigner.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// For a witness whose state was lost: the newest checkpoint that any party has
        #[arg(long)]
        checkpoint: Option<PathBuf>,
    },
    /// Print the public keys, for the log's operator and for clients
    Key {
        /// Configuration file; parties/witness/cosigner.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Cosign checkpoints that continue the last one until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; parties/witness/cosigner.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init { config, checkpoint } => {
                let config = CosignerConfig::load(&config)?;
                let newest = match &checkpoint {
                    None => None,
                    Some(path) => {
                        let at = || format!("checkpoint {}", path.display());
                        let text = merits_text::file::read_at_most(path, MAX_NOTE_BYTES as u64);
                        let text = text.with_context(at)?;
                        Some(SignedCheckpoint::parse(&text).with_context(at)?)
                    }
                };
                let keys = config.init(newest.as_ref(), &mut rand::rng())?;
                println!("made {}", config.state.display());
                print(&keys);
            }
            Self::Key { config } => print(&CosignerConfig::load(&config)?.keys()?),
            Self::Serve { config } => {
                let config = CosignerConfig::load(&config)?;
                let name = config.name.clone();
                let stop = stop_signal()?;
                let running = Running::open(config, machine_time).await?;
                println!("{name} cosigns on {}", running.address()?);
                running.serve(stop).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(keys: &WitnessKeys) {
    println!("{:<16}{}", "key", keys.key);
    if let Some(key) = &keys.validating {
        println!("{:<16}{key}", "validating key");
    }
}
