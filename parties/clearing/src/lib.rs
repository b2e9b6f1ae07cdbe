//! The clearing bank: verifies issuance and adds up the public data of the log.
//!
//! It checks all batches of a log together ([`batches`]: one pairing product for many proofs), asks
//! the coordinator's Verifier about them over one stream ([`online`]), checks every opened total
//! from the log alone ([`totals`]), and keeps the accounts ([`issuance`]): how much of each scale
//! exists. Net settlement between institutions is not implemented.

pub mod batches;
pub mod config;
pub mod issuance;
pub mod net;
pub mod online;
mod report;
pub mod totals;
