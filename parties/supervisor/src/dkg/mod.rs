//! The key generation of a quorum's half: each holder runs it on its own machine. Messages travel in entries of the
//! ledger ([`crate::net::KeyMaker`]), or lie in a folder that all holders can read.
//!
//! - [`plan`]: for a folder: which half of which epoch, by whom. Each holder compares it with its own copy of the ledger.
//! - [`board`]: the folder of signed messages.
//! - [`vault`]: one holder's state between its steps, encrypted.
//! - [`share_file`]: the finished share, encrypted.
//! - [`ending`]: its end, when nobody needs it any more.
//! - [`run`]: goes as far as the messages allow, and can be killed at any step.
//!
//! The protocol itself is `merits-threshold`'s. An epoch of the ledger takes a half that was made over the ledger: see
//! `docs/src/supervision.md`.

pub mod board;
pub mod ending;
pub mod plan;
pub mod run;
mod sealed_file;
pub mod share_file;
pub mod vault;
