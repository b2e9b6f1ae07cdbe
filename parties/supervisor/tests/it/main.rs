//! The integration tests of this crate, one program, a module a topic.

mod federation;
mod key_generation;
mod scale_review;
mod supervision;
