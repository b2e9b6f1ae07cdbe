//! `merits witness`: the log witness's half of the view keys, and its cosignatures. Also how both holders are served.

mod cosign;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use merits_guard::Secret;
use merits_ledger::Role;
use merits_party::{
    identity::{FounderKeys, PartyConfig as _},
    stop_signal,
};
use merits_primitives::ids::{Epoch, Origin};
use merits_supervisor::{config::WitnessConfig, side::Side};
use merits_text::typed::argument;

use super::{
    distributor::rng,
    hand_over, numbers,
    passphrase::{self, Asking, PassphrasePlaces},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the keys of a founding log witness and print its party id, which the founding facts need
    Init {
        /// Name of the log witness
        #[arg(long, value_parser = argument)]
        name: String,
        /// The ledger's origin, such as ledger.example.org/merits
        #[arg(long, value_parser = argument)]
        origin: String,
        /// Directory for witness.key and witness-sealing.key
        #[arg(long, default_value = ".")]
        directory: PathBuf,
    },
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
    /// Cosign the log's checkpoints, so that clients know that all see one history
    #[command(subcommand)]
    Cosign(cosign::Command),
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init {
                name,
                origin,
                directory,
            } => init(Role::Witness, &name, &origin, &directory)?,
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
            Self::Cosign(command) => return command.run().await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Makes the keys of a founder, and prints its party id.
pub(super) fn init(role: Role, name: &str, origin: &str, directory: &Path) -> anyhow::Result<()> {
    let origin = Origin::new(origin)?;
    let made = FounderKeys::make(role, name, origin, directory, &mut rand::rng())?;
    println!("{}", hex::encode(made.party.0));
    Ok(())
}

/// Serves a holder until ctrl-c or SIGTERM.
pub(super) async fn serve(config: &WitnessConfig, side: Side) -> anyhow::Result<()> {
    let ready = |address| println!("{} answers for its half on {address}", config.name);
    let passphrase = if config.needs_passphrase() {
        let places = PassphrasePlaces::Configuration(config.passphrase_file.as_deref());
        let what = "the shares of view keys";
        Some(passphrase::ask(
            places,
            Asking::Known,
            what,
            Secret::SharePassphrase,
        )?)
    } else {
        None
    };
    config
        .serve(side, passphrase, ready, stop_signal()?)
        .await?;
    Ok(())
}
