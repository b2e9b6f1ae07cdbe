//! The integration tests of this crate, one program, a module a topic.

#![allow(
    clippy::unwrap_used,
    reason = "a failure to set up is a failure of the test"
)]

mod books;
mod clean;
mod copies;
mod damage;
mod forgery;
mod resume;
mod supervision;
