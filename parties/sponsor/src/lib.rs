//! The sponsor: verifies what it pays for.
//!
//! A sponsor believes neither distributor nor coordinator. It checks every batch twice: by the
//! coordinator's Verifier service ([`net`]), and offline ([`offline`]) from nothing but receipts,
//! the log's public key and its own verified copy of the state. [`report`] says what it found
//! and what it could not see.
//!
//! Offers, escrow and settlement come with the issues that bring them.

pub mod config;
pub mod net;
pub mod offline;
pub mod report;
