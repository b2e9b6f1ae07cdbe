//! The integration tests of this crate, one program, a module a topic.

mod cli;
// With the fixture of the ledger, whose earn keys have a trapdoor.
#[cfg(feature = "bench")]
mod closed_loop;
mod docs;
