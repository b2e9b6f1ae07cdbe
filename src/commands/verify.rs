//! `merits verify`: a receipt, or what a person shows, checked with no network and nobody's word.

mod attest;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use merits_ledger::{Entry, History, State, Submission};
use merits_primitives::ids::PartyId;
use merits_replica::Replica;
use merits_sponsor::offline::{OfflineFault, OfflineVerifier, VerifiedBatch};
use merits_verifier::{log::LogKey, receipt::Receipt};
use serde::{Deserialize, Serialize};

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
        let text = fs::read_to_string(path).with_context(at)?;
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
        let history = kit.history(directory, receipt.index, self.allow_dev_keys)?;
        match OfflineVerifier::new(&log_key).check(history.state(), &receipt) {
            Ok(batch) => {
                println!(
                    "signatures  yes: distributor {} and source {}",
                    name(history.state(), &batch.distributor),
                    name(history.state(), &batch.source)
                );
                println!(
                    "proof       yes: {} claims of {} version {} follow its formula, period {}",
                    batch.claims,
                    batch.scale,
                    batch.version.0,
                    batch.period.label(),
                );
                print_figures(history.state(), &batch)?;
            }
            Err(OfflineFault::NotABatch(_, kind)) => {
                println!("proof       none: a {kind} carries no proof");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The public numbers that the proof counts with: those in force in the batch's period.
fn print_figures(state: &State, batch: &VerifiedBatch) -> anyhow::Result<()> {
    let terms = &state.scales().version(&batch.scale, batch.version)?.terms;
    for (name, value) in terms.figures.in_words(batch.period) {
        println!("figure      {name} = {value}");
    }
    Ok(())
}

/// A party as it was admitted.
fn name(state: &State, party: &PartyId) -> String {
    match state.parties().get(party) {
        Some(known) => format!("{} ({party})", known.name),
        None => party.to_string(),
    }
}

/// What a stranger needs besides a receipt: founding facts, and the governance entries that came
/// before it (parties, scales, view keys), as receipts. Whoever has the log key from a trusted
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
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let policy = replica.state()?.policy();
        let kit = Self {
            log_key: replica.key().to_string(),
            authority: hex::encode(policy.authority.0),
            least_claims_per_total: policy.least_claims_per_total,
            tickets: policy.tickets,
            anchor_seconds: policy.anchor_seconds,
        };
        fs::write(directory.join(FACTS), toml::to_string(&kit)?)?;
        let mut receipts = 0;
        for (index, leaf) in replica.leaves() {
            let id = leaf.entry.id();
            let submission = Submission::from_signed(leaf.entry, replica.key().origin())?;
            if !governs(submission.entry()) {
                continue;
            }
            let receipt = replica
                .receipt(&id)
                .context("the replica has every receipt")?;
            let name = format!(
                "{index:08}-{}.{EXTENSION}",
                submission.entry().kind_name().replace(' ', "-")
            );
            fs::write(directory.join(name), receipt.to_string())?;
            receipts += 1;
        }
        Ok(receipts)
    }

    fn read(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(FACTS);
        let text = fs::read_to_string(&path)
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
            let governing =
                Receipt::parse(&fs::read_to_string(&path).with_context(at)?).with_context(at)?;
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

/// Whether others' proofs are judged by an entry. What people prove, who is registered and what is
/// offered governs nobody's.
fn governs(entry: &Entry) -> bool {
    let of_people = matches!(
        entry,
        Entry::EvaluatorOpened(_)
            | Entry::EvaluationCounted(_)
            | Entry::IdentityRegistered(_)
            | Entry::IdentityRetired(_)
            | Entry::TermsPublished(_)
            | Entry::OfferPublished(_)
            | Entry::OfferClosed(_)
    );
    !of_people && !entry.is_proven()
}

const FACTS: &str = "ledger.toml";
const EXTENSION: &str = "receipt";
