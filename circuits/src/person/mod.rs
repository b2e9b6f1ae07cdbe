//! A registered person inside a circuit: what statements `ticket` and `redeem` share.
//!
//! The spec, with the invariants PERSON-1 to PERSON-3 that comments here cite, is
//! `docs/src/statement-ticket.md`. [`person`] makes the secret and its identity commitment,
//! [`member`] puts the person's leaf under a root; [`secret_inputs`] and [`path_inputs`] lay out
//! the private inputs of the two, in the order in which the builder takes them.

mod cost;
mod group;
mod secret;

pub use cost::Costs;
pub use group::{leads_to, member, path_inputs};
pub use secret::{Person, person, secret_inputs};
