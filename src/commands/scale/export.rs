//! `merits scale export`: the circuit for the field's own tools.

use std::{fs, io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args;
use merits_circuits::{builder::Circuit, prover::Prover as _, snarkjs_files};
use merits_guard::{explain::reading, output::Readers};
use merits_params::{
    keystore::{KeyStore, R1CS_FILE, StoredKey, VERIFICATION_KEY_FILE, ZKEY_FILE},
    manifest::Manifest,
    zkey::Zkey,
};
use merits_verifier::groth16::KeyPolicy;

use super::{batch, file, setup};
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
        let output = &self.output;
        let at = || output.display().to_string();
        // Files of another circuit would remain among the new ones.
        let files = || fs::read_dir(output).map_err(reading).with_context(at);
        let empty = !output.exists() || files()?.next().is_none();
        ensure!(empty, "{} is not empty: name another directory", at());
        let bar = working("compiling the formula");
        let circuit = setup::compile(&manifest);
        let key = self.key(circuit.circuit(), &manifest)?;
        bar.set_message("writing");
        merits_guard::create_shared_folder(output).with_context(at)?;
        match &key {
            Some(key) => {
                let r1cs = &circuit.circuit().r1cs;
                snarkjs_files::write_circuit(output, r1cs, &key.zkey).with_context(at)?;
            }
            None => {
                let r1cs = &circuit.circuit().r1cs;
                snarkjs_files::write(output, R1CS_FILE, Readers::Everybody, |out| r1cs.write(out))
                    .with_context(at)?;
            }
        }
        snarkjs_files::write(output, SYMBOLS_FILE, Readers::Everybody, |out| {
            symbols(circuit.circuit(), out)
        })
        .with_context(at)?;
        snarkjs_files::write(output, PUBLIC_INPUTS_FILE, Readers::Everybody, |out| {
            public_inputs(circuit.circuit(), out)
        })
        .with_context(at)?;
        if let (true, Some(key)) = (self.with_proof, key.as_ref()) {
            bar.set_message("proving the examples");
            self.prove(&manifest, &circuit, key.zkey.clone())?;
        }
        bar.finish_and_clear();
        self.tell(key.as_ref());
        Ok(ExitCode::SUCCESS)
    }

    fn key(&self, circuit: &Circuit, manifest: &Manifest) -> anyhow::Result<Option<StoredKey>> {
        let Some(dir) = &self.key_store else {
            return Ok(None);
        };
        let policy = KeyPolicy {
            allow_dev_keys: self.allow_dev_keys,
        };
        let key = KeyStore::new(dir).get(&circuit.r1cs.digest(), policy)?;
        let key = key.with_context(|| {
            format!(
                "{} has no key for the circuit of {} version {}: `merits scale setup` makes one",
                dir.display(),
                manifest.id(),
                manifest.version().0
            )
        })?;
        Ok(Some(key))
    }

    fn prove(
        &self,
        manifest: &Manifest,
        circuit: &merits_circuits::earn::EarnCircuit,
        zkey: Zkey,
    ) -> anyhow::Result<()> {
        let assignment = batch::assignment(manifest, circuit)?;
        let prover = merits_circuits::prover::SimdProver::new(zkey)?;
        let proof = prover.prove(&assignment, &mut rand::rng())?;
        let publics = circuit.circuit().r1cs.n_public as usize;
        snarkjs_files::write_proof(&self.output, publics, &assignment, &proof)
            .with_context(|| self.output.display().to_string())
    }

    fn tell(&self, key: Option<&StoredKey>) {
        println!("wrote to {}", self.output.display());
        println!("   {R1CS_FILE:<22} the constraints, as circom writes them");
        println!("   {SYMBOLS_FILE:<22} names of the wires");
        println!("   {PUBLIC_INPUTS_FILE:<22} names of the public inputs, in order");
        match key {
            Some(key) => {
                println!("   {ZKEY_FILE:<22} the proving key ({})", key.provenance);
                println!("   {VERIFICATION_KEY_FILE:<22} the verifying key");
            }
            None => println!("no key: name a store with --key-store to have it written too"),
        }
        if self.with_proof {
            println!(
                "   witness.wtns           the examples' wires (a witness has the records in the clear)"
            );
            println!("   proof.json             a proof of the examples");
            println!("   public.json            its public inputs");
        }
    }
}

/// circom's symbols: label, wire, component, name; one line for each wire from 1 on.
fn symbols(circuit: &Circuit, out: &mut impl Write) -> std::io::Result<()> {
    let wires = circuit.r1cs.n_wires as usize;
    let mut names: Vec<Option<&str>> = vec![None; wires];
    let publics = circuit.public_labels.iter().map(String::as_str);
    for (wire, label) in publics.enumerate().map(|(i, label)| (i + 1, label)) {
        if let Some(name) = names.get_mut(wire) {
            *name = Some(label);
        }
    }
    for (label, wire) in &circuit.input_labels {
        if let Some(name) = names.get_mut(wire.index()) {
            *name = Some(label);
        }
    }
    for (wire, name) in names.iter().enumerate().skip(1) {
        match name {
            // Commas separate the columns.
            Some(name) => {
                let name = name.replace(',', ";").replace(' ', "_");
                writeln!(out, "{wire},{wire},0,main.{name}")?;
            }
            None => writeln!(out, "{wire},{wire},0,main.wire[{wire}]")?,
        }
    }
    Ok(())
}

fn public_inputs(circuit: &Circuit, out: &mut impl Write) -> std::io::Result<()> {
    for (at, label) in circuit.public_labels.iter().enumerate() {
        writeln!(out, "{at} {label}")?;
    }
    Ok(())
}

const SYMBOLS_FILE: &str = "circuit.sym";
const PUBLIC_INPUTS_FILE: &str = "public_inputs.txt";
