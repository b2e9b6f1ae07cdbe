//! Constraints, witness programs and the prover of the MERITS statements.

pub mod bench_circuits;
pub mod builder;
pub mod gadgets;
pub mod formula;
mod lc;
pub mod program;
pub mod prover;
mod section;
pub mod snarkjs_files;
