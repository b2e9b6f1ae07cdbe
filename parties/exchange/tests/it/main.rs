//! The integration tests of this crate, one program, a module a topic.

mod cosigned;
mod federation;
mod full_disk;
mod redemption;
mod strangers;
