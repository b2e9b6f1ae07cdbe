//! `merits kit`: what a stranger needs to verify receipts with no network.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::outputs;

/// What `merits kit` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Configuration file of any role: its `[ledger]` table says which log, and where its copy is
    #[arg(long)]
    config: PathBuf,
    /// Directory to make
    #[arg(long)]
    output: PathBuf,
    /// Use the copy as it is, without asking the coordinator for new entries
    #[arg(long)]
    offline: bool,
}

impl Arguments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        // Receipts of another log or of an earlier day would remain among the new ones.
        ensure!(
            !self.output.exists(),
            "{} is there already: name a directory that is not",
            self.output.display()
        );
        outputs::of_configuration(&self.config).admit(&self.output, "the kit")?;
        let ledger = merits_party::config::ledger_of(&self.config)?;
        let (size, receipts) = if self.offline {
            let replica = ledger.open().await?;
            (replica.size(), replica.write_kit(&self.output)?)
        } else {
            let follower = ledger.follow().await?;
            follower.sync().await?;
            let replica = follower.replica();
            (replica.size(), replica.write_kit(&self.output)?)
        };
        println!(
            "wrote {receipts} receipts of what was admitted and approved in {size} leaves to {}",
            self.output.display()
        );
        println!(
            "its users must compare the log key in its ledger.toml with one from a place that \
             they trust: {}",
            ledger.log_key().context("in the configuration")?
        );
        Ok(ExitCode::SUCCESS)
    }
}
