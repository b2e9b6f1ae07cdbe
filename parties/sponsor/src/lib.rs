//! The sponsor: verifies what it pays for, and offers things for credits.
//!
//! A sponsor believes neither distributor nor coordinator. It checks every batch twice: by the
//! coordinator's Verifier service ([`net`]), and offline ([`merits_kit::offline`]) from nothing but receipts,
//! the log's public key and its own verified copy of the state. [`report`] says what it found
//! and what it could not see.
//!
//! What it gives for credits it publishes as [`offers`], and hands their vouchers to exchanges: [`Sponsor`] does
//! both on the ledger.
//!
//! Escrow and settlement come with the issues that bring them.

pub mod config;
pub mod net;
pub mod offers;
pub mod report;
mod sponsor;

pub use sponsor::{OfferReport, Sponsor, SponsorError, VOUCHERS};
