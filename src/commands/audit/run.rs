//! `merits audit run`: everything that is stored in this party's copy of the log.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use merits_audit::{
    page,
    progress::{self, ProgressError, SigningKey},
    whole::{AuditReport, Audited, Copied, audit},
};
use merits_guard::output::{Kind, Output, Readers};
use merits_keyfile::KeyKind;
use merits_replica::{HighWaterMark, LedgerConfig};

use crate::outputs;

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Configuration file of any role: its `[ledger]` table says which log, and where its copy is
    #[arg(long)]
    ledger: PathBuf,
    /// Audit the copy as it is, without asking the coordinator for new entries
    #[arg(long)]
    offline: bool,
    /// Go on where the audit in this file stopped, and write there how far this one came
    #[arg(long, value_name = "FILE", requires = "key")]
    progress: Option<PathBuf>,
    /// The auditor's own key, which signs that file; it is made if it is not there
    #[arg(long, value_name = "FILE", requires = "progress")]
    key: Option<PathBuf>,
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the report as a page for a browser
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

/// Where an audit keeps how far it came, and the key that signs it.
struct Kept<'a> {
    path: &'a Path,
    key: SigningKey,
}

impl Run {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        self.check_outputs()?;
        let ledger = merits_party::config::ledger_of(&self.ledger)?;
        let is_current = self.offline || brought_up_to_date(&ledger).await;
        let kept = self.kept()?;
        let (key, policy) = (ledger.log_key()?, ledger.policy()?);
        let witnesses = ledger.witnesses()?;
        let mark = match &ledger.high_water_mark {
            None => None,
            Some(path) => HighWaterMark::look(path, &ledger.replica, &key)?,
        };
        let copied = Copied {
            key: &key,
            policy: &policy,
            witnesses: witnesses.as_ref(),
            mark: mark.as_ref(),
        };
        let start = match &kept {
            None => None,
            Some(kept) => progress::load(kept.path, &kept.key, &key, &policy)?,
        };
        let Audited { report, reached } =
            audit(&ledger.replica, copied, start, &mut rand::rng()).await?;
        println!("{report}");
        self.write(&report)?;
        if let (Some(kept), Some((state, root))) = (&kept, &reached) {
            progress::save(kept.path, &kept.key, &key, state, root)?;
            let path = kept.path.display();
            println!(
                "wrote {path}: the next audit goes on after leaf {}",
                report.leaves
            );
        }
        Ok(match report.is_clean() && is_current {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    /// Refuses outputs that would be written over, before anything is audited.
    fn check_outputs(&self) -> anyhow::Result<()> {
        let mut kept = outputs::of_configuration(&self.ledger);
        if let Some(key) = &self.key {
            kept.admit(key, "the auditor's key")?;
        }
        if let Some(progress) = &self.progress {
            kept.admit(progress, "the progress of the audit")?;
        }
        for (path, kind) in [(&self.json, JSON), (&self.page, PAGE)] {
            if let Some(path) = path {
                kept.admit(path, "the report")?;
                Output::check(path, kind)?;
            }
        }
        Ok(())
    }

    /// The key, and the file that it signs. A key is made only where no progress waits for one.
    fn kept(&self) -> anyhow::Result<Option<Kept<'_>>> {
        let (Some(path), Some(key)) = (&self.progress, &self.key) else {
            return Ok(None);
        };
        if !path.exists() {
            merits_keyfile::load_or_create(key, KeyKind::Signing, &mut rand::rng())?;
        }
        let key = merits_keyfile::signing_key(key, KeyKind::Signing)
            .context(ProgressError::NotSigned(path.clone()))?;
        Ok(Some(Kept { path, key }))
    }

    fn write(&self, report: &AuditReport) -> anyhow::Result<()> {
        if let Some(path) = &self.json {
            let json = page::json(report)?;
            Output::write(path, JSON, json.as_bytes())?;
            println!("wrote {}", path.display());
        }
        if let Some(path) = &self.page {
            Output::write(path, PAGE, page::html(report).as_bytes())?;
            println!("wrote {}", path.display());
        }
        Ok(())
    }
}

/// Whether the copy could be brought up to date. One that could not is audited as it is: it may be the fault that is
/// looked for.
async fn brought_up_to_date(ledger: &LedgerConfig) -> bool {
    let synced = async {
        let follower = ledger.follow().await?;
        follower.sync().await?;
        anyhow::Ok(())
    };
    let synced = synced.await;
    if let Err(error) = &synced {
        eprintln!("the copy was not brought up to date, and is audited as it is: {error:#}");
    }
    synced.is_ok()
}

const JSON: Kind<'_> =
    Kind::new("an audit's report as JSON", Readers::Everybody).replacing(b"{\n  \"origin\"");
const PAGE: Kind<'_> =
    Kind::new("an audit's report as a page", Readers::Everybody).replacing(b"<!DOCTYPE html>");
