//! Everything about one proof as files for snarkjs, rapidsnark and Solidity generators.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use merits_params::{keystore, r1cs::R1cs, snarkjs_json, wtns, zkey::Zkey};
use merits_primitives::Fr;
use merits_verifier::groth16::Proof;

/// Name of the witness file.
pub const WITNESS_FILE: &str = "witness.wtns";
/// Name of the proof file.
pub const PROOF_FILE: &str = "proof.json";
/// Name of the public inputs' file.
pub const PUBLIC_FILE: &str = "public.json";

/// Writes `circuit.r1cs`, `circuit.zkey` and `verification_key.json` of a circuit.
///
/// # Errors
/// Those of the file system.
pub fn write_circuit(dir: &Path, r1cs: &R1cs, zkey: &Zkey) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    buffered(&dir.join(keystore::R1CS_FILE), |out| r1cs.write(out))?;
    buffered(&dir.join(keystore::ZKEY_FILE), |out| zkey.write(out))?;
    let json = snarkjs_json::verification_key(&zkey.key.vk);
    fs::write(dir.join(keystore::VERIFICATION_KEY_FILE), json)
}

/// Writes `witness.wtns` (secret: it holds the records), `proof.json` and `public.json`.
///
/// # Errors
/// Those of the file system.
pub fn write_proof(
    dir: &Path,
    n_public: usize,
    assignment: &[Fr],
    proof: &Proof,
) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    buffered(&dir.join(WITNESS_FILE), |out| wtns::write(assignment, out))?;
    write_public_part(dir, assignment.get(1..=n_public).unwrap_or_default(), proof)
}

/// Writes `proof.json` and `public.json` alone: what may be shown to anybody.
///
/// # Errors
/// Those of the file system.
pub fn write_public_part(dir: &Path, public: &[Fr], proof: &Proof) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join(PROOF_FILE), snarkjs_json::proof(proof))?;
    fs::write(dir.join(PUBLIC_FILE), snarkjs_json::public(public))
}

fn buffered(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    write(&mut out)?;
    out.flush()
}
