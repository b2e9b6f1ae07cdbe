//! The exchange: where credits become what sponsors offer.
//!
//! A wallet sends a redemption; the exchange signs it, puts it into the log, and only then hands
//! out one of the sponsor's vouchers, sealed to a key that the redemption names. The order is the
//! point: the log decides who gets one of the last vouchers, not this process, so no number of
//! concurrent requests, exchanges or crashes sells more than the quota.
//!
//! - [`config`]: the configuration, and what an exchange does by it: [`config::ExchangeConfig::serve`],
//!   [`config::ExchangeConfig::stock`].
//! - [`exchange`]: the steps of a redemption, and how a crash between them is made good.
//! - [`store`]: the vouchers, in SQLite; which redemption has which.
//! - [`code_file`]: codes as a sponsor's file has them.
//! - [`voucher`]: codes, and how they are sealed to a wallet.
//! - [`net`]: the service and its client.
//!
//! Out of scope: what a voucher is worth and who honours it: the sponsor's matter.

pub mod at_rest;
pub mod code_file;
pub mod config;
mod examine;
pub mod exchange;
mod ledger;
pub mod net;
mod running;
pub mod store;
pub mod voucher;

pub use running::{ExchangeError, StockReport};
