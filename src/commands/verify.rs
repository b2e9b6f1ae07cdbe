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
mod shown;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use merits_kit::{Extent, Kit, ShowError};
use merits_verifier::{
    groth16::KeyPolicy,
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
}

/// What can be verified apart from a receipt.
#[derive(Debug, Subcommand)]
enum Other {
    /// Check the QR code by which a person shows that they own a number of credits or more
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
        let receipt = Receipt::parse(&text).map_err(unreadable).with_context(at)?;
        let kit = Kit::read(directory)?;
        let log_key = kit.log_key();
        let leaf = receipt.verify(log_key).with_context(at)?;
        println!("log         {}", log_key.origin());
        println!("entry       {}", leaf.id());
        println!(
            "included    yes: leaf {} of {}, under the log's signature",
            leaf.index(),
            leaf.checkpoint().size
        );
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
