//! `merits verify`: a receipt, or a person's attestation, checked without a network and without
//! trusting anybody's word.
//!
//! Exit codes:
//!
//! - 0: everything that a kit can show about such an entry was verified, also its proof if it has one;
//! - 1: something does not hold or cannot be read;
//! - 2: wrong usage;
//! - 3 ([`NOT_ALL`]): only inclusion in the log and the signature were verified.

mod attest;
mod evidence;
mod shown;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use merits_kit::{Extent, Kit, ShowError};
use merits_text::typed::argument;
use merits_verifier::{
    groth16::KeyPolicy,
    log::{Quorum, WitnessKey, WitnessPolicy},
    receipt::{Receipt, ReceiptError},
};

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
    /// Accept keys made by one party, which could forge proofs
    #[arg(long)]
    allow_dev_keys: bool,
    /// Key of a witness that may have cosigned the receipt's checkpoint; may be given several times
    #[arg(long = "witness", value_name = "KEY", value_parser = argument, requires = "threshold")]
    witnesses: Vec<String>,
    /// How many of the witnesses must have cosigned it: more than (witnesses + faulty) / 2
    #[arg(long, requires = "witnesses")]
    threshold: Option<usize>,
    /// How many of the witnesses may be false
    #[arg(long, default_value_t = 0, requires = "witnesses")]
    faulty: usize,
}

/// What can be verified apart from a receipt.
#[derive(Debug, Subcommand)]
enum Other {
    /// Check the QR code by which a person shows that they own a number of credits or more
    Attest(attest::Arguments),
    /// Judge evidence that a log signed two histories
    Evidence(evidence::Arguments),
}

impl Arguments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (path, directory) = match (&self.other, &self.receipt, &self.kit) {
            (Some(Other::Attest(arguments)), ..) => return arguments.run(),
            (Some(Other::Evidence(arguments)), ..) => return arguments.run(),
            (None, Some(receipt), Some(kit)) => (receipt, kit),
            // The parser asks for both.
            _ => anyhow::bail!("a receipt and --kit are needed"),
        };
        let at = || format!("receipt {}", path.display());
        let text = merits_text::file::read(path).with_context(at)?;
        let receipt = Receipt::parse(&text).map_err(unreadable).with_context(at)?;
        let kit = Kit::read(directory)?;
        let log_key = kit.log_key();
        let policy = self.policy()?;
        let leaf = match &policy {
            None => receipt.verify(log_key),
            Some(policy) => receipt.verify_cosigned(log_key, policy),
        };
        let leaf = leaf.with_context(at)?;
        println!("log         {}", log_key.origin());
        println!("entry       {}", leaf.id());
        println!(
            "included    yes: leaf {} of {}, under the log's signature",
            leaf.index(),
            leaf.checkpoint().size
        );
        match leaf.cosigned() {
            Some(cosigned) => println!(
                "witnesses   yes: {} of {} cosigned it, last {}",
                cosigned.by().len(),
                self.witnesses.len(),
                cosigned.as_of().to_minute()
            ),
            None => println!(
                "witnesses   no witnesses: that everybody sees this history is the log's word (--witness \
                 demands cosignatures)"
            ),
        }
        let keys = KeyPolicy {
            allow_dev_keys: self.allow_dev_keys,
        };
        let shown = match kit.show(&receipt, keys, &mut rand::rng()) {
            Ok(shown) => shown,
            // A fault of the kit is not a fault of the receipt.
            Err(ShowError::Kit(error)) => return Err(error.into()),
            Err(error) => return Err(error).with_context(at),
        };
        shown::print(&shown);
        Ok(match shown.verified {
            Extent::Proof => ExitCode::SUCCESS,
            Extent::Rules => {
                println!(
                    "rules       yes: the ledger's rules accept it after the kit's earlier entries"
                );
                ExitCode::SUCCESS
            }
            Extent::Signature => {
                println!(
                    "rules       not checked: they depend on people, notes or batches, which no kit \
                     has; that they hold is the log's word"
                );
                ExitCode::from(NOT_ALL)
            }
        })
    }
}

impl Arguments {
    /// The cosignatures that are demanded, if any are.
    fn policy(&self) -> anyhow::Result<Option<WitnessPolicy>> {
        let Some(threshold) = self.threshold else {
            return Ok(None);
        };
        let keys: Result<Vec<_>, _> = self
            .witnesses
            .iter()
            .map(|key| WitnessKey::parse(key))
            .collect();
        let quorum = Quorum::new(keys.context("--witness")?, threshold, self.faulty);
        let quorum = quorum.context("--threshold")?;
        Ok(Some(WitnessPolicy::new(quorum, None).context("--witness")?))
    }
}

/// Exit code: authentic, but not all of it could be verified.
const NOT_ALL: u8 = 3;

/// Most receipts that cannot be read were cut off or changed on their way.
fn unreadable(error: ReceiptError) -> anyhow::Error {
    match error {
        ReceiptError::Malformed { .. } => anyhow::anyhow!(
            "{error}. The file was cut off or changed, or it is another kind of file: copy it again from where it \
             came"
        ),
        error => error.into(),
    }
}
