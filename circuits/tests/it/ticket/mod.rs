//! Statement `ticket`: circuit against native mirror, one test per invariant, every wire
//! perturbed, and the circuit pinned.

mod case;
mod equivalence;
mod invariants;
mod pins;
mod proof;
mod sweep;
mod trace;
