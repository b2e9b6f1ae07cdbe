//! `merits issuer`: build a scale, propose it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use merits_issuer::{Built, config::IssuerConfig};
use merits_params::keystore::KeyStore;
use merits_party::identity::PartyConfig as _;
use merits_primitives::ids::EntryId;
use merits_verifier::groth16::KeyPolicy;

use super::hand_over;
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
                let built = build(&config).await?;
                bar.finish_and_clear();
                let entry = propose(&config, &built).await?;
                let manifest = built.manifest();
                println!(
                    "proposed {} version {}: entry {entry}",
                    manifest.id(),
                    manifest.version().0
                );
                println!("keys and circuit files: {}", built.key().dir.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Compiles the scale and takes its key, making it if there is none.
pub(crate) async fn build(config: &IssuerConfig) -> anyhow::Result<Built> {
    let (scale, store) = (config.scale.clone(), config.key_store.clone());
    let (name, allow_dev_keys) = (config.name.clone(), config.ledger.allow_dev_keys);
    // A set-up keeps all cores busy for seconds.
    let built = tokio::task::spawn_blocking(move || {
        Built::new(
            Path::new(&scale),
            &KeyStore::new(store),
            &name,
            KeyPolicy { allow_dev_keys },
            &mut rand::rng(),
        )
    })
    .await?;
    Ok(built?)
}

/// Puts the proposal on the ledger.
pub(crate) async fn propose(config: &IssuerConfig, built: &Built) -> anyhow::Result<EntryId> {
    let identity = config.identity()?;
    let (entry, blob) = built.entry(&identity.origin, identity.party(), &identity.signing)?;
    let mut client = config.ledger.connect().await?;
    let submitted = match blob {
        None => client.submit(&entry).await?,
        Some(blob) => client.submit_with(&entry, &blob).await?,
    };
    Ok(submitted.id)
}
