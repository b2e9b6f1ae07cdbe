//! `merits scale export`: the circuit for the field's own tools.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use merits_issuer::trying::{
    ExportReport, Exporting, PUBLIC_INPUTS_FILE, SYMBOLS_FILE, check_empty, compile, export,
};
use merits_params::keystore::{R1CS_FILE, VERIFICATION_KEY_FILE, ZKEY_FILE};
use merits_verifier::groth16::KeyPolicy;

use super::file;
use crate::screen::working;

/// What `merits scale export` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The scale: directory or file
    scale: PathBuf,
    /// Directory to write to; it is made if need be, and must be empty
    #[arg(long)]
    output: PathBuf,
    /// Store to take the key from, as `merits scale setup` makes it; without it no key is written
    #[arg(long)]
    key_store: Option<PathBuf>,
    /// Take a key that one party made, which could forge proofs
    #[arg(long, requires = "key_store")]
    allow_dev_keys: bool,
    /// Also prove the scale's examples: witness.wtns, proof.json, public.json
    #[arg(long, requires = "key_store")]
    with_proof: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let manifest = file::read(&self.scale)?;
        // Before the formula is compiled, which takes seconds.
        check_empty(&self.output)?;
        let bar = working("compiling the formula");
        let circuit = compile(&manifest);
        bar.set_message("writing, and proving the examples if they are wanted");
        let exporting = Exporting {
            output: &self.output,
            key_store: self.key_store.as_deref(),
            policy: KeyPolicy {
                allow_dev_keys: self.allow_dev_keys,
            },
            with_proof: self.with_proof,
        };
        let exported = export(&manifest, &circuit, exporting, &mut rand::rng())?;
        bar.finish_and_clear();
        print(&exported);
        Ok(ExitCode::SUCCESS)
    }
}

fn print(exported: &ExportReport) {
    println!("wrote to {}", exported.output.display());
    println!("   {R1CS_FILE:<22} the constraints, as circom writes them");
    println!("   {SYMBOLS_FILE:<22} names of the wires");
    println!("   {PUBLIC_INPUTS_FILE:<22} names of the public inputs, in order");
    match &exported.provenance {
        Some(provenance) => {
            println!("   {ZKEY_FILE:<22} the proving key ({provenance})");
            println!("   {VERIFICATION_KEY_FILE:<22} the verifying key");
        }
        None => println!("no key: name a store with --key-store to have it written too"),
    }
    if exported.proof {
        println!(
            "   witness.wtns           the examples' wires (a witness has the records in the clear)"
        );
        println!("   proof.json             a proof of the examples");
        println!("   public.json            its public inputs");
    }
}
