//! Scale manifests, constraint-system files, Groth16 set-up and the key store.

mod binfile;
pub mod r1cs;

pub use binfile::BinFileError;
