//! The integration tests of this crate, one program, a module a topic.

mod conservation;
mod docs;
mod earn;
mod figures;
mod founded;
mod history;
mod identities;
mod measure;
mod offers;
mod parties;
mod redemptions;
mod replay;
mod roles;
mod scales;
mod supervision;
mod tickets;
mod town;
mod view_keys;
