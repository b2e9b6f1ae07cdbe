//! `merits evaluator`: one uniqueness tag for each person, under a key that no registrar holds.

use std::{path::PathBuf, process::ExitCode};

use anyhow::ensure;
use clap::Subcommand;
use merits_evaluator::{
    acts::Evaluator,
    config::EvaluatorConfig,
    key::EvaluatorKey,
    net::{UniquenessService, serve},
};
use merits_party::{identity::PartyConfig as _, stop_signal};
use merits_primitives::ids::EntryId;
use merits_replica::Follower;

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
            Self::Announce { config } => match announce(&EvaluatorConfig::load(&config)?).await? {
                Some(entry) => println!("announced the evaluator's key: entry {entry}"),
                None => println!("the ledger has this evaluator's key already"),
            },
            Self::Serve { config } => {
                let config = EvaluatorConfig::load(&config)?;
                let listener = merits_serve::listen(config.listen).await?;
                let service = service(&config).await?;
                println!(
                    "{} answers registrars on {}",
                    config.name,
                    listener.local_addr()?
                );
                serve(service, listener, &config.server, async {
                    let _ = stop_signal().await;
                })
                .await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn pen(config: &EvaluatorConfig) -> anyhow::Result<Evaluator> {
    let identity = config.identity()?;
    let party = identity.party();
    Ok(Evaluator::new(identity.origin, party, identity.signing))
}

/// Puts the key on the ledger; `None` if it is there.
pub(crate) async fn announce(config: &EvaluatorConfig) -> anyhow::Result<Option<EntryId>> {
    let pen = pen(config)?;
    let follower = config.ledger.follow().await?;
    follower.sync().await?;
    // A ledger has one key for its life: where it has one, a new one would be of no use.
    let announced = follower.replica().state()?.people().evaluator().is_some();
    let key = if announced {
        EvaluatorKey::load(&config.voprf_key)?
    } else {
        EvaluatorKey::load_or_create(&config.voprf_key)?
    };
    if stands(&follower, &pen, &key)? {
        return Ok(None);
    }
    // Another evaluator's key on the ledger is the ledger's to refuse.
    let entry = pen.open(key.public());
    Ok(Some(follower.client().submit(&entry).await?.id))
}

/// The service over its own copy of the log.
pub(crate) async fn service(
    config: &EvaluatorConfig,
) -> anyhow::Result<UniquenessService<Follower>> {
    let (pen, key) = (pen(config)?, EvaluatorKey::load(&config.voprf_key)?);
    let follower = config.ledger.clone().of_a_server()?.follow().await?;
    let follower = follower.refusing_the_future();
    follower.sync().await?;
    ensure!(
        stands(&follower, &pen, &key)?,
        "the ledger does not have the key in {}: run `merits evaluator announce` once, or restore \
         the file that was announced",
        config.voprf_key.display()
    );
    Ok(UniquenessService::new(pen, key, follower))
}

/// Whether the ledger has this evaluator with this key.
fn stands(follower: &Follower, pen: &Evaluator, key: &EvaluatorKey) -> anyhow::Result<bool> {
    let replica = follower.replica();
    let evaluator = replica.state()?.people().evaluator();
    Ok(evaluator.is_some_and(|evaluator| {
        evaluator.party == pen.party() && evaluator.public_key == key.public()
    }))
}
