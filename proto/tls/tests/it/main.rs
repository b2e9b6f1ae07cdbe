//! Certificates as other programs see them, and who is at the other end of a connection.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failure to set up is a failure"
)]

mod folders;
mod issued;
mod parties;
mod scene;
