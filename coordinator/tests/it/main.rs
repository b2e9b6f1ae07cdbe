//! The integration tests of this crate, one program, a module a topic.

mod backups;
mod blobs;
mod boards;
mod clocks;
mod connections;
mod damage;
mod federation;
mod followers;
mod founding;
mod lifecycle;
mod needs;
mod people;
#[path = "../../../proto/tls/tests/it/raw.rs"]
mod raw;
mod refusals;
mod strangers;
mod tiles;
#[path = "../../../proto/tls/tests/it/scene.rs"]
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared; a failure to set up is a failure"
)]
mod tls;
mod verdicts;
mod wire;
mod writable;
