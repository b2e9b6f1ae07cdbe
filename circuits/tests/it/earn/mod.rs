//! Statement `earn`: circuit against native mirror, one test per invariant, every wire perturbed,
//! and the circuit pinned.

mod case;
mod equivalence;
mod invariants;
mod measure;
mod pins;
mod scale_costs;
mod sweep;
mod trace;
