//! The integration tests of this crate, one program, a module a topic.

mod copies;
mod cosigned;
mod following;
mod log;
mod marks;
mod memory;
mod refusals;
mod writing;
