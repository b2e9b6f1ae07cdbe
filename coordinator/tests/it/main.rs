//! The integration tests of this crate, one program, a module a topic.

mod damage;
mod federation;
mod kill;
mod lifecycle;
mod people;
mod refusals;
mod strangers;
mod wire;
