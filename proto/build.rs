//! Compiles `merits/**/*.proto` with protox (pure Rust: nothing to install), and writes the
//! descriptor set to the file that the reflection service reads.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 8] = [
    "merits/exchange/v1/exchange.proto",
    "merits/fault/v1/fault.proto",
    "merits/ledger/v1/ledger.proto",
    "merits/notes/v1/notes.proto",
    "merits/registry/v1/registry.proto",
    "merits/supervision/v1/supervision.proto",
    "merits/uniqueness/v1/uniqueness.proto",
    "merits/verifier/v1/verifier.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=merits");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("merits.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
