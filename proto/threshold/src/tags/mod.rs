//! The key of the uniqueness tags, which nobody holds alone: a VOPRF (RFC 9497, ristretto255-SHA512) that t of n
//! evaluators compute together.
//!
//! Each evaluator multiplies a blinded element by its share and proves, with RFC 9497's own DLEQ proof, that it used
//! the share whose verification share the ledger has. Lagrange's coefficients combine t such answers to the element
//! that the whole key gives, so the output is the RFC's, whoever answered.
//!
//! - [`share`]: one evaluator's secret share, and what it answers.
//! - [`key`]: what is public of a key: partial answers are checked and combined, and the output is finalised.
//! - [`dealing`]: who deals shares to whom. A first key is made by its holders together; later, t of the holders deal
//!   their shares anew to other holders, and the key stays.
//! - [`message`]: what they publish in three rounds.
//! - [`board`]: what anybody can tell from the published messages.
//! - [`participant`]: one party's part. Its messages and its share follow from one seed and the published messages.
//!
//! FROST's key generation is not used here: its library cannot deal an existing key to other holders, and one protocol
//! for both is easier to check. Both are Feldman's: a dealer commits to a polynomial, everybody checks the commitment,
//! and each holder checks its value. In a first making each dealer binds itself to its commitment by a hash before it
//! sees another's, so nobody chooses the key.

pub mod board;
pub mod dealing;
pub mod key;
pub mod message;
pub mod participant;
mod ristretto;
pub mod share;
#[cfg(test)]
mod tests;

pub use ristretto::ELEMENT_BYTES;
