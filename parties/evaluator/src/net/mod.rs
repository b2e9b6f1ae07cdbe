//! The network rim: the `Uniqueness` service, and the ledger behind it.

mod ledger;
mod service;

pub use ledger::{Ledger, LedgerFault};
pub use service::{ServeError, UniquenessService, serve};
