//! An evaluator: one uniqueness tag for each person, under a key that no registrar holds, and no evaluator alone.
//!
//! A registrar sends an identity number blinded; each evaluator multiplies it by its share of the key (VOPRF of RFC
//! 9497, ristretto255-SHA512) and proves that it used the share whose verification share is on the ledger. As many
//! evaluators as the ledger's threshold says give the tag together. An evaluator only learns how often each registrar
//! asked, and everybody can learn the same: each evaluation is an entry of the log before it is answered.
//!
//! - [`key`] is the share, and what is computed with it.
//! - [`shares`] finds the present share, and erases old ones; [`dealing`] deals shares over the log.
//! - [`judge`] decides which requests the evaluator answers. It does not use the network.
//! - [`net`] is the service.
//! - [`config`] is the configuration; [`config::EvaluatorConfig::announce`] and
//!   [`config::EvaluatorConfig::service`] begin the work.
//!
//! A ledger may also have one evaluator with the whole key. It can test identity numbers against the tags on the
//! ledger, so the ledger marks such a key for ever (see `docs/src/identity.md`).

pub mod acts;
pub mod config;
pub mod dealing;
pub mod judge;
pub mod key;
pub mod net;
mod running;
pub mod shares;

pub use running::EvaluatorError;
