//! What commands of other roles need on a large ledger, each in a process of its own.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use merits_coordinator::Config;
use merits_party::lookup::find_entry;
use merits_replica::{Client, Follower, Replica};
use merits_verifier::log::LogKey;

use super::told::tell;

/// A part of a role's command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Step {
    /// Opens a copy that is up to date and asks the log for more, as commands and servers of all parties begin.
    Begin,
    /// Finds an entry by the first digits of its id, as `merits supervisor open` and `merits distributor disclose` do.
    Find,
    /// Writes the kit of the ledger.
    Kit,
    /// Verifies all batches, as `merits sponsor verify` does without asking the Verifier.
    Sponsor,
    /// Audits the log, as `merits clearing audit` does without asking the Verifier.
    Clearing,
}

impl Step {
    pub(super) const ALL: [Self; 5] = [
        Self::Begin,
        Self::Find,
        Self::Kit,
        Self::Sponsor,
        Self::Clearing,
    ];

    /// As the arguments and the table name it.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Begin => ("begin", "a role's copy: opened and followed"),
            Self::Find => ("find", "an entry found by its first digits"),
            Self::Kit => ("kit", "a kit, which reads all leaves"),
            Self::Sponsor => ("sponsor", "sponsor: verifies all batches"),
            Self::Clearing => ("clearing", "clearing bank: audits the log"),
        }
    }

    /// Whether its time must not grow with the log. The others read all of it, and only their memory may not grow.
    pub(super) fn is_short(self) -> bool {
        matches!(self, Self::Begin | Self::Find)
    }
}

/// What the hidden command takes.
#[derive(Debug, Args)]
pub(super) struct Act {
    /// What is done
    #[arg(long, value_enum)]
    step: Step,
    /// A configuration with the ledger's founding facts
    #[arg(long)]
    config: PathBuf,
    /// The copy
    #[arg(long)]
    replica: PathBuf,
    /// The log's key
    #[arg(long)]
    log_key: String,
    /// The coordinator
    #[arg(long)]
    coordinator: String,
}

impl Act {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let policy = Config::load(&self.config)?.policy()?;
        let key = LogKey::parse(&self.log_key)?;
        let start = Instant::now();
        let replica = Replica::open(&self.replica, key.clone(), policy, &mut rand::rng())?;
        let size = replica.size();
        ensure!(size > 0, "the copy is empty");
        match self.step {
            Step::Find => {
                let middle = replica.leaf(size / 2)?.context("a leaf")?.entry.id();
                let digits = &middle.to_hex()[..16];
                ensure!(find_entry(&replica, digits)? == middle, "another entry");
            }
            Step::Kit => {
                let directory = tempfile::tempdir()?;
                let written = replica.write_kit(directory.path())?;
                ensure!(written > 0, "an empty kit");
            }
            Step::Begin | Step::Sponsor | Step::Clearing => {
                let client = Client::connect(&self.coordinator, key).await?;
                let follower = Follower::new(client, replica);
                match self.step {
                    Step::Sponsor => {
                        let report = merits_sponsor::net::verify(&follower, false).await?;
                        ensure!(report.faults.is_empty(), "{:?}", report.faults);
                    }
                    Step::Clearing => {
                        let report = merits_clearing::net::audit_log(&follower, None).await?;
                        ensure!(report.is_clean(), "{report:?}");
                    }
                    _ => {
                        follower.sync().await?;
                    }
                }
            }
        }
        tell(start)?;
        Ok(ExitCode::SUCCESS)
    }
}
