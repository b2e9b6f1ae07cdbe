//! `merits distributor`: collect, prove, submit, forget, disclose.

mod cabinet;
mod station;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use merits_distributor::{config::DistributorConfig, summary::RunSummary};
use merits_ledger::Role;

use self::cabinet::Cabinet;
pub(crate) use self::station::Station;
use crate::{
    identity::{Identity, write_handover},
    screen::{self, thousands},
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
    /// Write the pseudonyms of the accounts in a file of records, for their source
    Links {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Records: CSV or JSON Lines, as the configuration's mapping says
        #[arg(long)]
        input: PathBuf,
        /// The source, by name or id
        #[arg(long)]
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
        #[arg(long)]
        subject: String,
    },
    /// Write records and salt behind one claim, for the supervisor that opened it or the person
    Disclose {
        /// Configuration file; parties/distributor/distributor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Entry id of the batch; its first digits are enough
        #[arg(long)]
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
        /// The person asks for the own records; no supervisor does
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
    #[arg(long, requires = "input")]
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
                let identity = identity(&DistributorConfig::load(&config)?)?;
                write_handover(&identity.application(&[Role::Distributor]), &output)?;
            }
            Self::Links {
                config,
                input,
                source,
                output,
                subjects,
            } => {
                let station = Station::open(&config).await?;
                let written = station.links(&input, &source, &output, subjects)?;
                println!(
                    "wrote pseudonyms of {written} accounts to {}",
                    output.display()
                );
            }
            Self::Run(arguments) => {
                let station = Station::open(&arguments.config).await?;
                let summary = station.run(&arguments).await?;
                print(&summary);
                ensure!(
                    summary.submitted.refused.is_empty(),
                    "the ledger refused {} batches",
                    summary.submitted.refused.len()
                );
            }
            Self::Status { config, receipts } => {
                let config = DistributorConfig::load(&config)?;
                Cabinet::existing(&config)
                    .await?
                    .status(receipts.as_deref())
                    .await?;
            }
            Self::Forget { config, subject } => {
                let config = DistributorConfig::load(&config)?;
                let forgotten = Cabinet::existing(&config)
                    .await?
                    .store()
                    .forget(&subject)
                    .await?
                    .with_context(|| format!("the store knows no subject {subject:?}"))?;
                println!(
                    "forgot {subject}: {} deeds dropped before they were proven, {} on the ledger \
                     whose records are gone; their proofs still verify",
                    forgotten.dropped, forgotten.shredded
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
                let station = Station::open(&config).await?;
                let entry = station.find_entry(&entry)?;
                let request = request.as_deref();
                station.disclose(entry, claim, request, &output).await?;
                println!("wrote {}", output.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(crate) fn identity(config: &DistributorConfig) -> anyhow::Result<Identity> {
    Identity::load(
        config.ledger.origin()?,
        &config.name,
        &config.keys.signing,
        &config.keys.sealing,
    )
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
}
