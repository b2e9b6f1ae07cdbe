//! The registrar: knows people, and registers each of them once.
//!
//! A registrar (a bank, say, which has to know its customers anyway) sees a person's identity
//! document and the commitment of the wallet. It asks the evaluator, blindly, for the person's
//! uniqueness tag, and puts tag and commitment on the ledger. The ledger refuses a tag that it
//! has.
//!
//! - [`number`] is the identity number in the one form in which it is evaluated.
//! - [`evaluation`] blinds it, checks the answer's proof, and derives the tag.
//! - [`acts`] signs entries; [`registration`] decides which. Neither knows a network.
//! - [`session`] joins them to a ledger and an evaluator.
//!
//! The identity number is never written: not to disk, not to a log, not into an error.

pub mod acts;
pub mod client;
pub mod config;
pub mod evaluation;
pub mod number;
pub mod registration;
pub mod session;
