//! `merits verify evidence`: judges two checkpoints of a log that contradict each other, offline.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use clap::Args;
use merits_text::typed::argument;
use merits_verifier::log::{Checkpoint, Evidence, LogKey, MAX_EVIDENCE_BYTES, WitnessKey};

use crate::screen::thousands;

/// What `merits verify evidence` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// File of evidence, as a witness or a party's copy of the log kept it
    file: PathBuf,
    /// The log's key, as you know it; without it nobody is convicted, because anybody can make a key
    #[arg(long, value_parser = argument)]
    log_key: Option<String>,
    /// Key of a witness, to find out whether it cosigned both; may be given several times
    #[arg(long = "witness", value_name = "KEY", value_parser = argument)]
    witnesses: Vec<String>,
}

impl Arguments {
    /// Exit codes: 0, the evidence convicts the log; 1, it does not, or nobody said which key is the log's: whoever
    /// makes a key can name any log in it, and contradict themselves.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let at = || format!("evidence {}", self.file.display());
        let text = merits_text::file::read_at_most(&self.file, MAX_EVIDENCE_BYTES as u64);
        let evidence = Evidence::parse(&text.with_context(at)?).with_context(at)?;
        let known = self.log_key.as_deref().map(LogKey::parse).transpose();
        let known = known.context("--log-key")?;
        let log = known.as_ref().unwrap_or(&evidence.log);
        let verdict = evidence.judge(log).with_context(at)?;
        println!("log         {}", log.origin());
        println!("key         {log}");
        if known.is_some() {
            println!("convicted   yes: the log signed two histories");
        } else {
            println!("convicted   nobody yet: whoever has this key signed two histories");
        }
        println!("first       {}", shown(verdict.smaller()));
        println!("second      {}", shown(verdict.larger()));
        let keys: Result<Vec<WitnessKey>, _> = self
            .witnesses
            .iter()
            .map(|key| WitnessKey::parse(key))
            .collect();
        for name in evidence.cosigners_of_both(&keys.context("--witness")?)? {
            println!("also        {name} cosigned both, which a witness must never do");
        }
        ensure!(
            known.is_some(),
            "only the file says that this key is the log's, and anybody can make a key: give the one that the log's \
             operator gave you, with --log-key"
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn shown(checkpoint: &Checkpoint) -> String {
    let entries = thousands(checkpoint.size);
    format!("{entries} entries, root {}", BASE64.encode(checkpoint.root))
}
