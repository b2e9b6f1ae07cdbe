//! All files of one proof for snarkjs, rapidsnark and Solidity generators.

use std::io::{self, Write as _};
use std::path::Path;

use merits_guard::output::{Kind, Output, Readers};
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
    merits_guard::create_shared_folder(dir)?;
    write(dir, keystore::R1CS_FILE, Readers::Everybody, |out| {
        r1cs.write(out)
    })?;
    write(dir, keystore::ZKEY_FILE, Readers::Everybody, |out| {
        zkey.write(out)
    })?;
    let json = snarkjs_json::verification_key(&zkey.key.vk);
    write(
        dir,
        keystore::VERIFICATION_KEY_FILE,
        Readers::Everybody,
        |out| out.write_all(json.as_bytes()),
    )
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
    merits_guard::create_shared_folder(dir)?;
    write(dir, WITNESS_FILE, Readers::Owner, |out| {
        wtns::write(assignment, out)
    })?;
    write_public_part(dir, assignment.get(1..=n_public).unwrap_or_default(), proof)
}

/// Writes `proof.json` and `public.json` alone. Neither is secret.
///
/// # Errors
/// Those of the file system.
pub fn write_public_part(dir: &Path, public: &[Fr], proof: &Proof) -> io::Result<()> {
    merits_guard::create_shared_folder(dir)?;
    write(dir, PROOF_FILE, Readers::Everybody, |out| {
        out.write_all(snarkjs_json::proof(proof).as_bytes())
    })?;
    write(dir, PUBLIC_FILE, Readers::Everybody, |out| {
        out.write_all(snarkjs_json::public(public).as_bytes())
    })
}

/// Writes a new file of a circuit. It never replaces a file.
///
/// # Errors
/// Those of the file system.
pub fn write(
    dir: &Path,
    name: &str,
    readers: Readers,
    write: impl FnOnce(&mut Output<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let kind = Kind::new("a file of a circuit", readers);
    let mut out = Output::begin(&dir.join(name), kind).map_err(io::Error::other)?;
    write(&mut out)?;
    out.publish().map_err(io::Error::other)
}
