//! A witness of a log.
//!
//! A log could show one history to one party and another to the next. A witness remembers the newest
//! tree that it cosigned, and cosigns only trees that continue it. Clients that demand cosignatures
//! of enough witnesses therefore all see one history.
//!
//! - [`state`]: what was cosigned last, on disk before the signature exists
//! - [`cosigner`]: the decision, without network and clock
//! - [`validating`]: for a witness that also runs the ledger's rules over every entry
//! - [`site`]: C2SP tlog-witness over HTTP
//! - [`config`]: the configuration file
//!
//! In scope: one log a process. Out of scope: which witnesses a client demands
//! (`merits_verifier::log::WitnessPolicy`), and asking witnesses (`merits-coordinator`).
//!
//! A witness says with its first key only that the tree continues every tree that it cosigned
//! before. A validating witness has a second key, by which it says in addition that the entries
//! follow the ledger's rules, and that the newest is not of the future.

pub mod config;
pub mod cosigner;
pub mod site;
pub mod state;
pub mod validating;

mod error;
mod running;

pub use error::RunError;
pub use running::Running;
