//! `merits distributor`: collect, prove, submit, forget, disclose.

mod printing;
mod progress;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use merits_distributor::{
    Distributor, DistributorError, LinksReport, OpenStore, RecordsInput, Surroundings, TERMS,
    config::DistributorConfig,
    progress::Event,
    publishing::Published,
    summary::{Outcome, RunSummary},
};
use merits_guard::output::Output;
use merits_party::{identity::PartyConfig as _, machine_time, stop_signal};
use merits_records::{
    bundle::{FileKind as _, Links},
    disclosure::Disclosure,
};
use merits_supervisor::request::RequestFile;
use merits_text::typed::argument;
use rand::rngs::StdRng;

use super::{
    hand_over, numbers,
    source::{NOTHING, PARTLY, admit_rejects},
};
use crate::{inputs, outputs, screen::thousands};
use progress::Bars;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Publish the terms that people consent to; without a file, list those in force
    Terms {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Write draft terms into this new file, for you to read and correct
        #[arg(long, conflicts_with = "publish")]
        write: Option<PathBuf>,
        /// Publish this file on the ledger, for everybody to read
        #[arg(long)]
        publish: Option<PathBuf>,
    },
    /// Take people's tickets in and deposit them on the ledger
    Tickets {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Tickets, as `merits wallet consent` writes them; without them, those that wait are deposited
        #[arg(long, num_args = 1..)]
        import: Vec<PathBuf>,
    },
    /// Write pseudonyms of accounts, for a source that cannot link people itself
    Links {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Records: CSV or JSON Lines, as the configuration's mapping says. Only on a ledger in
        /// custody; on others the accounts are those that gave tickets
        #[arg(long)]
        input: Option<PathBuf>,
        /// The source, by name or id
        #[arg(long, value_parser = argument)]
        source: String,
        /// Pseudonyms to write, for the source
        #[arg(long)]
        output: PathBuf,
        /// Read only this many subjects, the first ones
        #[arg(long, value_parser = numbers::subjects)]
        subjects: Option<usize>,
    },
    /// Take in records, prove, submit; continues with what an earlier run left
    Run(RunArguments),
    /// Show what the store holds, in counts, and its receipts
    Status {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Write all receipts into this directory
        #[arg(long)]
        receipts: Option<PathBuf>,
    },
    /// Delete a subject's key, and with it all its records
    Forget {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Account as the records name it
        #[arg(long, value_parser = argument)]
        subject: String,
    },
    /// Copy the store, also beside a running `run`, and check the copy. It is as private as the records, and
    /// what is forgotten later stays in it
    Backup {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Copy to make; an existing file is not overwritten. Only the master key opens it: keep
        /// that elsewhere
        #[arg(long)]
        output: PathBuf,
    },
    /// Put a checked copy where the configuration wants its store; an existing store is not
    /// replaced
    Restore {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Copy that `merits distributor backup` made
        #[arg(long)]
        backup: PathBuf,
    },
    /// Write records and salt behind one claim, for the supervisor that opened it or the person
    Disclose {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Entry id of the batch; its first digits are enough
        #[arg(long, value_parser = argument)]
        entry: String,
        /// Claim in it, from 0
        #[arg(long, value_parser = numbers::claim)]
        claim: u16,
        /// Request file of the supervisor that opened the claim: the log must hold its request
        #[arg(
            long,
            required_unless_present = "person_asks",
            conflicts_with = "person_asks"
        )]
        request: Option<PathBuf>,
        /// The person asks for their own records; no supervisor does
        #[arg(long)]
        person_asks: bool,
        /// Disclosure to write
        #[arg(long)]
        output: PathBuf,
    },
}

/// What a run takes.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Configuration file; parties/distributor/distributor.sample.toml explains every key
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// Records to take in first; without them, only what is in the store goes on
    #[arg(long, requires = "bundle")]
    pub(crate) input: Option<PathBuf>,
    /// The source's signed commitments to these records
    #[arg(long, requires = "source")]
    pub(crate) bundle: Option<PathBuf>,
    /// The source, by name or id
    #[arg(long, requires = "input", value_parser = argument)]
    pub(crate) source: Option<String>,
    /// Rows that could not be read, with line, column, value and reason
    #[arg(long)]
    pub(crate) rejects: Option<PathBuf>,
    /// Read only this many subjects, the first ones
    #[arg(long, value_parser = numbers::subjects)]
    pub(crate) subjects: Option<usize>,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(DistributorConfig::load(&config)?.apply(&mut rng())?)
                })?;
            }
            Self::Links {
                config,
                input,
                source,
                output,
                subjects,
            } => {
                let mut kept = outputs::of_configuration(&config);
                if let Some(input) = &input {
                    kept.keep(input, "the input");
                }
                kept.admit(&output, Links::WHAT)?;
                Output::check(&output, Links::KIND)?;
                let distributor = open(&config).await?;
                let done = links(&distributor, input.as_deref(), &source, &output, subjects).await;
                printing::links(&distributor.close(done).await?, &output);
            }
            Self::Terms {
                config,
                write,
                publish,
            } => terms(&config, write.as_deref(), publish.as_deref()).await?,
            Self::Tickets { config, import } => return tickets(&config, &import).await,
            Self::Run(arguments) => {
                admit(&arguments)?;
                let distributor = open(&arguments.config).await?;
                inputs::remark_people(arguments.bundle.as_deref());
                let done = run(&distributor, arguments.records()).await;
                let summary = distributor.close(done).await?;
                printing::run(&summary);
                return Ok(match summary.outcome() {
                    Outcome::Whole => ExitCode::SUCCESS,
                    Outcome::Partly => PARTLY.into(),
                    Outcome::Nothing => NOTHING.into(),
                });
            }
            Self::Status { config, receipts } => {
                if let Some(directory) = &receipts {
                    outputs::of_configuration(&config)
                        .admit(directory, "the folder of receipts")?;
                }
                let config = DistributorConfig::load(&config)?;
                let store = OpenStore::existing(&config, &mut rng()).await?;
                let done = status(&store, &config, receipts.as_deref()).await;
                store.close(done).await?;
            }
            Self::Forget { config, subject } => {
                let config = DistributorConfig::load(&config)?;
                let store = OpenStore::existing(&config, &mut rng()).await?;
                let done = store.forget(&subject).await;
                let forgotten = store
                    .close(done)
                    .await?
                    .with_context(|| format!("the store knows no subject {subject:?}"))?;
                println!(
                    "forgot {subject}: {} deeds dropped before they were proven, {} on the ledger \
                     whose records are gone; their proofs still verify",
                    forgotten.dropped, forgotten.shredded
                );
            }
            Self::Backup { config, output } => {
                outputs::of_configuration(&config).admit(&output, "the copy")?;
                let config = DistributorConfig::load(&config)?;
                let copied = config.copy_store(&config.store, &output).await?;
                println!(
                    "wrote {}: {} accounts, {} deeds, {} batches on their way. It is as private as the \
                     records: keep it no longer than them",
                    output.display(),
                    thousands(copied.subjects),
                    thousands(copied.deeds),
                    thousands(copied.waiting)
                );
            }
            Self::Restore { config, backup } => {
                let config = DistributorConfig::load(&config)?;
                let copied = config.copy_store(&backup, &config.store).await?;
                println!(
                    "restored {}: {} accounts, {} deeds, {} batches on their way. Repeat every `forget` \
                     since this backup, and import records and tickets that came after it. The ledger \
                     refuses claims that it already has. Receipts of later claims are not in the backup, so \
                     their records can no longer be disclosed",
                    config.store.display(),
                    thousands(copied.subjects),
                    thousands(copied.deeds),
                    thousands(copied.waiting)
                );
            }
            Self::Disclose {
                config,
                entry,
                claim,
                request,
                person_asks: _,
                output,
            } => {
                let mut kept = outputs::of_configuration(&config);
                if let Some(request) = &request {
                    kept.keep(request, "the request");
                }
                kept.admit(&output, "the disclosure")?;
                Output::check(&output, Disclosure::KIND)?;
                inputs::remark_people(request.as_deref());
                let distributor = open(&config).await?;
                let done = async {
                    let request = request.as_deref().map(RequestFile::asked).transpose()?;
                    let entry = distributor.find_entry(&entry)?;
                    distributor
                        .disclose(entry, claim, request.as_ref(), &output)
                        .await?;
                    anyhow::Ok(())
                }
                .await;
                distributor.close(done).await?;
                println!("wrote {}", output.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Refuses a run whose rejects file is a file that the run reads or keeps.
fn admit(arguments: &RunArguments) -> anyhow::Result<()> {
    let mut kept = outputs::of_configuration(&arguments.config);
    for (path, what) in [
        (&arguments.input, "the input"),
        (&arguments.bundle, "the bundle"),
    ] {
        if let Some(path) = path {
            kept.keep(path, what);
        }
    }
    admit_rejects(&mut kept, arguments.rejects.as_deref())
}

impl RunArguments {
    /// The records to take in, if there are any.
    fn records(&self) -> Option<RecordsInput> {
        Some(RecordsInput {
            records: self.input.clone()?,
            bundle: self.bundle.clone()?,
            source: self.source.clone()?,
            rejects: self.rejects.clone(),
            subjects: self.subjects,
        })
    }
}

/// Joins the ledger and opens the store of a configuration.
pub(crate) async fn open(config: &Path) -> anyhow::Result<Distributor> {
    Ok(Distributor::open(DistributorConfig::load(config)?, &mut rng()).await?)
}

/// Runs with progress bars until the end or a signal.
pub(crate) async fn run(
    distributor: &Distributor,
    records: Option<RecordsInput>,
) -> Result<RunSummary, DistributorError> {
    let stop = Arc::new(AtomicBool::new(false));
    let bars = Bars::default();
    let watch = StopWatch::default();
    let around = Surroundings {
        clock: &machine_time,
        progress: &|event: Event| {
            if event == Event::ProverLoaded {
                watch.begin(&stop);
            }
            bars.show(event);
        },
        stop: &stop,
    };
    let done = distributor.run(records.as_ref(), &around, &mut rng()).await;
    watch.end();
    bars.clear();
    done
}

/// Waits for the signal that stops a run in good order. Before proving begins, a signal ends the
/// program.
#[derive(Default)]
struct StopWatch(std::sync::OnceLock<tokio::task::AbortHandle>);

impl StopWatch {
    fn begin(&self, stop: &Arc<AtomicBool>) {
        let stop = Arc::clone(stop);
        self.0.get_or_init(|| {
            let signal = stop_signal();
            let watch = tokio::spawn(async move {
                if let Ok(signal) = signal {
                    signal.await;
                    stop.store(true, Ordering::Relaxed);
                    eprintln!("stopping after the proofs in flight; run again to go on");
                }
            });
            watch.abort_handle()
        });
    }

    fn end(&self) {
        if let Some(watch) = self.0.get() {
            watch.abort();
        }
    }
}

/// A random generator that may move between threads, seeded by the system.
pub(crate) fn rng() -> StdRng {
    rand::make_rng()
}

/// Writes pseudonyms of accounts for a source.
pub(crate) async fn links(
    distributor: &Distributor,
    input: Option<&Path>,
    source: &str,
    output: &Path,
    subjects: Option<usize>,
) -> Result<LinksReport, DistributorError> {
    let bars = Bars::default();
    let shown = |event| bars.show(event);
    let now = machine_time();
    let done = distributor
        .write_links(input, source, output, subjects, now, &shown)
        .await;
    bars.clear();
    done
}

/// Prints what the store holds; writes all receipts into a directory.
async fn status(
    store: &OpenStore,
    config: &DistributorConfig,
    receipts: Option<&Path>,
) -> Result<(), DistributorError> {
    printing::status(&store.status(config, machine_time()).await?);
    if let Some(directory) = receipts {
        let written = store.write_receipts(directory).await?;
        println!("receipts    {written} in {}", directory.display());
    }
    Ok(())
}

async fn terms(config: &Path, write: Option<&Path>, publish: Option<&Path>) -> anyhow::Result<()> {
    if let Some(output) = write {
        outputs::of_configuration(config).admit(output, "the terms")?;
        Output::check(output, TERMS)?;
    }
    let distributor = open(config).await?;
    let done = terms_of(&distributor, write, publish).await;
    Ok(distributor.close(done).await?)
}

async fn terms_of(
    distributor: &Distributor,
    write: Option<&Path>,
    publish: Option<&Path>,
) -> Result<(), DistributorError> {
    if let Some(path) = write {
        distributor.write_terms(path)?;
        println!("wrote {}: read it, correct it, publish it", path.display());
    } else if let Some(path) = publish {
        match distributor.publish_terms(path).await? {
            Published::Now(entry) => println!("published: entry {entry}"),
            Published::Before(entry) => println!("published before: entry {entry}"),
        }
    } else {
        let published = distributor.published_terms()?;
        for terms in &published {
            println!("terms {}: entry {}", terms.digest, terms.entry);
        }
        if published.is_empty() {
            println!(
                "no terms are published: `merits distributor terms --write terms.toml` writes a draft"
            );
        }
    }
    Ok(())
}

/// Takes tickets in and deposits them. Fails when one was refused.
async fn tickets(config: &Path, import: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let distributor = open(config).await?;
    inputs::remark_people(import.iter().map(PathBuf::as_path));
    let done = tickets_of(&distributor, import).await;
    let refused = distributor.close(done).await?;
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Returns how many were refused.
async fn tickets_of(
    distributor: &Distributor,
    import: &[PathBuf],
) -> Result<usize, DistributorError> {
    let reports = distributor
        .import_tickets(import, machine_time(), &mut rng())
        .await?;
    let refused = reports
        .iter()
        .map(printing::ticket)
        .filter(|taken| !taken)
        .count();
    let report = distributor.deposit().await?;
    printing::deposits(&report);
    let counts = distributor.tickets().await?;
    println!(
        "{} tickets deposited now; {} on the ledger to claim with",
        report.deposited, counts.deposited
    );
    Ok(refused + report.refused.len() + report.damaged.len())
}
