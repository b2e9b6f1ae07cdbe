//! The integration tests of this crate, one program, a module a topic.

mod crash;
mod federation;
mod measured;
mod pipeline;
mod tickets;
