//! Writes a proof's files for snarkjs, and checks with our verifier the files that snarkjs made.
//!
//! `cargo run --release -p merits-circuits --example snarkjs_files -- export DIR`
//! `cargo run --release -p merits-circuits --example snarkjs_files -- check DIR`

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use merits_circuits::bench_circuits::{sampler, sampler_inputs};
use merits_circuits::prover::{CircomProver, Prover};
use merits_circuits::snarkjs_files::{PROOF_FILE, PUBLIC_FILE, write_circuit, write_proof};
use merits_params::groth16::set_up;
use merits_params::keystore::VERIFICATION_KEY_FILE;
use merits_params::snarkjs_json;
use merits_params::zkey::Zkey;
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance};
use rand::{SeedableRng, rngs::StdRng};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", dir] => export(Path::new(dir)),
        ["check", dir] => check(Path::new(dir)),
        _ => bail!("usage: snarkjs_files export|check DIR"),
    }
}

fn export(dir: &Path) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(1);
    let circuit = sampler();
    let assignment = circuit.program.run(&sampler_inputs(123_456_789, 4321))?;
    circuit.check(&assignment)?;
    let zkey = Zkey::new(set_up(&circuit.r1cs, &mut rng)?, &circuit.r1cs);
    write_circuit(dir, &circuit.r1cs, &zkey)?;
    let proof = CircomProver::new(zkey).prove(&assignment, &mut rng)?;
    write_proof(dir, circuit.r1cs.n_public as usize, &assignment, &proof)?;
    Ok(())
}

fn check(dir: &Path) -> Result<()> {
    let read = |file: &str| fs::read_to_string(dir.join(file));
    let vk = snarkjs_json::read_verification_key(&read(VERIFICATION_KEY_FILE)?)?;
    let proof = snarkjs_json::read_proof(&read(PROOF_FILE)?)?;
    let public = snarkjs_json::read_public(&read(PUBLIC_FILE)?)?;
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(vk, Provenance::InsecureDev, policy)?;
    groth16::verify(&key, &proof, &public)?;
    Ok(())
}
