//! The exchange: turns credits into the vouchers that sponsors offer.
//!
//! A wallet sends a redemption; the exchange signs it, puts it into the log, and only then hands
//! out one of the sponsor's vouchers, sealed to a key that the redemption names. The order matters:
//! the log, not this process, decides who gets one of the last vouchers, so no number of concurrent
//! requests, exchanges or crashes can sell more than the quota.
//!
//! - [`config`]: the configuration, and the commands of an exchange:
//!   [`config::ExchangeConfig::serve`], [`config::ExchangeConfig::stock`].
//! - [`exchange`]: the steps of a redemption, and the recovery from a crash between them.
//! - [`store`]: the vouchers in SQLite, and which redemption has which.
//! - [`code_file`]: codes from a sponsor's file.
//! - [`voucher`]: codes, and how they are sealed to a wallet.
//! - [`net`]: the service and its client.
//!
//! Out of scope: what a voucher is worth and who honours it. That is up to the sponsor.

pub mod at_rest;
pub mod code_file;
pub mod config;
mod examine;
pub mod exchange;
mod handed;
mod ledger;
pub mod net;
mod running;
pub mod store;
pub mod voucher;

pub use running::{ExchangeError, StockReport};
