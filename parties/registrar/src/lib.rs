//! The registrar: identifies people, and registers each of them once.
//!
//! A registrar (for example a bank, which must know its customers anyway) sees a person's identity
//! document and the commitment of the wallet. It gets the person's uniqueness tag from the
//! evaluator, without revealing the number, and puts tag and commitment on the ledger. The ledger
//! refuses a known tag.
//!
//! - [`number`] is the identity number in its canonical form for evaluation.
//! - [`evaluation`] blinds it, checks the answer's proof, and derives the tag.
//! - [`acts`] signs entries; [`registration`] decides which. Neither uses the network.
//! - [`session`] joins them to a ledger and an evaluator, and [`running`] does so by the
//!   configuration.
//!
//! The identity number is never written: not to disk, not to a log, not into an error.

pub mod acts;
pub mod client;
pub mod config;
pub mod evaluation;
pub mod number;
pub mod registration;
pub mod running;
pub mod session;
