//! `merits source`: commit to records, sign the commitments.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use merits_guard::{output::Output, protected::Protected};
use merits_party::machine_time;
use merits_primitives::{
    calendar::Date,
    ids::{Period, PeriodKind},
};
use merits_records::{
    Plan, REJECTS, ReadOptions, Reading,
    bundle::{Bundle, FileKind as _},
    reading::Edge,
};
use merits_source::{
    FileSigning, Outcome, Signing, SigningStep, SourceConfig, complete_span::CompleteSpan,
    wholeness::RejectShare,
};

use super::{dates, hand_over, numbers};
use crate::{inputs, outputs, screen};

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
    /// Commit to each subject's records of each period that the file covers in full, and sign. Exit
    /// code 0: everything was signed; 3: a part was signed (the rest is named); 4: nothing was
    /// signed
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
        /// Take a new account that looks like a linked one: you have checked that it is another
        /// person's
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
    /// Read only this many subjects, the first ones
    #[arg(long, value_parser = numbers::subjects)]
    pub(crate) subjects: Option<usize>,
    /// The file is complete from the beginning of this day (2016-05-01) on: periods that begin then
    /// or later are signed although nothing in the file comes before them. A day of the scale's
    /// periods that has come
    #[arg(long, value_parser = dates::day)]
    pub(crate) complete_from: Option<Date>,
    /// The file is complete up to the end of this day (2016-05-31): periods that end by then are
    /// signed although nothing in the file comes after them. A day of the scale's periods that is
    /// over
    #[arg(long, value_parser = dates::day)]
    pub(crate) complete_until: Option<Date>,
    /// Sign nothing if more rows in a hundred than this are rejected, if not the configuration's
    /// `most_rejects_percent` [default: 5]
    #[arg(long, value_parser = numbers::percent)]
    pub(crate) most_rejects_percent: Option<u8>,
    /// Report what would be signed, and sign and write nothing but the rejects file
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Begin a mark for a register that has none. Only if the register is whole for certain: what it lacks would be signed
    /// a second time
    #[arg(long)]
    pub(crate) begin_register_mark: bool,
}

/// Exit code of a signing or a distributor's run that left something out.
pub(super) const PARTLY: u8 = 3;

/// Exit code of a signing that signed nothing, or of a run that did none of its work.
pub(super) const NOTHING: u8 = 4;

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(SourceConfig::load(&config)?.apply(&mut rand::rng())?)
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

/// Prints what a signing did, or would do.
fn tell(arguments: &SignArguments, signing: &Signing) -> ExitCode {
    let (rows, rejected) = (signing.rows.rows, signing.rows.rejected);
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
    for (reason, count) in &signing.rows.reasons {
        println!("rejected: {count}: {reason}");
    }
    if rejected > 0 && arguments.rejects.is_none() {
        println!("--rejects FILE names each rejected row with its reason");
    }
    for group in &signing.refused_groups {
        println!("refused: {group}");
    }
    let of = |row: Edge| format!("{} (line {})", row.moment.date(), row.line);
    // One row may have a wrong date, so the third row decides.
    let third = |row: Option<Edge>| {
        row.map_or_else(
            || ", fewer than three rows".to_owned(),
            |row| format!(", the third of {}", of(row)),
        )
    };
    for (period, subjects) in &signing.partial.no_beginning {
        let oldest = signing.span.map_or_else(String::new, |span| {
            format!(
                "the oldest row is of {}{}, and ",
                of(span.first),
                third(span.begins())
            )
        });
        println!(
            "no beginning: {} of {subjects} accounts: {oldest}a signature over a part of a period is final. \
             Sign a file that begins with it, or say --complete-from {} if nothing is missing",
            period.label(),
            day(period.first_day())
        );
    }
    for (period, subjects) in &signing.partial.not_over {
        let newest = signing.span.map_or_else(String::new, |span| {
            format!(
                "the newest row is of {}{}, and ",
                of(span.last),
                third(span.ends())
            )
        });
        println!(
            "not over: {} of {subjects} accounts: {newest}a signature over a part of a period is final. Sign \
             a file that goes on after it, or say --complete-until {} if nothing is missing",
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
            "NOTHING WAS SIGNED: {} were rejected, more than {} in a hundred. Is it the right file, and does the \
             mapping fit it? --most-rejects-percent signs all the same",
            RejectShare::new(&signing.rows),
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
    match signing.outcome() {
        Outcome::Nothing => {
            println!("NOTHING WAS SIGNED");
            NOTHING.into()
        }
        Outcome::Whole => ExitCode::SUCCESS,
        Outcome::Partly => PARTLY.into(),
    }
}

fn day(days: i64) -> String {
    let days = u32::try_from(days).unwrap_or_default();
    Period::of_day(PeriodKind::Day, days).label()
}

/// Takes links in and prints the result for each.
async fn link(
    config: &Path,
    import: &[PathBuf],
    replace: bool,
    distinct: bool,
) -> anyhow::Result<ExitCode> {
    let config = SourceConfig::load(config)?;
    inputs::remark_people(import.iter().map(PathBuf::as_path));
    let report = config
        .import_links(import, replace, distinct, machine_time())
        .await?;
    for file in &report.files {
        match &file.outcome {
            Ok((account, linked)) => println!("{account}: {linked}"),
            Err(fault) => println!("REFUSED {}: {fault}", file.path.display()),
        }
    }
    println!(
        "{} links written to {}, {} refused; {} accounts have one",
        report.linked(),
        report.path.display(),
        report.refused(),
        report.accounts
    );
    Ok(if report.refused() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Refuses a signing if two of its outputs are the same file, or if one is a file that the source
/// needs.
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

/// Refuses a rejects file that is one of these files, or that must not be written.
pub(crate) fn admit_rejects(kept: &mut Protected, rejects: Option<&Path>) -> anyhow::Result<()> {
    if let Some(path) = rejects {
        kept.admit(path, "the rejects file")?;
        Output::check(path, REJECTS)?;
    }
    Ok(())
}

/// Reads the records, and signs commitments to those that are complete.
pub(crate) fn sign(arguments: &SignArguments) -> anyhow::Result<Signing> {
    let config = SourceConfig::load(&arguments.config)?;
    admit(arguments)?;
    let manifest = merits_issuer::read_manifest(&config.scale)?;
    let said = CompleteSpan {
        complete_from: arguments.complete_from,
        complete_until: arguments.complete_until,
    };
    inputs::remark_people(arguments.links.as_deref());
    let file = FileSigning {
        input: &arguments.input,
        links: arguments.links.as_deref(),
        output: &arguments.output,
        rejects: arguments.rejects.as_deref(),
        subjects: arguments.subjects,
        said,
        most_rejects_percent: arguments.most_rejects_percent,
        dry_run: arguments.dry_run,
        begin_register_mark: arguments.begin_register_mark,
    };
    let (reading, mut signing) = (screen::working(READING), None);
    let mut progress = |step| match step {
        SigningStep::Rows(rows) => reading.set_message(format!("{READING}: {rows}")),
        SigningStep::Signed { done, total } => {
            reading.finish_and_clear();
            signing
                .get_or_insert_with(|| screen::progress(total as u64, "signing commitments"))
                .set_position(done as u64);
        }
        _ => {}
    };
    let rng = &mut rand::rng();
    let signed = config.sign(&manifest, &file, machine_time(), rng, &mut progress);
    reading.finish_and_clear();
    if let Some(bar) = signing {
        bar.finish_and_clear();
    }
    Ok(signed?)
}

const READING: &str = "reading records";

/// Reads a file of records; refused rows go to `rejects`.
pub(crate) fn read(
    input: &Path,
    plan: &Plan,
    subjects: Option<usize>,
    rejects: Option<&Path>,
) -> anyhow::Result<Reading> {
    let bar = screen::working(READING);
    let options = ReadOptions {
        first_subjects: subjects,
        now: Some(plan.present(machine_time()).latest()),
    };
    let reading =
        merits_records::read_file_with_rejects(input, plan, options, rejects, &mut |rows| {
            bar.set_message(format!("{READING}: {rows}"));
        })
        .with_context(|| format!("records {}", input.display()))?;
    bar.finish_and_clear();
    Ok(reading)
}
