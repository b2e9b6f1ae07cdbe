//! Constraints, witness programs and the prover of the MERITS statements.

pub mod builder;
mod lc;
pub mod program;
mod section;
