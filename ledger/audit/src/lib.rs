//! What anybody who follows a log can check of it, as reports that can be serialized.
//!
//! - [`books`]: credits issued and redeemed, by scale and expiry bucket, and the entry by which more was redeemed
//!   than can have been issued
//! - [`replay`]: every signature, proof and rule of a copy again, from its first leaf
//! - [`run`]: everything that is stored of a ledger, and the leaf that each fault is about
//! - [`whole`]: both together for a copy on disk, as one report, in full or from where an earlier audit stopped
//! - [`progress`]: the file that says where an audit stopped
//! - [`page`]: the report as a page for people
//! - [`report`]: findings, each with the leaf and the entry that it is about
//!
//! Leaves stream. The books keep what their report holds, and a sum for each bucket, whatever the length of the log. A
//! run keeps the state and the tree's nodes in memory, to compare what is stored with them.
//! A check names no party as guilty; it says what the log shows, and who can act on it.

pub mod books;
mod error;
pub mod page;
pub mod progress;
pub mod replay;
pub mod report;
pub mod run;
pub mod whole;

pub use error::AuditError;
