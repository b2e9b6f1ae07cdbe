//! `merits source`: commit to records, sign the commitments.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use merits_keyfile::KeyKind;
use merits_ledger::{Role, Roles, entry::PartyAdmitted};
use merits_primitives::ids::{Origin, PartyId};
use merits_records::{
    Plan, ReadOptions, Reading, RejectsFile,
    handover::{Handover as _, LinkFile},
    private_file,
};
use merits_source::{
    config::SourceConfig,
    linking::{LinkChecker, LinkFault, Linked, LinksFile},
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
    /// Take links in: a person proves which pseudonym an account has
    Link {
        /// Configuration file; parties/source/source.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Links, as `merits wallet link` writes them
        #[arg(long, required = true, num_args = 1..)]
        import: Vec<PathBuf>,
        /// An account that has another pseudonym gets the new one
        #[arg(long)]
        replace: bool,
    },
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
    /// Pseudonyms of accounts, if not the configuration's `links_file`
    #[arg(long)]
    pub(crate) links: Option<PathBuf>,
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
            Self::Link {
                config,
                import,
                replace,
            } => link(&config, &import, replace).await,
        }
    }
}

/// Checks links against the source's own copy of the log and puts those that hold into its links
/// file.
async fn link(config: &Path, import: &[PathBuf], replace: bool) -> anyhow::Result<ExitCode> {
    let config = SourceConfig::load(config)?;
    let path = config.links_file.as_ref().context(
        "where to? Name `links_file` in the configuration: `merits source sign` reads it",
    )?;
    let ledger = config.ledger.as_ref().context(
        "the configuration has no [ledger] table: links are checked by the ledger's people and keys",
    )?;
    let (origin, source) = (Origin::new(&config.origin)?, party(&config)?);
    ensure!(
        ledger.origin()? == origin,
        "the configuration names two ledgers: origin is {origin}, ledger.log_key is of {}",
        ledger.origin()?
    );
    let follower = ledger.follow().await?;
    follower.sync().await?;
    let state = follower.replica().state()?.clone();
    let mut links = LinksFile::open(path, &origin, source)?;
    let mut checker = LinkChecker::new(&state, source, super::unix_millis());
    let (mut linked, mut refused) = (0, 0);
    for path in import {
        match take(&mut checker, &mut links, path, replace) {
            Ok((account, outcome)) => {
                linked += usize::from(outcome != Linked::Known);
                let said = match outcome {
                    Linked::New => "linked",
                    Linked::Known => "known: nothing changed",
                    Linked::Replaced => "replaced",
                };
                println!("{account}: {said}");
            }
            Err(fault) => {
                refused += 1;
                println!("REFUSED {}: {fault}", path.display());
            }
        }
    }
    if linked > 0 {
        links.write()?;
    }
    println!(
        "{linked} links written to {}, {refused} refused; {} accounts have one",
        path.display(),
        links.len()
    );
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn take(
    checker: &mut LinkChecker<'_>,
    links: &mut LinksFile,
    path: &Path,
    replace: bool,
) -> Result<(String, Linked), LinkFault> {
    let link = LinkFile::read(path)?;
    checker.check(&link)?;
    let linked = links.link(&link, replace)?;
    Ok((link.account, linked))
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
    let links = arguments
        .links
        .as_ref()
        .or(config.links_file.as_ref())
        .context("which pseudonyms? Give --links, or name `links_file` in the configuration")?;
    let links = File::open(links).with_context(|| format!("links {}", links.display()))?;
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
