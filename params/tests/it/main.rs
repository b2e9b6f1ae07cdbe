//! The integration tests of this crate, one program, a module a topic.

mod foreign;
mod formats;
mod keystore;
mod packs;
mod r1cs_file;
