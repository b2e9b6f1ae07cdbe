//! The integration tests of this crate, one program, a module a topic.

mod backups;
mod blobs;
mod clocks;
mod damage;
mod federation;
mod followers;
mod founding;
mod lifecycle;
mod needs;
mod people;
mod refusals;
mod strangers;
mod tiles;
mod twice;
mod wire;
mod writable;
