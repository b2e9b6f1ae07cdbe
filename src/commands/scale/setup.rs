//! `merits scale setup`: the proving key of a scale's circuit.

use std::{path::PathBuf, process::ExitCode};

use anyhow::ensure;
use clap::Args;
use merits_issuer::trying::compile;
use merits_params::keystore::{KeyStore, R1CS_FILE, VERIFICATION_KEY_FILE, ZKEY_FILE};
use merits_verifier::groth16::KeyPolicy;

use super::file;
use crate::screen::{thousands, working};

/// What `merits scale setup` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The scale: directory or file
    scale: PathBuf,
    /// Directory of keys, one folder for each circuit, named by the circuit's digest
    #[arg(long)]
    key_store: PathBuf,
    /// Make the key here, alone: its maker can forge proofs. For trials only
    #[arg(long)]
    insecure_dev: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let manifest = file::read(&self.scale)?;
        ensure!(
            self.insecure_dev,
            "a key that one party makes alone lets that party forge proofs. A ceremony of several \
             parties is not built yet; for trials, say --insecure-dev"
        );
        let bar = working("compiling the formula");
        let circuit = compile(&manifest);
        let r1cs = &circuit.circuit().r1cs;
        bar.set_message("making or loading the key");
        let store = KeyStore::new(&self.key_store);
        let there = store.dir_of(&r1cs.digest()).join(ZKEY_FILE).exists();
        let policy = KeyPolicy {
            allow_dev_keys: true,
        };
        let key = store.get_or_set_up(r1cs, "merits scale setup", policy, &mut rand::rng())?;
        bar.finish_and_clear();
        println!(
            "{} the key of {} version {}",
            if there { "found" } else { "made" },
            manifest.id(),
            manifest.version().0
        );
        println!("provenance     {}", key.manifest.provenance);
        println!("made by        {}", key.manifest.created_by);
        println!("shape          {}", hex::encode(manifest.shape().digest()));
        println!("circuit        {}", key.manifest.circuit);
        println!("verifying key  {}", key.manifest.verifying_key);
        println!(
            "constraints    {}, public inputs {}",
            thousands(key.manifest.constraints as u64),
            key.manifest.public_inputs
        );
        println!("files          {}", key.dir.display());
        println!("               {R1CS_FILE}, {ZKEY_FILE}, {VERIFICATION_KEY_FILE}, key.json");
        println!(
            "the maker of this key can forge proofs: every verifier refuses it unless told \
             --allow-dev-keys"
        );
        Ok(ExitCode::SUCCESS)
    }
}
