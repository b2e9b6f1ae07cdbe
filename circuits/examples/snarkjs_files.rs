//! Writes a proof's files for snarkjs, and checks with our verifier the files that snarkjs made.
//!
//! `cargo run --release -p merits-circuits --example snarkjs_files -- export DIR`
//! `cargo run --release -p merits-circuits --example snarkjs_files -- export-earn DIR`
//! `cargo run --release -p merits-circuits --example snarkjs_files -- export-ticket DIR`
//! `cargo run --release -p merits-circuits --example snarkjs_files -- export-redeem DIR`
//! `cargo run --release -p merits-circuits --example snarkjs_files -- check DIR`

mod statements;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Error, Result, bail};
use merits_bench_circuits::{sampler, sampler_inputs};
use merits_circuits::builder::Circuit;
use merits_circuits::earn::{ClaimWitness, EarnCircuit, EarnTerms, EarnWitness};
use merits_circuits::prover::{Prover, SimdProver};
use merits_circuits::redeem::RedeemCircuit;
use merits_circuits::snarkjs_files::{PROOF_FILE, PUBLIC_FILE, write_circuit, write_proof};
use merits_circuits::ticket::TicketCircuit;
use merits_params::groth16::set_up;
use merits_params::keystore::{KeyStore, VERIFICATION_KEY_FILE};
use merits_params::manifest::Manifest;
use merits_params::snarkjs_json;
use merits_params::zkey::Zkey;
use merits_primitives::{
    Fr,
    commitment::RecordSalt,
    context::Context,
    jubjub::{Point, Scalar},
    owner::{Handle, OwnerKey},
    view_encryption::Exponent,
};
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance};
use rand::{SeedableRng, rngs::StdRng};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", dir] => export(Path::new(dir)),
        ["export-earn", dir] => export_earn(Path::new(dir)),
        ["export-ticket", dir] => export_ticket(Path::new(dir)),
        ["export-redeem", dir] => export_redeem(Path::new(dir)),
        ["check", dir] => check(Path::new(dir)),
        _ => bail!("usage: snarkjs_files export|export-earn|export-ticket|export-redeem|check DIR"),
    }
}

fn export(dir: &Path) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(1);
    let inputs = sampler_inputs(123_456_789, 4321);
    export_of(dir, &sampler(), &inputs, &mut rng)
}

/// A proof of these inputs under a new key.
fn export_of(dir: &Path, circuit: &Circuit, inputs: &[Fr], rng: &mut StdRng) -> Result<()> {
    let assignment = circuit.program.run(inputs)?;
    circuit.check(&assignment)?;
    let zkey = Zkey::new(set_up(&circuit.r1cs, rng)?, &circuit.r1cs);
    write_circuit(dir, &circuit.r1cs, &zkey)?;
    let proof = SimdProver::new(zkey)?.prove(&assignment, rng)?;
    write_proof(dir, circuit.r1cs.n_public as usize, &assignment, &proof)?;
    Ok(())
}

/// Statement earn of cycling-week: the claims of the manifest's own examples.
fn export_earn(dir: &Path) -> Result<()> {
    let manifest =
        Manifest::from_toml(include_str!("../../params/scales/cycling-week/scale.toml"))?;
    let capacity = usize::from(manifest.claims_per_proof());
    let circuit = EarnCircuit::build(manifest.formula(), capacity);
    let claims = (0u64..)
        .zip(manifest.examples())
        .map(|(i, example)| ClaimWitness {
            key: OwnerKey(Fr::from(1_000 + i)),
            handle: Handle(Fr::from(2_000 + i)),
            salt: RecordSalt(Fr::from(3_000 + i)),
            records: example.records.clone(),
            exponent: Exponent::from_bytes(&[i as u8 + 1; 32]),
        });
    let witness = EarnWitness {
        claims: claims.collect(),
        total_exponent: Exponent::from_bytes(&[77; 32]),
        measure_exponent: None,
    };
    let key = |secret: u64| Point::mul_base(&Scalar::from(secret));
    let period = manifest.validity().from;
    let terms = EarnTerms {
        asset: manifest.asset(),
        expiry: manifest.expiry(period),
        period,
        context: Context(Fr::from(5u64)),
        view_key: key(7).context("not zero")?,
        total_key: key(11).context("not zero")?,
        constants: manifest.public_values(manifest.validity().from),
    };
    let statement = witness.statement(manifest.formula(), capacity, &terms)?;
    let inputs = circuit.inputs(&statement, &witness)?;
    let circuit = circuit.circuit();
    let assignment = circuit.program.run(&inputs)?;
    circuit.check(&assignment)?;
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let rng = &mut rand::rng();
    let key = KeyStore::shared().get_or_set_up(&circuit.r1cs, "tests/snarkjs", policy, rng)?;
    write_circuit(dir, &circuit.r1cs, &key.zkey)?;
    let proof = SimdProver::new(key.zkey)?.prove(&assignment, rng)?;
    write_proof(dir, circuit.r1cs.n_public as usize, &assignment, &proof)?;
    Ok(())
}

/// Statement ticket: a person's consent.
fn export_ticket(dir: &Path) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(2);
    let (witness, statement) = statements::ticket(&mut rng).map_err(Error::from_boxed)?;
    let inputs = witness.inputs(&statement(&witness));
    export_of(dir, TicketCircuit::build().circuit(), &inputs, &mut rng)
}

/// Statement redeem: a person's own notes.
fn export_redeem(dir: &Path) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(3);
    let (terms, witness) = statements::redeem(&mut rng).map_err(Error::from_boxed)?;
    let inputs = witness.inputs(&witness.statement(&terms)?);
    export_of(dir, RedeemCircuit::build().circuit(), &inputs, &mut rng)
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
