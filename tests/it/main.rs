//! The integration tests of this crate, one program, a module a topic.

mod ahead;
mod cli;
mod closed_loop;
mod docs;
#[path = "../../coordinator/tests/it/federation/mod.rs"]
mod federation;
mod kill;
mod openings;
mod verified;
mod what_roles_see;
