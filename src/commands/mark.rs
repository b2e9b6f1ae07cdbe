//! `merits mark`: makes a mark again after it was lost: the high-water mark of a party's copy of the log, or
//! that of a holder's journal.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use merits_supervisor::config::WitnessConfig;

use crate::screen::thousands;

/// What `merits mark` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Configuration file of any role: its `[ledger]` table says which copy and which mark
    #[arg(long)]
    config: PathBuf,
    /// Newest checkpoint that any party has, as `checkpoint.txt` in its copy of the log
    #[arg(long, required_unless_present = "journal")]
    checkpoint: Option<PathBuf>,
    /// The mark of the copy that this role's commands keep beside its server's
    #[arg(long)]
    commands: bool,
    /// The mark of a supervisor's or witness's journal instead, at what the journal contains. You have looked,
    /// and no copy of the journal has more lines
    #[arg(long, conflicts_with_all = ["checkpoint", "commands"])]
    journal: bool,
}

impl Arguments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Some(checkpoint) = &self.checkpoint else {
            let (mark, lines) = WitnessConfig::of_a_holder(&self.config)?.begin_journal_mark()?;
            println!("began {} at {} lines", mark.display(), thousands(lines));
            return Ok(ExitCode::SUCCESS);
        };
        let ledger = merits_party::config::ledger_of(&self.config)?;
        let ledger = if self.commands {
            ledger.of_commands()
        } else {
            ledger
        };
        let size = ledger.begin_mark(checkpoint).await?;
        println!(
            "began {} at {} entries",
            ledger.high_water_mark.unwrap_or_default().display(),
            thousands(size)
        );
        Ok(ExitCode::SUCCESS)
    }
}
