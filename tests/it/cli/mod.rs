//! The `merits` command as a user meets it: its help, and what it says to bad input.
//!
//! At most one small proof is made here, so every test is quick. A whole federation is started by
//! `tests/by_hand/run.sh`, which also makes the kit and the receipt in `tests/it/cli/federation`
//! (`--fixtures`); the demonstration runs in CI.

mod authority;
mod board;
mod configuration;
mod demo;
mod founding;
mod help;
mod holders;
mod inputs;
mod kept_files;
mod key_generation;
mod keys;
mod offers;
mod operations;
mod outputs;
mod people_receipts;
mod printing;
mod prover;
mod receipts;
mod rotated;
pub(crate) mod run;
mod scale;
mod servers;
mod signing;
mod stores;
mod texts;
mod wallet;
mod witnesses;

pub(crate) use run::merits;
