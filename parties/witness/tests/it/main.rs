//! The integration tests of this crate, one program, a module a topic.

mod evil;
mod ledger_states;
mod protocol;
mod quorum;
mod scene;
mod states;
