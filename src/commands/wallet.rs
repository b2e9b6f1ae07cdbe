//! `merits wallet`: what an owner reads from the ledger with nothing but the seed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Subcommand;
use merits_keyfile::KeyKind;
use merits_primitives::ids::sha256;
use merits_replica::Replica;
use merits_wallet::credits::{Accounts, OwnCredit};

use crate::screen::thousands;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find and decrypt the own credits in a verified copy of the ledger, offline
    Credits {
        /// Seed file
        #[arg(long)]
        seed: PathBuf,
        /// An account under the seed; repeat for several
        #[arg(long = "account", required = true)]
        accounts: Vec<String>,
        /// The terms that were consented to
        #[arg(long)]
        terms: PathBuf,
        /// Configuration file of any role: its [ledger] table names the copy
        #[arg(long)]
        ledger: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Credits {
            seed,
            accounts,
            terms,
            ledger,
        } = self;
        let replica = super::ledger_of(&ledger)?.open().await?;
        let found = credits(&replica, &seed, accounts, &terms)?;
        for credit in &found {
            println!(
                "{}  {}  {} credits  (entry {}, claim {})",
                credit.account,
                credit.scope.period.label(),
                thousands(credit.credits.0),
                credit.entry,
                credit.claim
            );
        }
        let sum: u64 = found.iter().map(|credit| credit.credits.0).sum();
        println!("{} claims, {} credits", found.len(), thousands(sum));
        Ok(ExitCode::SUCCESS)
    }
}

/// The own credits, from the seed and the copy alone.
pub(crate) fn credits(
    replica: &Replica,
    seed: &Path,
    accounts: Vec<String>,
    terms: &Path,
) -> anyhow::Result<Vec<OwnCredit>> {
    let seed = merits_keyfile::load(seed, KeyKind::Seed)?;
    let terms = fs::read(terms).with_context(|| format!("terms {}", terms.display()))?;
    let state = replica.state()?;
    let accounts = Accounts::derive(&seed, accounts, state.origin().clone(), sha256(&terms));
    let mut search = accounts.search();
    let mut found = Vec::new();
    for (_, leaf) in replica.leaves() {
        let id = leaf.entry.id();
        if let Some(batch) = merits_wallet::ledger::public_batch(state, id, &leaf.entry) {
            for claim in search.batch(&batch) {
                found.push(claim?);
            }
        }
    }
    Ok(found)
}
