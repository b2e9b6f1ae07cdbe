//! `merits verify`: a receipt, or what a person shows, checked with no network and nobody's word.
//!
//! Exit codes: 0, all that a kit can tell about an entry of this kind was verified, the proof of a kind
//! that has one among it; 1, something does not hold or cannot be read; 2, wrong usage; 3
//! ([`NOT_ALL`]), the log has the entry and its signature holds, and that is all that was verified.

mod attest;
mod shown;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use merits_guard::output::{Kind, Output, Readers};
use merits_ledger::{History, Submission};
use merits_party::outputs::RECEIPT;
use merits_primitives::ids::PartyId;
use merits_replica::Replica;
use merits_sponsor::offline::OfflineVerifier;
use merits_verifier::{log::LogKey, receipt::Receipt};
use serde::{Deserialize, Serialize};

/// The founding facts of a kit.
const KIT: Kind<'static> =
    Kind::new("a kit's founding facts", Readers::Everybody).replacing(b"log_key = ");

/// What `merits verify` takes.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    other: Option<Other>,
    /// Receipt file, as a coordinator gave it
    #[arg(required = true)]
    receipt: Option<PathBuf>,
    /// Offline kit: a directory with the ledger's founding facts and the receipts of what was
    /// admitted and approved
    #[arg(long, required = true)]
    kit: Option<PathBuf>,
    /// Accept keys made by one party, who could forge
    #[arg(long)]
    allow_dev_keys: bool,
}

/// What else than a receipt can be verified.
#[derive(Debug, Subcommand)]
enum Other {
    /// Check the QR code by which a person shows that it owns at least so many credits
    Attest(attest::Arguments),
}

impl Arguments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (path, directory) = match (&self.other, &self.receipt, &self.kit) {
            (Some(Other::Attest(arguments)), ..) => return arguments.run(),
            (None, Some(receipt), Some(kit)) => (receipt, kit),
            // The parser asks for both.
            _ => anyhow::bail!("a receipt and --kit are needed"),
        };
        let at = || format!("receipt {}", path.display());
        let text = merits_text::file::read(path).with_context(at)?;
        let receipt = Receipt::parse(&text).with_context(at)?;
        let kit = Kit::read(directory)?;
        let log_key = kit.log_key(directory)?;
        let leaf = receipt.verify(&log_key).with_context(at)?;
        println!("log         {}", log_key.origin());
        println!("entry       {}", leaf.id());
        println!(
            "included    yes: leaf {} of {}, under the log's signature",
            leaf.index(),
            leaf.checkpoint().size
        );
        let mut history = kit.history(directory, receipt.index, self.allow_dev_keys)?;
        let verified = OfflineVerifier::new(&log_key)
            .verify(history.state(), &receipt)
            .with_context(at)?;
        shown::print(history.state(), &verified)?;
        if verified.proven {
            return Ok(ExitCode::SUCCESS);
        }
        // Nothing to prove: what is left are the rules, as far as the kit has what they ask for.
        if !verified.entry.governs() {
            println!(
                "rules       not checked: they ask for people, notes or batches, which no kit has; \
                 that they hold is the log's word"
            );
            return Ok(ExitCode::from(NOT_ALL));
        }
        history
            .push(&receipt.leaf, &mut rand::rng())
            .with_context(at)?;
        println!("rules       yes: the ledger's rules take it, after what the kit has before it");
        Ok(ExitCode::SUCCESS)
    }
}

/// What a stranger needs besides a receipt: founding facts, and the governance entries that came
/// before it (parties, scales, keys, terms, offers), as receipts. Whoever has the log key from a trusted
/// place trusts nothing else here: each entry's inclusion and signature are checked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kit {
    log_key: String,
    authority: String,
    least_claims_per_total: u32,
    tickets: bool,
    anchor_seconds: u32,
}

impl Kit {
    /// Writes the kit of a replica's ledger; earn batches stay out of it.
    /// Answers how many receipts it holds.
    pub(crate) fn write(replica: &Replica, directory: &Path) -> anyhow::Result<usize> {
        ensure!(
            replica.size() > 0,
            "the copy of the log in {} is empty: bring it up to date first",
            replica.directory().display()
        );
        merits_guard::create_shared_folder(directory)
            .with_context(|| directory.display().to_string())?;
        let policy = replica.state()?.policy();
        let kit = Self {
            log_key: replica.key().to_string(),
            authority: hex::encode(policy.authority.0),
            least_claims_per_total: policy.least_claims_per_total,
            tickets: policy.tickets,
            anchor_seconds: policy.anchor_seconds,
        };
        let path = directory.join(FACTS);
        Output::write(&path, KIT, toml::to_string(&kit)?.as_bytes())?;
        let mut receipts = 0;
        for leaf in replica.leaves() {
            let (index, leaf) = leaf?;
            let id = leaf.entry.id();
            let submission = Submission::from_signed(leaf.entry, replica.key().origin())?;
            if !submission.entry().governs() {
                continue;
            }
            let receipt = replica
                .receipt(&id)?
                .context("the replica has every receipt")?;
            let name = format!(
                "{index:08}-{}.{EXTENSION}",
                submission.entry().kind_name().replace(' ', "-")
            );
            let path = directory.join(name);
            Output::write(&path, RECEIPT, receipt.to_string().as_bytes())?;
            receipts += 1;
        }
        Ok(receipts)
    }

    fn read(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(FACTS);
        let text = merits_text::file::read(&path)
            .with_context(|| format!("offline kit {}: no {FACTS}", directory.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    fn log_key(&self, directory: &Path) -> anyhow::Result<LogKey> {
        LogKey::parse(&self.log_key)
            .with_context(|| format!("{}: log_key", directory.join(FACTS).display()))
    }

    /// The state that the kit's entries make, up to a leaf.
    fn history(
        &self,
        directory: &Path,
        leaf: u64,
        allow_dev_keys: bool,
    ) -> anyhow::Result<History> {
        let log_key = self.log_key(directory)?;
        let mut authority = [0u8; 32];
        hex::decode_to_slice(&self.authority, &mut authority).with_context(|| {
            format!(
                "{}: authority: 64 hexadecimal digits of a party id are expected",
                directory.join(FACTS).display()
            )
        })?;
        let policy = merits_ledger::LedgerPolicy {
            origin: log_key.origin().clone(),
            authority: PartyId(authority),
            keys: merits_verifier::groth16::KeyPolicy { allow_dev_keys },
            least_claims_per_total: self.least_claims_per_total,
            tickets: self.tickets,
            anchor_seconds: self.anchor_seconds,
        };
        // In the order of the log, whatever the order of the files.
        let mut leaves = BTreeMap::new();
        let mut receipts = 0;
        for file in fs::read_dir(directory)? {
            let path = file?.path();
            if path
                .extension()
                .is_none_or(|extension| extension != EXTENSION)
            {
                continue;
            }
            let at = || format!("offline kit {}", path.display());
            let governing = Receipt::parse(&merits_text::file::read(&path).with_context(at)?)
                .with_context(at)?;
            let index = governing.verify(&log_key).with_context(at)?.index();
            receipts += 1;
            if index < leaf {
                leaves.insert(index, (governing.leaf, path));
            }
        }
        ensure!(
            receipts > 0,
            "offline kit {}: no receipts in it",
            directory.display()
        );
        let mut history = History::new(policy);
        for (leaf, path) in leaves.into_values() {
            history
                .push(&leaf, &mut rand::rng())
                .with_context(|| path.display().to_string())?;
        }
        Ok(history)
    }
}

/// Exit code: authentic, and not all of it could be verified.
const NOT_ALL: u8 = 3;

const FACTS: &str = "ledger.toml";
const EXTENSION: &str = "receipt";
