//! The integration tests of this crate, one program, a module a topic.

mod connections;
mod cosigned;
mod federation;
mod full_disk;
#[path = "../../../../proto/tls/tests/it/raw.rs"]
mod raw;
mod redemption;
mod strangers;
#[path = "../../../../proto/tls/tests/it/scene.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared; a failure to set up is a failure"
)]
mod tls;
