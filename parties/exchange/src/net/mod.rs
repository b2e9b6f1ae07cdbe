//! The network: the `Exchange` service and its client.

mod client;
mod service;

pub use client::{ExchangeClient, ExchangeError, Redeemable, Voucher};
pub use service::{RunError, serve};
