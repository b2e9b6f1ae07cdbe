//! Constraints, witness programs and the prover of the MERITS statements.
//!
//! A statement is written once, with [`builder::Builder`], which makes its constraints and the
//! [`program::Program`] that fills the wires. Both are made once; a proof is `program.run(inputs)`
//! and [`prover::Prover::prove`].

pub mod builder;
mod circuit;
pub mod differential;
pub mod earn;
mod element;
mod evaluations;
pub mod formula;
pub mod formula_circuit;
pub mod gadgets;
mod lc;
pub mod person;
pub mod program;
pub mod prover;
pub mod redeem;
mod section;
pub mod snarkjs_files;
pub mod ticket;
mod trace;
