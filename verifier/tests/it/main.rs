//! The integration tests of this crate, one program, a module a topic.

mod batch;
mod coefficients;
mod cosignatures;
mod dependencies;
mod evidence;
mod foreign_trees;
mod groth16;
mod log;
mod people;
mod reasons;
mod statement;
mod vectors;
