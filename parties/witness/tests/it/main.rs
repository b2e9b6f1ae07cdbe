//! The integration tests of this crate, one program, a module a topic.

mod evil;
mod protocol;
mod quorum;
mod scene;
mod states;
