//! The integration tests of this crate, one program, a module a topic.

mod federation;
mod full_disk;
mod redemption;
mod strangers;
