//! A wallet on a ledger with tickets: what it finds, what it reports, and what it computes again.
//!
//! Everything except the proving is real; proofs come from the fixture's trapdoor, after the native
//! check that the real prover makes too.

mod home;
mod keeping;
mod recompute;
mod reports;
mod speaking;
mod viewing;
