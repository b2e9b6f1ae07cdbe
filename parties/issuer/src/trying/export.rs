//! The circuit of a scale for the field's own tools.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use merits_circuits::{
    builder::Circuit,
    earn::EarnCircuit,
    prover::{KeyError, ProveError, Prover as _, SimdProver},
    snarkjs_files,
};
use merits_guard::{explain::reading, output::Readers};
use merits_params::{
    keystore::{KeyStore, KeyStoreError, R1CS_FILE, StoredKey},
    manifest::Manifest,
};
use merits_primitives::ids::{ScaleId, ScaleVersion};
use merits_verifier::groth16::KeyPolicy;
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;

use super::{ExampleBatchError, example_batch};

/// Name of circom's file of symbols.
pub const SYMBOLS_FILE: &str = "circuit.sym";
/// Name of the file with the public inputs' names.
pub const PUBLIC_INPUTS_FILE: &str = "public_inputs.txt";

/// What is exported.
#[derive(Debug, Clone, Copy)]
pub struct Exporting<'a> {
    /// The folder, which must be empty or absent.
    pub output: &'a Path,
    /// The store to take the key from; without it no key is written.
    pub key_store: Option<&'a Path>,
    /// Which keys are taken.
    pub policy: KeyPolicy,
    /// Whether the scale's examples are proven too.
    pub with_proof: bool,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    /// The folder.
    pub output: PathBuf,
    /// Who could forge under the key, if one was written.
    pub provenance: Option<String>,
    /// Whether a proof of the examples was written. Its witness has their records in the clear.
    pub proof: bool,
}

/// Why nothing, or not all, was exported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Files of another circuit would remain among the new ones.
    #[error("{} is not empty: name another directory", .0.display())]
    NotEmpty(PathBuf),
    /// The folder or a file in it.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key store.
    #[error(transparent)]
    Store(#[from] KeyStoreError),
    /// The store has no key of the circuit.
    #[error(
        "{} has no key for the circuit of {scale} version {}: `merits scale setup` makes one",
        .store.display(), .version.0
    )]
    NoKey {
        /// The store.
        store: PathBuf,
        /// The scale.
        scale: ScaleId,
        /// Its version.
        version: ScaleVersion,
    },
    /// The batch of the examples.
    #[error(transparent)]
    Batch(#[from] ExampleBatchError),
    /// The key, as a prover reads it.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

/// Writes the circuit of a scale, the names of its wires and public inputs, its key, and a proof of its examples.
///
/// # Errors
/// [`ExportError`]. A key that is missing is found before anything is written.
pub fn export(
    manifest: &Manifest,
    circuit: &EarnCircuit,
    exporting: Exporting<'_>,
    rng: &mut impl CryptoRng,
) -> Result<ExportReport, ExportError> {
    let Exporting {
        output,
        key_store,
        policy,
        with_proof,
    } = exporting;
    check_empty(output)?;
    let key = match key_store {
        None => None,
        Some(store) => Some(key_of(manifest, circuit.circuit(), store, policy)?),
    };
    let files = || write_files(output, circuit.circuit(), key.as_ref());
    files().map_err(|source| io_at(output, source))?;
    let provenance = key.as_ref().map(|key| key.provenance.to_string());
    let proof = match key {
        Some(key) if with_proof => {
            let assignment = example_batch(manifest, circuit)?;
            let prover = SimdProver::new(key.zkey)?;
            let proof = prover.prove(&assignment, rng)?;
            let publics = circuit.circuit().r1cs.n_public as usize;
            snarkjs_files::write_proof(output, publics, &assignment, &proof)
                .map_err(|source| io_at(output, source))?;
            true
        }
        _ => false,
    };
    Ok(ExportReport {
        output: output.to_owned(),
        provenance,
        proof,
    })
}

fn io_at(path: &Path, source: io::Error) -> ExportError {
    let path = path.to_owned();
    ExportError::Io { path, source }
}

/// Refuses a folder that has files.
///
/// # Errors
/// [`ExportError::NotEmpty`], [`ExportError::Io`].
pub fn check_empty(output: &Path) -> Result<(), ExportError> {
    if !output.exists() {
        return Ok(());
    }
    let mut files = fs::read_dir(output).map_err(|source| io_at(output, reading(source)))?;
    match files.next() {
        None => Ok(()),
        Some(_) => Err(ExportError::NotEmpty(output.to_owned())),
    }
}

fn key_of(
    manifest: &Manifest,
    circuit: &Circuit,
    store: &Path,
    policy: KeyPolicy,
) -> Result<StoredKey, ExportError> {
    let key = KeyStore::new(store).get(&circuit.r1cs.digest(), policy)?;
    key.ok_or_else(|| ExportError::NoKey {
        store: store.to_owned(),
        scale: manifest.id().clone(),
        version: manifest.version(),
    })
}

fn write_files(output: &Path, circuit: &Circuit, key: Option<&StoredKey>) -> io::Result<()> {
    merits_guard::create_shared_folder(output)?;
    let r1cs = &circuit.r1cs;
    let everybody = Readers::Everybody;
    match key {
        Some(key) => snarkjs_files::write_circuit(output, r1cs, &key.zkey)?,
        None => snarkjs_files::write(output, R1CS_FILE, everybody, |out| r1cs.write(out))?,
    }
    snarkjs_files::write(output, SYMBOLS_FILE, everybody, |out| symbols(circuit, out))?;
    snarkjs_files::write(output, PUBLIC_INPUTS_FILE, everybody, |out| {
        public_inputs(circuit, out)
    })
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
