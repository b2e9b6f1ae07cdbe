//! The integration tests of this crate, one program, a module a topic.

mod alerts;
mod marks;
mod offline;
