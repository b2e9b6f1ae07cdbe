//! Scale manifests, terms documents, constraint-system files, Groth16 set-up and the key store.

mod binfile;
pub mod groth16;
pub mod keystore;
pub mod manifest;
mod positioned;
pub mod r1cs;
pub mod snarkjs_json;
pub mod terms;
pub mod trial_key;
pub mod wtns;
pub mod zkey;

pub use binfile::BinFileError;
