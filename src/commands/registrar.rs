//! `merits registrar`: one person, one identity.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use merits_party::{identity::PartyConfig as _, machine_time};
use merits_primitives::{
    calendar::{Date, Day, Timestamp},
    field,
    identity::IdentityCommitment,
};
use merits_records::handover::{Handover as _, RegistrationRequest};
use merits_registrar::{
    acts::Registrar,
    client::EvaluatorClient,
    config::RegistrarConfig,
    number::{IdentityNumber, NumberKind},
    registration::Occasion,
    session::{Registered, Session},
};
use merits_text::typed::{argument, prose};

use super::{dates, hand_over};

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
        #[arg(long, value_parser = prose)]
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
                    (None, Some(request)) => read_request(&config, &request)?,
                    (None, None) => anyhow::bail!("--commitment or --request is expected"),
                };
                let entry = session(&config).await?.retire(commitment, &basis).await?;
                println!("retired: entry {entry}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Person {
    async fn register(self, occasion: Occasion) -> anyhow::Result<()> {
        let config = RegistrarConfig::load(&self.config)?;
        let commitment = read_request(&config, &self.request)?;
        let from = self.from.map(dates::index);
        check_from(from, machine_time())?;
        let number = match &self.identity_number_file {
            Some(path) => IdentityNumber::from_file(self.kind, path)
                .with_context(|| path.display().to_string())?,
            None => IdentityNumber::read(self.kind, std::io::stdin().lock())
                .context("the identity number on standard input")?,
        };
        let registered = register(&config, occasion, commitment, number, from).await?;
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

/// Registers a person; the whole procedure.
pub(crate) async fn register(
    config: &RegistrarConfig,
    occasion: Occasion,
    commitment: IdentityCommitment,
    number: IdentityNumber,
    from: Option<Day>,
) -> anyhow::Result<Registered> {
    let session = session(config).await?;
    let expected = session.evaluator().await?;
    let security = config.ledger.security()?;
    let connecting = EvaluatorClient::connect_over(&config.evaluator, &security, expected);
    let mut evaluator = connecting.await?;
    let about = (commitment, from.unwrap_or(Day::FIRST));
    let rng = &mut rand::rng();
    let registered = session
        .register(&mut evaluator, occasion, about, number, machine_time(), rng)
        .await?;
    Ok(registered)
}

async fn session(config: &RegistrarConfig) -> anyhow::Result<Session> {
    let identity = config.identity()?;
    let party = identity.party();
    let pen = Registrar::new(identity.origin, party, identity.signing);
    Ok(Session::new(pen, config.ledger.follow().await?))
}

fn read_request(config: &RegistrarConfig, path: &Path) -> anyhow::Result<IdentityCommitment> {
    let request = RegistrationRequest::read(path)?;
    request.expect_origin(config.ledger.origin()?.as_str())?;
    Ok(request.commitment)
}

fn parse_commitment(digits: &str) -> anyhow::Result<IdentityCommitment> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes)
        .context("commitment: 64 hexadecimal digits are expected")?;
    field::from_bytes(&bytes).context("the commitment is not a field element")
}

/// A day of eligibility that is years away is a typing mistake, and only another registration
/// corrects it.
fn check_from(from: Option<Day>, time: Timestamp) -> anyhow::Result<()> {
    const MOST_DAYS_AHEAD: u32 = 366;
    let latest = time.day().saturating_add(MOST_DAYS_AHEAD);
    let far = from.filter(|day| *day > latest);
    if let Some(day) = far {
        anyhow::bail!(
            "--from {day} is more than a year away: until then no deed of the person would count"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_registered_for_a_day_that_is_years_away() {
        // 2026-11-30T12:00Z, day 20,787.
        let now = Timestamp::from_millis(1_796_040_000_000);
        for day in [None, Some(Day::FIRST), Some(Day(20_787 + 366))] {
            assert!(check_from(day, now).is_ok(), "{day:?}");
        }
        let last = dates::index(dates::day("9999-12-31").expect("a day"));
        for (day, label) in [(Day(20_787 + 367), "2027-12-02"), (last, "9999-12-31")] {
            let said = check_from(Some(day), now).expect_err(label).to_string();
            assert!(said.contains(label), "{said}");
        }
    }
}
