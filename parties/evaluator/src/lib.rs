//! The evaluator: one uniqueness tag for each person, under a key that no registrar holds.
//!
//! A registrar sends an identity number blinded; the evaluator raises it to its key (VOPRF of RFC
//! 9497, ristretto255-SHA512) and proves that it used the key on the ledger. It only learns how
//! often each registrar asked, and everybody can learn the same: each evaluation is an entry of the
//! log before it is answered.
//!
//! - [`key`] is the VOPRF key and what is computed with it.
//! - [`judge`] decides which requests the evaluator answers. It does not use the network.
//! - [`net`] is the service.
//! - [`config`] is the configuration; [`config::EvaluatorConfig::announce`] and
//!   [`config::EvaluatorConfig::service`] begin the work.
//!
//! Out of scope: sharing the key among several holders. A single holder of the key can test
//! identity numbers against the tags on the ledger (see `docs/src/identity.md`).

pub mod acts;
pub mod config;
pub mod judge;
pub mod key;
pub mod net;
mod running;

pub use running::EvaluatorError;
