//! Statement `redeem`: circuit against native mirror, one test per invariant, the attacks that the
//! design names, every wire perturbed, and the circuit pinned.

mod attacks;
mod case;
mod equivalence;
mod invariants;
mod pins;
mod proof;
mod sweep;
mod trace;
