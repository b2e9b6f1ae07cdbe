//! `merits source`: commit to records, sign the commitments.

use std::{
    io::{self, BufReader},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use merits_guard::{input, output::Output, protected::Protected};
use merits_keyfile::{KeyKind, SecretBytes};
use merits_ledger::{Role, Roles, entry::PartyAdmitted};
use merits_params::manifest::{Manifest, Validity};
use merits_primitives::{
    calendar::Date,
    ids::{Origin, PartyId, Period, PeriodKind},
};
use merits_records::{
    Plan, REJECTS, ReadOptions, Reading,
    bundle::{Bundle, FileKind as _},
    handover::{Handover as _, LinkFile},
    reading::Edge,
    wall_clock::Present,
};
use merits_source::{
    config::SourceConfig,
    linking::{LinkChecker, LinkFault, Linked, LinksFile},
    register::Register,
    said::{Periods, Said},
    signer::Signer,
    signing::{Pseudonyms, RefusedReason, SignReport, sign_groups},
    wholeness::{MOST_REJECTS_PERCENT, Partial, Wholeness, too_many_rejects},
};

use super::{dates, hand_over};
use crate::{outputs, screen};

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
    /// Commit to each subject's records of each period that the file has all of, and sign. Exit code 0: all was signed;
    /// 3: a part (the rest is named); 4: nothing
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
        /// A new account that looks like a linked one is another person's: somebody looked
        #[arg(long)]
        distinct: bool,
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
    /// Nothing is missing from the beginning of this day (2016-05-01) on: periods that begin then or later are
    /// signed although nothing in the file comes before them. A day of the scale's periods that has come
    #[arg(long, value_parser = dates::day)]
    pub(crate) complete_from: Option<Date>,
    /// Nothing is missing up to the end of this day (2016-05-31): periods that end by then are signed
    /// although nothing in the file comes after them. A day of the scale's periods that is over
    #[arg(long, value_parser = dates::day)]
    pub(crate) complete_until: Option<Date>,
    /// Sign nothing if more rows in a hundred than this are rejected, if not the configuration's
    /// `most_rejects_percent` [default: 5]
    #[arg(long, value_parser = clap::value_parser!(u8).range(..=100))]
    pub(crate) most_rejects_percent: Option<u8>,
    /// Report what would be signed, and sign and write nothing but the rejects file
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The demonstration's: the file is taken as it is, and nothing is said of it
    #[arg(skip)]
    pub(crate) as_it_is: bool,
}

/// Exit code of a signing, or a distributor's run, that left something out.
pub(super) const PARTLY: u8 = 3;

/// Exit code of a signing of nothing, or of a run that did nothing of what there was to do.
pub(super) const NOTHING: u8 = 4;

/// What a signing did.
pub(crate) struct Signing {
    /// What was read.
    pub(crate) reading: Reading,
    /// What was signed; `None` when too many rows were refused.
    pub(crate) report: Option<SignReport>,
    /// Periods of which a part may be missing.
    pub(crate) partial: Partial,
    /// The clock by which periods are over.
    present: Present,
    /// What is to be said of periods that the scale's version is not for.
    outside: Option<String>,
    /// Rows in a hundred that may be refused.
    most_rejects: u8,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    application(&SourceConfig::load(&config)?)
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Sign(arguments) => Ok(tell(&arguments, &sign(&arguments)?)),
            Self::Link {
                config,
                import,
                replace,
                distinct,
            } => link(&config, &import, replace, distinct).await,
        }
    }
}

/// Says what a signing did, or would do.
fn tell(arguments: &SignArguments, signing: &Signing) -> ExitCode {
    let reading = &signing.reading;
    let (rows, rejected) = (reading.report.rows, reading.report.rejected);
    let verb = if arguments.dry_run {
        "would be signed"
    } else {
        "signed"
    };
    let signed = signing.report.as_ref();
    println!(
        "{rows} rows read, {rejected} rejected; {} commitments over {} records {verb}",
        signed.map_or(0, |report| report.signed),
        signed.map_or(0, |report| report.records)
    );
    for (reason, count) in &reading.report.reasons {
        println!("rejected: {count}: {reason}");
    }
    if rejected > 0 && arguments.rejects.is_none() {
        println!("--rejects FILE names each rejected row with its reason");
    }
    for group in &reading.refused {
        println!("refused: {group}");
    }
    let of = |row: Edge| format!("{} (line {})", row.moment.date(), row.line);
    // One row may have a wrong date, so the third one decides.
    let third = |row: Option<Edge>| {
        row.map_or_else(
            || ", there are no three rows".to_owned(),
            |row| format!(", the third of {}", of(row)),
        )
    };
    for (period, subjects) in &signing.partial.no_beginning {
        let oldest = reading.span.map_or_else(String::new, |span| {
            format!(
                "the oldest row is of {}{}, and ",
                of(span.first),
                third(span.begins())
            )
        });
        println!(
            "no beginning: {} of {subjects} accounts: {oldest}what is signed of a part of a period is signed \
             for ever. Sign a file that begins with it; or say --complete-from {} if nothing is missing",
            period.label(),
            day(period.first_day())
        );
    }
    for (period, subjects) in &signing.partial.not_over {
        let newest = reading.span.map_or_else(String::new, |span| {
            format!(
                "the newest row is of {}{}, and ",
                of(span.last),
                third(span.ends())
            )
        });
        println!(
            "not over: {} of {subjects} accounts: {newest}what is signed of a part of a period is signed \
             for ever. Sign a file that goes on after it; or say --complete-until {} if nothing is missing",
            period.label(),
            day(period.last_day())
        );
    }
    for (period, subjects) in &signing.partial.running {
        println!(
            "still running: {} of {subjects} accounts: it ends with {}, which is not over by {}",
            period.label(),
            day(period.last_day()),
            signing.present
        );
    }
    let Some(report) = signed else {
        println!(
            "NOTHING WAS SIGNED: {rejected} of {rows} rows were rejected, more than {} in a hundred. Is it \
             the right file, and the mapping its own? --most-rejects-percent signs all the same",
            signing.most_rejects
        );
        return NOTHING.into();
    };
    for refused in &report.refused {
        println!("refused: {refused}");
    }
    if let Some(outside) = &signing.outside {
        println!("{outside}");
    }
    // Accounts that nobody linked are not this source's to sign for.
    let left_out = report
        .refused
        .iter()
        .any(|refused| refused.reason != RefusedReason::NoLink);
    let all =
        rejected == 0 && reading.refused.is_empty() && signing.partial.is_empty() && !left_out;
    match (report.signed, all) {
        (0, _) => {
            println!("NOTHING WAS SIGNED");
            NOTHING.into()
        }
        (_, true) => ExitCode::SUCCESS,
        (_, false) => PARTLY.into(),
    }
}

fn day(days: i64) -> String {
    let days = u32::try_from(days).unwrap_or_default();
    let index = days;
    Period {
        kind: PeriodKind::Day,
        index,
    }
    .label()
}

/// Checks links against the source's own copy of the log and puts those that hold into its links
/// file.
async fn link(
    config: &Path,
    import: &[PathBuf],
    replace: bool,
    distinct: bool,
) -> anyhow::Result<ExitCode> {
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
    let mut links = LinksFile::open(path, &origin, source)?.distinct(distinct);
    let mut checker = LinkChecker::new(&state, source, merits_party::unix_millis());
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
    merits_keyfile::load_or_create(&config.signing_key, KeyKind::Signing, &mut rand::rng())?;
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
    party_of(config, &signing_key(config)?)
}

fn party_of(config: &SourceConfig, key: &ed25519_dalek::SigningKey) -> anyhow::Result<PartyId> {
    if let Some(party) = &config.party {
        let mut id = [0u8; 32];
        hex::decode_to_slice(party, &mut id).context("party: 64 hexadecimal digits")?;
        return Ok(PartyId(id));
    }
    let origin = Origin::new(&config.origin)?;
    Ok(Signer::party_id(&origin, &config.name, key))
}

/// Refuses a signing whose outputs are each other, or what the source needs.
fn admit(arguments: &SignArguments) -> anyhow::Result<()> {
    let mut kept = outputs::of_configuration(&arguments.config);
    kept.keep(&arguments.input, "the input");
    if let Some(links) = &arguments.links {
        kept.keep(links, "the file of pseudonyms");
    }
    kept.admit(&arguments.output, "the bundle")?;
    Output::check(&arguments.output, Bundle::KIND)?;
    admit_rejects(&mut kept, arguments.rejects.as_deref())
}

/// Refuses a rejects file that is one of these, or that may not be written.
pub(crate) fn admit_rejects(kept: &mut Protected, rejects: Option<&Path>) -> anyhow::Result<()> {
    if let Some(path) = rejects {
        kept.admit(path, "the rejects file")?;
        Output::check(path, REJECTS)?;
    }
    Ok(())
}

/// Reads the records and signs what they commit to, as far as they are whole.
pub(crate) fn sign(arguments: &SignArguments) -> anyhow::Result<Signing> {
    let config = SourceConfig::load(&arguments.config)?;
    admit(arguments)?;
    let most = arguments
        .most_rejects_percent
        .or(config.most_rejects_percent)
        .unwrap_or(MOST_REJECTS_PERCENT);
    ensure!(
        most <= 100,
        "most_rejects_percent is {most}: a hundred in a hundred is the most"
    );
    let manifest = merits_issuer::read_manifest(&config.scale)?;
    let plan = Plan::new(&config.mapping, manifest.schema())?;
    let present = plan.present(merits_party::unix_millis());
    let said = if arguments.as_it_is {
        Said::everything()
    } else {
        let said = Said {
            complete_from: arguments.complete_from,
            complete_until: arguments.complete_until,
        };
        let Validity { from, until } = manifest.validity();
        let periods = Periods {
            first: from,
            last: until,
        };
        said.check(periods, &present)?;
        said
    };
    let mut reading = read(
        &arguments.input,
        &plan,
        arguments.subjects,
        arguments.rejects.as_deref(),
    )?;
    let whole = Wholeness::new(reading.span, said, &present);
    let partial = whole.part(&mut reading.groups);
    let outside = outside(&manifest, &reading);
    if too_many_rejects(&reading.report, most) {
        return Ok(Signing {
            reading,
            report: None,
            partial,
            present,
            outside,
            most_rejects: most,
        });
    }
    let origin = Origin::new(&config.origin)?;
    let (signing, salts, mut register) = if arguments.dry_run {
        // No key is made, and no register. A source that never signed has no salts: any do, as nothing of
        // this run is kept.
        let secret = merits_keyfile::load(&config.signing_key, KeyKind::Signing)?;
        let never_signed = !config.salt_key.exists() && !config.register_file.exists();
        (
            ed25519_dalek::SigningKey::from_bytes(&secret),
            if never_signed {
                SecretBytes::new(rand::random())
            } else {
                merits_keyfile::load(&config.salt_key, KeyKind::SaltMac)?
            },
            Register::look(&config.register_file)?,
        )
    } else {
        // Register and salts belong together: with either alone, what was signed would get a second
        // commitment. The register is made first, so that only a loss leaves the salts alone.
        let (register, salts) = (&config.register_file, &config.salt_key);
        let had_salts = salts.exists();
        ensure!(
            register.exists() || !had_salts,
            "the register {} is not there, and the salts in {} are: what was signed would be signed a second time, \
             so no register is begun. Bring it back from its copy; only if nothing was ever signed with these \
             salts, move them away",
            register.display(),
            salts.display()
        );
        let opened = Register::open(register)?;
        ensure!(
            had_salts || opened.is_empty(),
            "the salts {} are not there, and the register {} is: under new ones what was signed would get a second \
             commitment, so none are made. Bring them back from their copy",
            salts.display(),
            register.display()
        );
        let rng = &mut rand::rng();
        (
            signing_key(&config)?,
            merits_keyfile::load_or_create(salts, KeyKind::SaltMac, rng)?,
            opened,
        )
    };
    let source = party_of(&config, &signing)?;
    let links = arguments
        .links
        .as_ref()
        .or(config.links_file.as_ref())
        .context("which pseudonyms? Give --links, or name `links_file` in the configuration")?;
    let links = input::open_stream(links).with_context(|| format!("links {}", links.display()))?;
    let pseudonyms = Pseudonyms::read(BufReader::new(links), origin.as_str(), source)?;
    let schema = manifest.schema().clone();
    let signer = Signer::new(origin, source, schema, signing, salts);
    let bar = screen::progress(reading.groups.len() as u64, "signing commitments");
    let mut sign = |mut output: &mut dyn io::Write| {
        sign_groups(
            &signer,
            &mut register,
            &reading.groups,
            &pseudonyms,
            &mut output,
            &mut |done| bar.set_position(done as u64),
        )
    };
    let report = if arguments.dry_run {
        sign(&mut io::sink())?
    } else {
        // Under its name only when it is whole: an interrupted signing leaves the bundle of before.
        let mut output = Output::begin(&arguments.output, Bundle::KIND)?;
        let report =
            sign(&mut output).with_context(|| format!("bundle {}", arguments.output.display()))?;
        if report.signed > 0 {
            output.publish()?;
        }
        report
    };
    bar.finish_and_clear();
    Ok(Signing {
        reading,
        report: Some(report),
        partial,
        present,
        outside,
        most_rejects: most,
    })
}

/// Periods for which the configuration's version of the scale is not. Another version may be for them, or their
/// dates are wrong: milliseconds that are read as seconds, a wrong century.
fn outside(manifest: &Manifest, reading: &Reading) -> Option<String> {
    let groups = reading.groups.iter();
    let outside: Vec<Period> = groups
        .map(|group| group.period)
        .filter(|period| !manifest.is_valid_at(*period))
        .collect();
    // Groups come by period.
    let (first, last) = (outside.first()?, outside.last()?);
    Some(format!(
        "outside the scale: {} commitments are of periods from {} to {}, and {} version {} begins with {}{}: does \
         the mapping read the dates right? (Another version of the scale may be for them)",
        outside.len(),
        first.label(),
        last.label(),
        manifest.id(),
        manifest.version().0,
        manifest.validity().from.label(),
        manifest
            .validity()
            .until
            .map_or_else(String::new, |until| format!(
                " and ends with {}",
                until.label()
            )),
    ))
}

/// Reads a file of records; refused rows go to `rejects`.
pub(crate) fn read(
    input: &Path,
    plan: &Plan,
    subjects: Option<usize>,
    rejects: Option<&Path>,
) -> anyhow::Result<Reading> {
    let bar = screen::working("reading records");
    let options = ReadOptions {
        first_subjects: subjects,
        now: Some(plan.present(merits_party::unix_millis()).latest()),
    };
    let reading =
        merits_records::read_file_with_rejects(input, plan, options, rejects, &mut |rows| {
            bar.set_message(format!("reading records: {rows}"));
        })
        .with_context(|| format!("records {}", input.display()))?;
    bar.finish_and_clear();
    Ok(reading)
}

fn signing_key(config: &SourceConfig) -> anyhow::Result<ed25519_dalek::SigningKey> {
    Ok(merits_keyfile::signing_key(
        &config.signing_key,
        KeyKind::Signing,
    )?)
}
