//! `merits audit`: what anybody who follows the log can check.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use merits_ledger::{State, state::Balance};
use merits_primitives::ids::Expiry;
use merits_replica::Replica;
use merits_sponsor::offers::expiry_label;
use merits_verifier::log::Checkpoint;

use crate::screen::{VOUCHED, thousands};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare what was issued with what was redeemed, by scale and expiry bucket
    Conservation {
        /// Configuration file of any role: its `[ledger]` table says which log, and where its copy is
        #[arg(long)]
        ledger: PathBuf,
        /// Use the copy as it is, without asking the coordinator for new entries
        #[arg(long)]
        offline: bool,
    },
    /// Replay the copy of the log from nothing: every signature, proof and rule
    Replay {
        /// Configuration file of any role: its `[ledger]` table says which log, and where its copy is
        #[arg(long)]
        ledger: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Conservation { ledger, offline } => {
                let ledger = merits_party::config::ledger_of(&ledger)?;
                if offline {
                    let replica = ledger.open().await?;
                    filled(&replica)?;
                    return conservation(replica.state()?);
                }
                let follower = ledger.follow().await?;
                follower.sync().await?;
                let replica = follower.replica();
                conservation(replica.state()?)
            }
            Self::Replay { ledger } => {
                let replica = merits_party::config::ledger_of(&ledger)?.open().await?;
                let checkpoint = filled(&replica)?;
                // Nothing in the copy is trusted: leaves, tree and the stored state are all
                // checked.
                let state = &replica.replay(&mut rand::rng())?;
                ensure!(
                    state.size() == checkpoint.size,
                    "the copy has {} leaves, its checkpoint {}",
                    state.size(),
                    checkpoint.size
                );
                println!("{} leaves of {} hold", state.size(), state.origin());
                println!("root   {}", hex::encode(checkpoint.root));
                println!("state  {}", hex::encode(state.digest()?));
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// The checkpoint of a copy that is not empty.
fn filled(replica: &Replica) -> anyhow::Result<&Checkpoint> {
    replica.checkpoint().with_context(|| {
        format!(
            "the copy of the log in {} is empty: bring it up to date first",
            replica.directory().display()
        )
    })
}

/// Prints the books; failure if they do not balance.
fn conservation(state: &State) -> anyhow::Result<ExitCode> {
    let books = books(state)?;
    if books.is_empty() {
        println!("nothing was issued and nothing redeemed yet");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header([
        "scale",
        "good until before",
        "issued in opened totals",
        "not yet opened",
        "redeemed",
        "outstanding",
    ]);
    for book in &books {
        table.add_row(book.row());
    }
    println!("{table}");
    println!(
        "issued: opened by supervisor and log witness over many claims at once, checked from the \
         log. redeemed: public, each with its proof. not yet opened: what those claims can hold at \
         most"
    );
    for book in books.iter().filter(|book| book.vouched) {
        println!("{}: {VOUCHED}", book.scale);
    }
    let alarms: Vec<String> = books.iter().filter_map(Book::alarm).collect();
    for alarm in &alarms {
        eprintln!("{alarm}");
    }
    if alarms.is_empty() {
        println!("conserved: no more was redeemed than was issued, in every bucket");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}

/// The balance of one scale and expiry bucket, with its names.
struct Book {
    scale: String,
    vouched: bool,
    expiry: Expiry,
    balance: Balance,
}

fn books(state: &State) -> anyhow::Result<Vec<Book>> {
    let named = |asset| {
        let found = state.scales().by_asset(asset);
        found.map_or_else(
            // Every entry that reaches the books names a scale of the ledger.
            || (format!("asset {}", asset.0), false),
            |(id, scale)| {
                let vouched = scale.versions.iter().any(|record| record.terms.vouched);
                (id.to_string(), vouched)
            },
        )
    };
    let books = state.conservation()?.into_iter();
    Ok(books
        .map(|((asset, expiry), balance)| {
            let (scale, vouched) = named(asset);
            Book {
                scale,
                vouched,
                expiry,
                balance,
            }
        })
        .collect())
}

impl Book {
    fn row(&self) -> [String; 6] {
        let balance = &self.balance;
        let claims = |count: u64| if count == 1 { "claim" } else { "claims" };
        let unopened = match balance.unopened_claims {
            0 => "nothing".to_owned(),
            count => format!(
                "{} {}, at most {}",
                thousands(count),
                claims(count),
                thousands(balance.unopened_worst.0)
            ),
        };
        let outstanding = match balance.outstanding() {
            None => "LESS THAN NOTHING".to_owned(),
            Some((least, most)) if least == most => thousands(least.0),
            Some((least, most)) => format!("{} to {}", thousands(least.0), thousands(most.0)),
        };
        [
            self.scale.clone(),
            expiry_label(self.expiry),
            format!(
                "{} over {} {}",
                thousands(balance.issued.0),
                thousands(balance.claims),
                claims(balance.claims)
            ),
            unopened,
            format!(
                "{} in {}",
                thousands(balance.redeemed.0),
                thousands(balance.redemptions)
            ),
            if balance.expired {
                format!("{outstanding} expired")
            } else {
                outstanding
            },
        ]
    }

    /// Says that more was redeemed than can have been issued.
    fn alarm(&self) -> Option<String> {
        let balance = &self.balance;
        if balance.outstanding().is_some() {
            return None;
        }
        Some(format!(
            "NOT CONSERVED: {} good until before {}: {} credits were redeemed, and at most {} can \
             have been issued. Credits were made from nothing: stop honouring vouchers of this \
             scale and show this to the supervisors",
            self.scale,
            expiry_label(self.expiry),
            thousands(balance.redeemed.0),
            thousands((balance.issued + balance.unopened_worst).0)
        ))
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::sum::CreditsSum;

    use super::*;

    fn book(balance: Balance) -> Book {
        Book {
            scale: "cycling-week".to_owned(),
            vouched: false,
            expiry: Expiry(12 * 59),
            balance,
        }
    }

    #[test]
    fn a_balance_reads_as_a_range_while_totals_are_unopened() {
        let balance = Balance {
            issued: CreditsSum(12_000),
            claims: 20,
            unopened_claims: 1,
            unopened_worst: CreditsSum(500),
            redeemed: CreditsSum(2_000),
            redemptions: 3,
            expired: false,
        };
        let [_, until, issued, unopened, redeemed, outstanding] = book(balance.clone()).row();
        assert_eq!(until, "2029-01");
        assert_eq!(issued, "12,000 over 20 claims");
        assert_eq!(unopened, "1 claim, at most 500");
        assert_eq!(redeemed, "2,000 in 3");
        assert_eq!(outstanding, "10,000 to 10,500");
        let settled = Balance {
            unopened_claims: 0,
            unopened_worst: CreditsSum(0),
            expired: true,
            ..balance
        };
        let row = book(settled).row();
        assert_eq!((&*row[3], &*row[5]), ("nothing", "10,000 expired"));
    }

    #[test]
    fn more_redeemed_than_can_be_issued_is_said_loudly() {
        let balance = Balance {
            issued: CreditsSum(100),
            unopened_worst: CreditsSum(50),
            redeemed: CreditsSum(150),
            ..Balance::default()
        };
        assert_eq!(book(balance.clone()).alarm(), None);
        let forged = Balance {
            redeemed: CreditsSum(151),
            ..balance
        };
        let alarm = book(forged.clone()).alarm().expect("an alarm");
        assert!(alarm.starts_with("NOT CONSERVED"), "{alarm}");
        assert!(
            alarm.contains("151") && alarm.contains("at most 150"),
            "{alarm}"
        );
        assert_eq!(book(forged).row()[5], "LESS THAN NOTHING");
    }
}
