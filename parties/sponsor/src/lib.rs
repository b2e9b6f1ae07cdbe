//! The sponsor: verifies what it pays for, and makes offers for credits.
//!
//! A sponsor trusts neither distributor nor coordinator. It checks every batch twice: by the
//! coordinator's Verifier service ([`net`]), and offline ([`merits_kit::offline`]) from receipts,
//! the log's public key and its own verified copy of the state alone. [`report`] describes what it
//! found and what it could not see.
//!
//! It publishes [`offers`] for credits, and gives their vouchers to exchanges: [`Sponsor`] does
//! both.
//!
//! Escrow and settlement are not implemented.

pub mod config;
pub mod net;
pub mod offers;
pub mod report;
mod sponsor;

pub use sponsor::{ClosedOffer, OfferReport, Sponsor, SponsorError, VOUCHERS, VouchersReport};
