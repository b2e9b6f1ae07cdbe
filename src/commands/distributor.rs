//! `merits distributor`: collect, prove, submit, forget, disclose.

mod cabinet;
mod station;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use merits_distributor::{
    config::DistributorConfig,
    consents::Wait,
    depositing::DepositReport,
    publishing::Published,
    store::Imported,
    summary::{Outcome, RunSummary},
};
use merits_guard::output::Output;
use merits_ledger::{Role, entry::PartyAdmitted};
use merits_party::identity::{Identity, make_keys};
use merits_records::{
    bundle::{FileKind as _, Links},
    disclosure::Disclosure,
};
use merits_text::typed::argument;

use self::cabinet::Cabinet;
pub(crate) use self::station::Station;
use super::hand_over;
use super::source::{NOTHING, PARTLY, admit_rejects};
use crate::{
    outputs,
    screen::{self, VOUCHED, thousands},
};

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
    /// Publish the terms that people consent to; without a file, list those that stand
    Terms {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Write terms to begin with into this new file, to be read and mended
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
        /// Read only the first so many subjects
        #[arg(long)]
        subjects: Option<usize>,
    },
    /// Take in records, prove, submit; goes on with whatever an earlier run left
    Run(RunArguments),
    /// Counts of the store and the receipts it holds
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
        /// Copy to make; none is overwritten. It opens with the master key only: keep that apart
        #[arg(long)]
        output: PathBuf,
    },
    /// Put a checked copy where the configuration's store is to be; a store that is there stays
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
        #[arg(long)]
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
    /// Read only the first so many subjects
    #[arg(long)]
    pub(crate) subjects: Option<usize>,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    apply(&DistributorConfig::load(&config)?)
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
                let station = Station::open(&config).await?;
                let done = links(&station, input.as_deref(), &source, &output, subjects).await;
                station.close(done).await?;
            }
            Self::Terms {
                config,
                write,
                publish,
            } => terms(&config, write.as_deref(), publish.as_deref()).await?,
            Self::Tickets { config, import } => return tickets(&config, &import).await,
            Self::Run(arguments) => {
                admit(&arguments)?;
                let station = Station::open(&arguments.config).await?;
                let done = station.run(&arguments).await;
                let summary = station.close(done).await?;
                print(&summary);
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
                let cabinet = Cabinet::existing(&config).await?;
                let done = cabinet.status(&config, receipts.as_deref()).await;
                cabinet.close(done).await?;
            }
            Self::Forget { config, subject } => {
                let config = DistributorConfig::load(&config)?;
                let cabinet = Cabinet::existing(&config).await?;
                let done = cabinet.store().forget(&subject).await;
                let forgotten = cabinet
                    .close(done.map_err(Into::into))
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
                let copied = cabinet::copy(&config, &config.store, &output).await?;
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
                let copied = cabinet::copy(&config, &backup, &config.store).await?;
                println!(
                    "restored {}: {} accounts, {} deeds, {} batches on their way. Forget again who was \
                     forgotten after this backup, and take in again what came after it, tickets and records; \
                     what the ledger has already it refuses, claim by claim. Receipts of claims that were made \
                     after this backup are not in it, and their records cannot be disclosed any more",
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
                let station = Station::open(&config).await?;
                let done = async {
                    let entry = station.find_entry(&entry)?;
                    let request = request.as_deref();
                    station.disclose(entry, claim, request, &output).await
                }
                .await;
                station.close(done).await?;
                println!("wrote {}", output.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Refuses a run whose rejects file is something that it reads or keeps.
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

/// Writes pseudonyms for a source.
async fn links(
    station: &Station,
    input: Option<&Path>,
    source: &str,
    output: &Path,
    subjects: Option<usize>,
) -> anyhow::Result<()> {
    let written = if station.has_tickets()? {
        let links = station.ticket_links(source, output).await?;
        for account in &links.disputed {
            println!("left out: {account}: two people gave tickets for this account");
        }
        links.links.len()
    } else {
        let input = input.context("which accounts? Give --input with their records")?;
        station.links(input, source, output, subjects)?
    };
    println!(
        "wrote pseudonyms of {written} accounts to {}",
        output.display()
    );
    if station.vouched() {
        println!("{VOUCHED}");
    }
    Ok(())
}

async fn terms(config: &Path, write: Option<&Path>, publish: Option<&Path>) -> anyhow::Result<()> {
    if let Some(output) = write {
        outputs::of_configuration(config).admit(output, "the terms")?;
        Output::check(output, station::TERMS)?;
    }
    let station = Station::open(config).await?;
    let done = terms_of(&station, write, publish).await;
    station.close(done).await
}

async fn terms_of(
    station: &Station,
    write: Option<&Path>,
    publish: Option<&Path>,
) -> anyhow::Result<()> {
    if let Some(path) = write {
        station.write_terms(path)?;
        println!("wrote {}: read it, mend it, publish it", path.display());
    } else if let Some(path) = publish {
        match station.publish_terms(path).await? {
            Published::Now(entry) => println!("published: entry {entry}"),
            Published::Before(entry) => println!("published before: entry {entry}"),
        }
    } else {
        let published = station.published_terms()?;
        for (digest, entry) in &published {
            println!("terms {}: entry {entry}", hex::encode(digest));
        }
        if published.is_empty() {
            println!(
                "no terms are published: `merits distributor terms --write terms.toml` begins"
            );
        }
    }
    Ok(())
}

/// Takes tickets in and deposits them. Fails when one was refused.
async fn tickets(config: &Path, import: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let station = Station::open(config).await?;
    let done = tickets_of(&station, import).await;
    let refused = station.close(done).await?;
    Ok(if refused == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Answers how many were refused.
async fn tickets_of(station: &Station, import: &[PathBuf]) -> anyhow::Result<usize> {
    ensure!(
        station.has_tickets()?,
        "the ledger takes no tickets: its accounts are in custody"
    );
    let mut refused = 0;
    station
        .import_tickets(import, &mut |path, outcome| {
            let path = path.display();
            match outcome {
                Ok(Imported::New) => println!("{path}: taken in"),
                Ok(Imported::Known) => println!("{path}: known"),
                Ok(Imported::Again) => println!("{path}: taken in again, it was refused before"),
                Ok(Imported::Standing) => {
                    println!("{path}: not needed, another ticket of the account stands");
                }
                Ok(Imported::Over) => {
                    refused += 1;
                    println!("REFUSED {path}: it lapsed or was taken back; a new one is needed");
                }
                Ok(Imported::LooksLike(known)) => {
                    refused += 1;
                    println!(
                        "REFUSED {path}: its account has no records here and looks like {known:?}, which has: \
                         find out whether they are one person's. If they are two people, name the new one in \
                         `distinct_accounts` of the configuration and import again; if not, the person has to \
                         consent anew, by the account's right name"
                    );
                }
                Err(fault) => {
                    refused += 1;
                    println!("REFUSED {path}: {fault}");
                }
            }
        })
        .await?;
    let report = station.deposit().await?;
    print_deposits(&report);
    let counts = station.tickets().await?;
    println!(
        "{} tickets deposited now; {} on the ledger to claim with",
        report.deposited, counts.deposited
    );
    Ok(refused + report.refused.len() + report.damaged.len())
}

fn print_deposits(report: &DepositReport) {
    for (entry, fault) in &report.refused {
        println!("REFUSED ticket {entry}: {fault}");
    }
    for entry in &report.damaged {
        println!("REFUSED ticket {entry}: the store's copy of it is damaged; hand it in again");
    }
}

/// The application of a party that is new; its keys are made here.
pub(crate) fn apply(config: &DistributorConfig) -> anyhow::Result<PartyAdmitted> {
    make_keys(&config.keys.signing, &config.keys.sealing, &mut rand::rng())?;
    Ok(identity(config)?.application(&[Role::Distributor]))
}

pub(crate) fn identity(config: &DistributorConfig) -> anyhow::Result<Identity> {
    Ok(Identity::load(
        config.ledger.origin()?,
        &config.name,
        &config.keys.signing,
        &config.keys.sealing,
    )?)
}

fn print(summary: &RunSummary) {
    let (rows, ingest) = (&summary.reading, &summary.ingest);
    println!(
        "{} rows read, {} rejected; {} new claims taken in, {} known, {} not taken",
        thousands(rows.rows),
        thousands(rows.rejected),
        ingest.ingested,
        ingest.known,
        ingest.untaken.len()
    );
    for group in &summary.refused_groups {
        println!("refused: {group}");
    }
    for untaken in &ingest.untaken {
        println!("not taken: {untaken}");
    }
    println!(
        "{} proofs over {} claims in {}; {} batches acknowledged",
        summary.proved.proofs,
        summary.proved.claims,
        screen::seconds(summary.proved.elapsed),
        summary.submitted.acknowledged
    );
    for (entry, fault) in &summary.submitted.refused {
        println!("REFUSED {entry}: {fault}");
    }
    print_consents(summary);
    if summary.lost_earnings > 0 {
        println!(
            "LOST: the store does not have any more what {} claims on the ledger earn: restore it from a copy",
            thousands(summary.lost_earnings)
        );
    }
    if summary.outcome() == Outcome::Nothing {
        println!("NOTHING WAS TAKEN IN OR CLAIMED");
    }
}

/// What the run heard of people's consents, and what waits.
fn print_consents(summary: &RunSummary) {
    print_deposits(&summary.deposits);
    for erased in &summary.followed.erased {
        println!(
            "consent taken back: {} in {}: {} deeds dropped, the records of {} on the ledger \
             deleted; their proofs still verify",
            erased.subject.as_deref().unwrap_or("a forgotten account"),
            erased.period.label(),
            erased.records.dropped,
            erased.records.shredded
        );
    }
    if summary.followed.lapsed > 0 {
        println!("{} tickets lapsed", summary.followed.lapsed);
    }
    let waiting = &summary.formed.waiting;
    for (reason, count) in &waiting.without_terms {
        println!("waiting: {count}: {reason}");
    }
    for aside in &summary.aside {
        println!("waiting: {aside}");
    }
    if summary.submitted.damaged > 0 {
        println!(
            "{} proven batches were damaged in the store and are proven again",
            summary.submitted.damaged
        );
    }
    for (reason, count) in &waiting.counts {
        println!("waiting: {count}: {reason}");
    }
    for (account, period) in &waiting.other_person {
        println!(
            "waiting: {account} in {}: {}",
            period.label(),
            Wait::OtherPerson
        );
    }
}
