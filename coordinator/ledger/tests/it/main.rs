//! The integration tests of this crate, one program, a module a topic.

mod consent_versions;
mod conservation;
mod docs;
mod earn;
mod figures;
mod founded;
mod history;
mod identities;
mod keys;
mod kinds;
mod measure;
mod offers;
mod open_totals;
mod parties;
mod proposals;
mod redemptions;
mod replay;
mod roles;
mod rows;
mod scales;
mod signatures;
mod storage;
mod supervision;
mod tickets;
mod town;
mod view_keys;
