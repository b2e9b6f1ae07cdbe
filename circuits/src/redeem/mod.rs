//! Statement `redeem`: a registered person spends one or two of their notes, and the change goes back
//! to the same person. With amount 0 and a floor it is an attestation.
//!
//! The spec, with the invariants REDEEM-1 to REDEEM-12 that comments here cite, is
//! `docs/src/statement-redeem.md`. [`RedeemCircuit::build`] makes the constraints,
//! [`RedeemWitness::statement`] computes the public side natively, [`RedeemWitness::inputs`] lays
//! both out for the witness program, and [`native::check`] is the mirror of the constraints.
//!
//! `merits_verifier::statement::redeem` gives the order of public inputs; there is no second list.

mod circuit;
pub mod native;
mod note;
mod witness;

pub use circuit::RedeemCircuit;
pub use native::{RedeemViolation, check};
pub use witness::{NoteWitness, RedeemFault, RedeemTerms, RedeemWitness};
