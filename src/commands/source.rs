//! `merits source`: commit to records, sign the commitments.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use merits_keyfile::KeyKind;
use merits_ledger::{Role, Roles, entry::PartyAdmitted};
use merits_primitives::ids::{Origin, PartyId};
use merits_records::{Plan, ReadOptions, Reading, RejectsFile, private_file};
use merits_source::{
    config::SourceConfig,
    register::Register,
    signer::Signer,
    signing::{Pseudonyms, SignReport, sign_groups},
};

use crate::{identity::write_handover, screen};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/source/source.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Commit to each subject's records of each period, and sign
    Sign(SignArguments),
}

/// What signing takes.
#[derive(Debug, Args)]
pub(crate) struct SignArguments {
    /// Configuration file; parties/source/source.sample.toml explains every key
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// Records: CSV or JSON Lines, as the configuration's mapping says
    #[arg(long)]
    pub(crate) input: PathBuf,
    /// Pseudonyms of accounts, made by `merits distributor links`
    #[arg(long)]
    pub(crate) links: PathBuf,
    /// Bundle of signed commitments, for the distributor
    #[arg(long)]
    pub(crate) output: PathBuf,
    /// Rows that could not be read, with line, column, value and reason
    #[arg(long)]
    pub(crate) rejects: Option<PathBuf>,
    /// Read only the first so many subjects
    #[arg(long)]
    pub(crate) subjects: Option<usize>,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                write_handover(&application(&SourceConfig::load(&config)?)?, &output)?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Sign(arguments) => {
                let (reading, report) = sign(&arguments)?;
                println!(
                    "{} rows read, {} rejected; {} commitments over {} records signed",
                    reading.report.rows, reading.report.rejected, report.signed, report.records
                );
                for group in &reading.refused {
                    println!("refused: {group}");
                }
                for refused in &report.refused {
                    println!("refused: {refused}");
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// A source's request to be admitted. Sources receive nothing sealed: the field is zero.
pub(crate) fn application(config: &SourceConfig) -> anyhow::Result<PartyAdmitted> {
    let key = signing_key(config)?;
    let origin = Origin::new(&config.origin)?;
    Ok(PartyAdmitted::apply(
        &origin,
        &config.name,
        Roles::new(&[Role::Source]),
        &key,
        [0; 32],
    ))
}

/// The source's party id.
pub(crate) fn party(config: &SourceConfig) -> anyhow::Result<PartyId> {
    if let Some(party) = &config.party {
        let mut id = [0u8; 32];
        hex::decode_to_slice(party, &mut id).context("party: 64 hexadecimal digits")?;
        return Ok(PartyId(id));
    }
    let origin = Origin::new(&config.origin)?;
    Ok(Signer::party_id(
        &origin,
        &config.name,
        &signing_key(config)?,
    ))
}

/// Reads the records and signs what they commit to.
pub(crate) fn sign(arguments: &SignArguments) -> anyhow::Result<(Reading, SignReport)> {
    let config = SourceConfig::load(&arguments.config)?;
    let manifest = merits_issuer::read_manifest(&config.scale)?;
    let plan = Plan::new(&config.mapping, manifest.schema())?;
    let reading = read(
        &arguments.input,
        &plan,
        arguments.subjects,
        arguments.rejects.as_deref(),
    )?;
    let (origin, source) = (Origin::new(&config.origin)?, party(&config)?);
    let links = File::open(&arguments.links)
        .with_context(|| format!("links {}", arguments.links.display()))?;
    let pseudonyms = Pseudonyms::read(BufReader::new(links), origin.as_str(), source)?;
    let rng = &mut rand::rng();
    let salts = merits_keyfile::load_or_create(&config.salt_key, KeyKind::SaltMac, rng)?;
    let signer = Signer::new(
        origin,
        source,
        manifest.schema().clone(),
        signing_key(&config)?,
        salts,
    );
    let mut register = Register::open(&config.register_file)?;
    let output = private_file::create(&arguments.output)
        .with_context(|| format!("bundle {}", arguments.output.display()))?;
    let mut output = BufWriter::new(output);
    let bar = screen::progress(reading.groups.len() as u64, "signing commitments");
    let report = sign_groups(
        &signer,
        &mut register,
        &reading.groups,
        &pseudonyms,
        &mut output,
        &mut |done| bar.set_position(done as u64),
    )?;
    output.flush()?;
    bar.finish_and_clear();
    Ok((reading, report))
}

/// Reads a file of records; refused rows go to `rejects`.
pub(crate) fn read(
    input: &Path,
    plan: &Plan,
    subjects: Option<usize>,
    rejects: Option<&Path>,
) -> anyhow::Result<Reading> {
    let mut rejects_file = match rejects {
        None => None,
        Some(path) => {
            let file = private_file::create(path)
                .with_context(|| format!("rejects file {}", path.display()))?;
            Some(RejectsFile::new(BufWriter::new(file))?)
        }
    };
    let bar = screen::working("reading records");
    let reading = merits_records::read_file(
        input,
        plan,
        ReadOptions {
            first_subjects: subjects,
        },
        &mut |reject| {
            rejects_file
                .as_mut()
                .map_or(Ok(()), |file| file.write(reject))
        },
        &mut |rows| bar.set_message(format!("reading records: {rows}")),
    )
    .with_context(|| format!("records {}", input.display()))?;
    bar.finish_and_clear();
    if let Some(file) = rejects_file {
        file.finish()?;
    }
    Ok(reading)
}

fn signing_key(config: &SourceConfig) -> anyhow::Result<ed25519_dalek::SigningKey> {
    Ok(merits_keyfile::signing_key(
        &config.signing_key,
        KeyKind::Signing,
        &mut rand::rng(),
    )?)
}
