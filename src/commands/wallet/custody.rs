//! `merits wallet custody-credits`: accounts whose secrets a distributor derives, on a ledger
//! without tickets, read with nothing but its seed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::ensure;
use clap::Args;
use merits_keyfile::KeyKind;
use merits_params::manifest::Manifest;
use merits_replica::Replica;
use merits_text::typed::argument;
use merits_wallet::credits::{Accounts, OwnCredit};

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
        ensure!(
            replica.size() > 0,
            "the copy of the log in {} is empty: let its role bring it up to date first, for \
             instance by `merits sponsor verify`",
            replica.directory().display()
        );
        let found = credits(&replica, &self.seed, &self.accounts)?;
        for credit in &found {
            println!(
                "{}  {}  {} credits{}  (entry {}, claim {})",
                credit.account,
                credit.scope.period.label(),
                thousands(credit.credits.0),
                measured(&replica, credit)?,
                credit.entry,
                credit.claim
            );
        }
        let sum: u64 = found.iter().map(|credit| credit.credits.0).sum();
        println!("{} claims, {} credits", found.len(), thousands(sum));
        Ok(ExitCode::SUCCESS)
    }
}

/// What a claim measured beside its credits, in the unit of its scale's measure; empty for a scale
/// without one.
fn measured(replica: &Replica, credit: &OwnCredit) -> anyhow::Result<String> {
    let Some(measure) = credit.measure else {
        return Ok(String::new());
    };
    let scales = replica.state()?.scales();
    let record = scales
        .by_asset(credit.scope.asset)
        .and_then(|(_, scale)| scale.in_force(credit.scope.period.index));
    let manifest = record.map(|record| Manifest::from_approved(&record.terms.manifest));
    let manifest = manifest.transpose()?;
    let unit = manifest.as_ref().and_then(Manifest::measure);
    let unit = unit.map_or("", |measure| measure.unit.as_str());
    Ok(format!(" and {} {unit}", thousands(measure)))
}

/// The own credits, from the seed and the copy alone: even the terms that were consented to stand
/// in the manifests on the ledger.
fn credits(replica: &Replica, seed: &Path, accounts: &[String]) -> anyhow::Result<Vec<OwnCredit>> {
    let seed = merits_keyfile::load(seed, KeyKind::Custody)?;
    let state = replica.state()?;
    let mut terms = BTreeSet::new();
    for (_, scale) in state.scales().iter() {
        for version in &scale.versions {
            terms.insert(Manifest::from_approved(&version.terms.manifest)?.terms_digest());
        }
    }
    let mut found = Vec::new();
    for terms in terms {
        let accounts = Accounts::derive(
            &seed,
            accounts.iter().cloned(),
            state.origin().clone(),
            terms,
        );
        let mut search = accounts.search();
        for leaf in replica.leaves() {
            let (_, leaf) = leaf?;
            let id = leaf.entry.id();
            if let Some(batch) = merits_wallet::ledger::public_batch(state, id, &leaf.entry) {
                for claim in search.batch(&batch) {
                    found.push(claim?);
                }
            }
        }
    }
    Ok(found)
}
