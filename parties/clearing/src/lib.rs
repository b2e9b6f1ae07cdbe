//! The clearing bank: verifies issuance and adds up the public data of the log.
//!
//! It does four things:
//!
//! - [`batches`] checks all batches of a log together, with one pairing product for many proofs;
//! - [`online`] asks the coordinator's Verifier about them over one stream;
//! - [`totals`] checks every opened total from the log alone;
//! - [`issuance`] keeps the accounts: how much of each scale exists.
//!
//! Net settlement between institutions is not implemented.

pub mod batches;
pub mod config;
pub mod issuance;
pub mod net;
pub mod online;
mod report;
pub mod totals;
