//! `merits wallet custody-credits`: accounts whose secrets a distributor derives, on a ledger
//! without tickets, read with its seed alone.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use merits_keyfile::KeyKind;
use merits_primitives::ids::Credits;
use merits_text::typed::argument;
use merits_wallet::net::custody_credits;

use crate::screen::thousands;

/// What `custody-credits` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Seed file
    #[arg(long)]
    seed: PathBuf,
    /// An account under the seed; repeat for several
    #[arg(long = "account", required = true, value_parser = argument)]
    accounts: Vec<String>,
    /// Configuration file of any role: its `[ledger]` table names the copy
    #[arg(long)]
    ledger: PathBuf,
}

impl Arguments {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let replica = merits_party::config::ledger_of(&self.ledger)?
            .open()
            .await?;
        let seed = merits_keyfile::load(&self.seed, KeyKind::Custody)?;
        let found = custody_credits(&replica, &seed, &self.accounts)?;
        for credit in &found {
            let measured = credit.measure.map_or_else(String::new, |measure| {
                format!(" and {} {}", thousands(measure.0), credit.measure_unit)
            });
            println!(
                "{}  {}  {} credits{measured}  (entry {}, claim {})",
                credit.account,
                credit.period,
                thousands(credit.credits.0),
                credit.entry,
                credit.claim
            );
        }
        let sum = found.iter().fold(Credits::ZERO, |sum, credit| {
            sum.saturating_add(credit.credits)
        });
        println!("{} claims, {} credits", found.len(), thousands(sum.0));
        Ok(ExitCode::SUCCESS)
    }
}
