//! The integration tests of this crate, one program, a module a topic.

mod federation;
mod key_generation;
mod scale_review;
mod supervision;
#[path = "../../../../proto/tls/tests/it/scene.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared; a failure to set up is a failure"
)]
mod tls;
