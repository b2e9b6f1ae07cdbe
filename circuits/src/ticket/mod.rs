//! Statement `ticket`: a registered person states a message, once per scope, about deeds that are
//! bound to b. Consents, withdrawals and links to a source are all tickets.
//!
//! The spec, with the invariants TICKET-1 to TICKET-4 and PERSON-1 to PERSON-3 that comments here
//! cite, is `docs/src/statement-ticket.md`. [`TicketCircuit::build`] makes the constraints,
//! [`TicketWitness::statement`] computes the public side natively, [`TicketWitness::inputs`] lays
//! both out for the witness program, and [`check`] is the mirror of the constraints.
//!
//! `merits_verifier::statement::ticket` gives the order of public inputs; there is no second list.

mod circuit;
pub mod native;
mod witness;

pub use circuit::TicketCircuit;
pub use native::{TicketViolation, check};
pub use witness::TicketWitness;
