//! `merits registrar`: one person, one identity.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use merits_guard::exposed::Holds;
use merits_party::{identity::PartyConfig as _, machine_time};
use merits_primitives::{
    calendar::{Date, Day},
    field,
    identity::IdentityCommitment,
};
use merits_registrar::{
    config::RegistrarConfig,
    number::{IdentityNumber, NumberKind},
    registration::Occasion,
    running::Requested,
};
use merits_text::typed::argument;

use super::{dates, distributor::rng, hand_over, reason::reason};
use crate::inputs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/registrar/registrar.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Register a person for the first time; refused if the person is registered anywhere
    Register(Person),
    /// Register a person again after a loss: the old identity ends, and the new one begins on a day
    /// that no ticket of the old one reaches
    ReRegister(Person),
    /// End an identity without a new one
    Retire {
        /// Configuration file; parties/registrar/registrar.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The identity's commitment: 64 hexadecimal digits
        #[arg(long, required_unless_present = "request", conflicts_with = "request", value_parser = argument)]
        commitment: Option<String>,
        /// The registration request of this identity
        #[arg(long)]
        request: Option<PathBuf>,
        /// Why, in words; the ledger publishes it
        #[arg(long, value_parser = reason)]
        basis: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Person {
    /// Configuration file; parties/registrar/registrar.sample.toml explains every key
    #[arg(long)]
    config: PathBuf,
    /// Registration request that the person's wallet wrote
    #[arg(long)]
    request: PathBuf,
    /// File with the identity number, mode 0600; without it the number is read from stdin. It is
    /// not an argument, since other users can see arguments
    #[arg(long)]
    identity_number_file: Option<PathBuf>,
    /// Kind of document that the number is from: cn-id, or passport (as UTO:L898902C3)
    #[arg(long, default_value = "cn-id")]
    kind: NumberKind,
    /// First day of eligibility, such as 2026-01-01; without it, deeds of any earlier day count, or
    /// after a loss the earliest day that the ledger takes
    #[arg(long, value_parser = dates::day)]
    from: Option<Date>,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(RegistrarConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
            }
            Self::Register(person) => person.register(Occasion::First).await?,
            Self::ReRegister(person) => person.register(Occasion::AfterLoss).await?,
            Self::Retire {
                config,
                commitment,
                request,
                basis,
            } => {
                let config = RegistrarConfig::load(&config)?;
                let commitment = match (commitment, request) {
                    (Some(digits), _) => parse_commitment(&digits)?,
                    (None, Some(request)) => {
                        inputs::remark(&request, Holds::People);
                        config.read_request(&request)?
                    }
                    (None, None) => anyhow::bail!("--commitment or --request is expected"),
                };
                let entry = config.retire(commitment, &basis).await?.entry;
                println!("retired: entry {entry}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Person {
    async fn register(self, occasion: Occasion) -> anyhow::Result<()> {
        let config = RegistrarConfig::load(&self.config)?;
        inputs::remark(&self.request, Holds::People);
        let commitment = config.read_request(&self.request)?;
        let now = machine_time();
        let requested = Requested::new(commitment, self.from.map(dates::index), now)?;
        let number = match &self.identity_number_file {
            Some(path) => IdentityNumber::from_file(self.kind, path)
                .with_context(|| path.display().to_string())?,
            None => IdentityNumber::read(self.kind, std::io::stdin().lock())
                .context("the identity number on standard input")?,
        };
        let rng = &mut rng();
        let registered = config
            .register(occasion, requested, number, now, rng)
            .await?;
        let content = &registered.content;
        let from = match content.from {
            Day::FIRST => "for deeds of any day".to_owned(),
            day => format!("for deeds from {day} on"),
        };
        println!(
            "registered with generation {}, {from}: entry {}",
            content.generation, registered.entry
        );
        Ok(())
    }
}

fn parse_commitment(digits: &str) -> anyhow::Result<IdentityCommitment> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).context(
        "--commitment: 64 hexadecimal digits are expected, as `merits wallet identity` shows them",
    )?;
    field::from_bytes(&bytes).context(
        "--commitment: no identity has this number: copy it again from `merits wallet identity`",
    )
}
