//! `merits audit`: what anybody who follows the log can check.

mod run;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use merits_audit::{
    books::{Book, Books, weigh},
    replay::{checkpoint, replay},
};
use merits_replica::Replica;

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
    /// Check everything that is stored, and name the entry at fault; in full, or from where the last audit stopped
    Run(run::Run),
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
                    checkpoint(&replica)?;
                    return conservation(&replica);
                }
                let follower = ledger.follow().await?;
                follower.sync().await?;
                conservation(&follower.replica())
            }
            Self::Run(run) => run.run().await,
            Self::Replay { ledger } => {
                let replica = merits_party::config::ledger_of(&ledger)?.open().await?;
                let report = replay(&replica, &mut rand::rng())?;
                println!("{} leaves of {} hold", report.leaves, report.origin);
                println!("root   {}", report.root);
                println!("state  {}", report.state);
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Prints the books; failure if they do not balance.
fn conservation(replica: &Replica) -> anyhow::Result<ExitCode> {
    let books = weigh(replica.state()?, replica.leaves())?;
    if books.books.is_empty() {
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
    for book in &books.books {
        table.add_row(row(book));
    }
    println!("{table}");
    println!(
        "issued: opened by supervisor and log witness over many claims at once, checked from the \
         log. redeemed: public, each with its proof. not yet opened: what those claims can hold at \
         most"
    );
    for book in books.books.iter().filter(|book| book.vouched) {
        println!("{}: {VOUCHED}", book.scale);
    }
    for alarm in alarms(&books) {
        eprintln!("{alarm}");
    }
    if books.are_conserved() {
        println!("conserved: no more was redeemed than was issued, in every bucket");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}

fn alarms(books: &Books) -> Vec<String> {
    let findings = &books.findings;
    let kept = findings.kept.iter();
    let mut alarms: Vec<String> = kept
        .map(|found| format!("NOT CONSERVED: {found}"))
        .collect();
    if findings.more > 0 {
        alarms.push(format!("and {} more", thousands(findings.more)));
    }
    alarms
}

fn row(book: &Book) -> [String; 6] {
    let claims = |count: u64| if count == 1 { "claim" } else { "claims" };
    let unopened = match book.unopened_claims {
        0 => "nothing".to_owned(),
        count => format!(
            "{} {}, at most {}",
            thousands(count),
            claims(count),
            thousands(book.unopened_worst.0)
        ),
    };
    let outstanding = match book.outstanding {
        None => "LESS THAN NOTHING".to_owned(),
        Some(left) if left.least == left.most => thousands(left.least.0),
        Some(left) => format!("{} to {}", thousands(left.least.0), thousands(left.most.0)),
    };
    [
        book.scale.clone(),
        book.good_until_before.clone(),
        format!(
            "{} over {} {}",
            thousands(book.issued.0),
            thousands(book.claims),
            claims(book.claims)
        ),
        unopened,
        format!(
            "{} in {}",
            thousands(book.redeemed.0),
            thousands(book.redemptions)
        ),
        if book.expired {
            format!("{outstanding} expired")
        } else {
            outstanding
        },
    ]
}

#[cfg(test)]
mod tests {
    use merits_audit::{
        books::Outstanding,
        report::{Finding, Findings},
    };
    use merits_primitives::{ids::EntryId, sum::CreditsSum};

    use super::*;

    fn book() -> Book {
        Book {
            scale: "cycling-week".to_owned(),
            vouched: false,
            good_until_before: "2029-01".to_owned(),
            issued: CreditsSum(12_000),
            claims: 20,
            unopened_claims: 1,
            unopened_worst: CreditsSum(500),
            redeemed: CreditsSum(2_000),
            redemptions: 3,
            expired: false,
            outstanding: Some(Outstanding {
                least: CreditsSum(10_000),
                most: CreditsSum(10_500),
            }),
        }
    }

    #[test]
    fn a_balance_reads_as_a_range_while_totals_are_unopened() {
        let [_, until, issued, unopened, redeemed, outstanding] = row(&book());
        assert_eq!(until, "2029-01");
        assert_eq!(issued, "12,000 over 20 claims");
        assert_eq!(unopened, "1 claim, at most 500");
        assert_eq!(redeemed, "2,000 in 3");
        assert_eq!(outstanding, "10,000 to 10,500");
        let settled = Book {
            unopened_claims: 0,
            unopened_worst: CreditsSum(0),
            expired: true,
            outstanding: Some(Outstanding {
                least: CreditsSum(10_000),
                most: CreditsSum(10_000),
            }),
            ..book()
        };
        let row = row(&settled);
        assert_eq!((&*row[3], &*row[5]), ("nothing", "10,000 expired"));
    }

    #[test]
    fn more_redeemed_than_can_be_issued_is_said_loudly() {
        let mut books = Books {
            leaves: 9,
            books: vec![Book {
                outstanding: None,
                ..book()
            }],
            findings: Findings::default(),
        };
        assert!(alarms(&books).is_empty());
        let what = "too much".to_owned();
        let finding = Finding::of_entry("books", 7, EntryId([0xab; 32]), what);
        books.findings.push(finding);
        let entry = "ab".repeat(32);
        let said = format!("NOT CONSERVED: leaf 7, entry {entry}: too much");
        assert_eq!(alarms(&books), [said]);
        assert_eq!(row(&books.books[0])[5], "LESS THAN NOTHING");
    }
}
