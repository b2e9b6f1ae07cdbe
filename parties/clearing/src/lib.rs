//! The clearing bank: verifies issuance and adds up what the log makes public.
//!
//! It checks all batches of a log together ([`batches`]: one pairing product for many proofs),
//! asks the coordinator's Verifier about them over one stream ([`online`]), checks every opened
//! total from the log alone ([`totals`]), and keeps the books ([`issuance`]): how much of each
//! scale exists. Net settlement between institutions comes with the issue that brings offers.

pub mod batches;
pub mod config;
pub mod issuance;
pub mod net;
pub mod online;
pub mod totals;
