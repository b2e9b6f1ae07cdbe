//! The integration tests of this crate, one program, a module a topic.

mod cli;
// With the fixture of the ledger, whose earn keys have a trapdoor: `closed_loop` and `kill`.
#[cfg(feature = "bench")]
mod closed_loop;
mod docs;
#[cfg(feature = "bench")]
#[path = "../../coordinator/tests/it/federation/mod.rs"]
mod federation;
#[cfg(feature = "bench")]
mod kill;
