//! The integration tests of this crate, one program, a module a topic.

mod fraud;
mod growing;
mod history;
mod on_a_ledger;
mod rule_files;
mod shipped;
