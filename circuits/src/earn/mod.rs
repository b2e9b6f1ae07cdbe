//! Statement `earn`: credits follow the formula over committed records.
//!
//! The spec, with the invariants EARN-1 to EARN-17 that comments here cite, is
//! `docs/src/statement-earn.md`. [`EarnCircuit::build`] makes the constraints,
//! [`EarnWitness::statement`] computes the public side natively, [`EarnCircuit::inputs`] lays both
//! out for the witness program, and [`native::check`] is the mirror of the constraints.
//!
//! `merits_verifier::statement::earn` gives the order of public inputs; there is no second list.

mod circuit;
mod claim;
mod cost;
pub mod native;
pub(crate) mod records;
mod totals;
mod witness;

pub use circuit::EarnCircuit;
pub use cost::{CostLine, CostTable};
pub use native::{EarnViolation, check};
pub use totals::total_bits;
pub use witness::{ClaimWitness, EarnTerms, EarnWitness, WitnessFault, Worth};
