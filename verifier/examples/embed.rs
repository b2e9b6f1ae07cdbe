//! Checks a MERITS receipt offline, as any third party can: the log holds the entry, and its proof
//! is valid.
//!
//! `cargo run -p merits-verifier --example embed -- <receipt> <log key text file> \
//!    [<verifying key file> <public inputs file: 32-byte little-endian elements>]`
#![allow(clippy::print_stdout, reason = "an example prints for people")]

use std::{env, error::Error, fs};

use merits_verifier::codec::Canonical;
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance, VerifyingKey};
use merits_verifier::{log::LogKey, primitives::field, receipt::Receipt};

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = env::args().skip(1).collect();
    let [receipt, log_key, proof_files @ ..] = files.as_slice() else {
        return Err("usage: embed <receipt> <log key> [<verifying key> <public inputs>]".into());
    };
    let log_key = LogKey::parse(&fs::read_to_string(log_key)?)?;
    let leaf = Receipt::parse(&fs::read_to_string(receipt)?)?.verify(&log_key)?;
    println!(
        "entry {} is leaf {} of log {}",
        leaf.id(),
        leaf.index(),
        log_key.origin()
    );

    if let [key, inputs] = proof_files {
        // Development keys are for demonstrations; a product takes the default policy.
        let policy = KeyPolicy {
            allow_dev_keys: env::var_os("ALLOW_DEV_KEYS").is_some(),
        };
        let key = VerifyingKey::from_bytes(&fs::read(key)?)?;
        let key = PreparedKey::new(key, Provenance::InsecureDev, policy)?;
        let inputs = fs::read(inputs)?;
        let (elements, []) = inputs.as_chunks::<32>() else {
            return Err("inputs: cut off".into());
        };
        let inputs = elements
            .iter()
            .map(field::from_bytes)
            .collect::<Result<Vec<_>, _>>()?;
        let proof = leaf.leaf().entry.groth16_proof()?;
        groth16::verify(&key, &proof, &inputs)?;
        println!("its proof holds for {} public inputs", inputs.len());
    }
    Ok(())
}
