//! Taking links in: each is checked by the source's own copy of the log, and those that hold are written to its
//! links file.

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use merits_primitives::{calendar::Timestamp, ids::Origin};
use merits_records::handover::{Handover as _, LinkFile};
use merits_replica::{FollowError, JoinError, LedgerConfigError, ReplicaError};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{
    config::SourceConfig,
    keys::KeyError,
    linking::{LinkChecker, LinkFault},
    links_file::{Linked, LinksError, LinksFile},
};

/// The results for links.
#[derive(Debug, Serialize)]
pub struct LinkReport {
    /// The links file.
    pub path: PathBuf,
    /// Each file of a link, in the order in which they were given.
    pub files: Vec<LinkFileReport>,
    /// Accounts that have a pseudonym now.
    pub accounts: usize,
}

/// The result for one link.
#[derive(Debug, Serialize)]
pub struct LinkFileReport {
    /// Its file.
    pub path: PathBuf,
    /// The account and its result, or why it was refused.
    #[serde(flatten, serialize_with = "outcome")]
    pub outcome: Result<(String, Linked), LinkFault>,
}

/// An outcome as data: an account and its result, or a refusal.
#[derive(Serialize)]
struct OutcomeLine<'a> {
    account: Option<&'a String>,
    linked: Option<Linked>,
    refused: Option<String>,
}

fn outcome<S: Serializer>(
    outcome: &Result<(String, Linked), LinkFault>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    OutcomeLine {
        account: outcome.as_ref().ok().map(|(account, _)| account),
        linked: outcome.as_ref().ok().map(|(_, linked)| *linked),
        refused: outcome.as_ref().err().map(ToString::to_string),
    }
    .serialize(serializer)
}

impl LinkReport {
    /// Links that are new in the file, or replaced others.
    pub fn linked(&self) -> usize {
        let outcomes = self.files.iter().map(|file| &file.outcome);
        outcomes
            .filter(|outcome| matches!(outcome, Ok((_, linked)) if *linked != Linked::Known))
            .count()
    }

    /// Links that were refused.
    pub fn refused(&self) -> usize {
        self.files
            .iter()
            .filter(|file| file.outcome.is_err())
            .count()
    }
}

/// Why no link was taken in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LinkImportError {
    /// The configuration names no links file.
    #[error(
        "no links file is named: name `links_file` in the configuration, which `merits source sign` reads"
    )]
    NoLinksFile,
    /// The configuration names no ledger.
    #[error(
        "the configuration has no [ledger] table: links are checked by the ledger's people and keys"
    )]
    NoLedger,
    /// The configuration names two ledgers.
    #[error(
        "the configuration names two ledgers: origin is {origin}, ledger.log_key is of {log_key}"
    )]
    TwoLedgers {
        /// Its `origin`.
        origin: Origin,
        /// The origin of its `ledger.log_key`.
        log_key: Origin,
    },
    /// The source's keys and id.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The `[ledger]` table.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
    /// The ledger could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The ledger could not be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The copy of the log.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The links file.
    #[error(transparent)]
    Links(#[from] LinksError),
}

impl SourceConfig {
    /// Checks links against the source's own copy of the log at `now` and puts those that hold
    /// into its links file. `replace`: an account that has another pseudonym gets the new one. `distinct`: an
    /// account that looks like a linked one is another person's.
    ///
    /// # Errors
    /// [`LinkImportError`]. A link that is refused stops no other: its report says why.
    pub fn import_links<'a>(
        &'a self,
        files: &'a [PathBuf],
        replace: bool,
        distinct: bool,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<LinkReport, LinkImportError>> {
        Box::pin(async move {
            let path = self.links_file.as_ref();
            let path = path.ok_or(LinkImportError::NoLinksFile)?;
            let ledger = self.ledger.as_ref().ok_or(LinkImportError::NoLedger)?;
            let (origin, source) = (self.ledger_origin()?, self.party_id()?);
            let log_key = ledger.origin()?;
            if log_key != origin {
                return Err(LinkImportError::TwoLedgers { origin, log_key });
            }
            let follower = ledger.follow().await?;
            follower.sync().await?;
            let state = follower.replica().state()?.clone();
            let mut links = LinksFile::open(path, &origin, source)?.distinct(distinct);
            let mut checker = LinkChecker::new(&state, source, now);
            let checked: Vec<Result<LinkFile, LinkFault>> = files
                .iter()
                .map(|path| read_checked(&mut checker, path))
                .collect();
            let mut recalled = links.recall(checked.iter().flatten())?;
            let files = files
                .iter()
                .zip(checked)
                .map(|(path, link)| LinkFileReport {
                    path: path.clone(),
                    outcome: link.and_then(|link| {
                        let linked = recalled.link(&link, replace)?;
                        Ok((link.account, linked))
                    }),
                });
            let report = LinkReport {
                path: path.clone(),
                files: files.collect(),
                accounts: links.len(),
            };
            if report.linked() > 0 {
                links.write()?;
            }
            Ok(report)
        })
    }
}

/// Reads a link, and checks that it holds.
fn read_checked(checker: &mut LinkChecker<'_>, path: &Path) -> Result<LinkFile, LinkFault> {
    let link = LinkFile::read(path)?;
    checker.check(&link)?;
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and forms of a report's fields are an interface: programs read them.
    #[test]
    fn a_report_of_links_has_these_fields() {
        let file = |path: &str, outcome| LinkFileReport {
            path: path.into(),
            outcome,
        };
        let report = LinkReport {
            path: "links.jsonl".into(),
            files: vec![
                file("a.json", Ok(("A-1".to_owned(), Linked::New))),
                file("b.json", Err(LinkFault::Early)),
            ],
            accounts: 1,
        };
        let report = serde_json::to_value(&report).expect("JSON");
        let linked = serde_json::json!({
            "path": "a.json",
            "account": "A-1",
            "linked": "new",
            "refused": null,
        });
        assert_eq!(report["files"][0], linked);
        assert_eq!(report["files"][1]["refused"], LinkFault::Early.to_string());
        assert_eq!(report["accounts"], 1);
    }
}
