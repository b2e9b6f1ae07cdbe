//! `merits mark`: makes the high-water mark of a party's copy of the log again after it was lost.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use crate::screen::thousands;

/// What `merits mark` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Configuration file of any role: its `[ledger]` table says which copy and which mark
    #[arg(long)]
    config: PathBuf,
    /// Newest checkpoint that any party has, as `checkpoint.txt` in its copy of the log
    #[arg(long)]
    checkpoint: PathBuf,
    /// The mark of the copy that this role's commands keep beside its server's
    #[arg(long)]
    commands: bool,
}

impl Arguments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let ledger = merits_party::config::ledger_of(&self.config)?;
        let ledger = if self.commands {
            ledger.of_commands()
        } else {
            ledger
        };
        let size = ledger.begin_mark(&self.checkpoint).await?;
        println!(
            "began {} at {} entries",
            ledger.high_water_mark.unwrap_or_default().display(),
            thousands(size)
        );
        Ok(ExitCode::SUCCESS)
    }
}
