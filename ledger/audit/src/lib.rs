//! What anybody who follows a log can check of it, as reports that can be serialized.
//!
//! - [`books`]: credits issued and redeemed, by scale and expiry bucket, and the entry by which more was redeemed
//!   than can have been issued
//! - [`replay`]: every signature, proof and rule of a copy again, from its first leaf
//! - [`report`]: findings, each with the leaf and the entry that it is about
//!
//! Leaves stream: a check keeps what its report holds, and a sum for each bucket, whatever the length of the log.
//! A check names no party as guilty; it says what the log shows, and who can act on it.

pub mod books;
mod error;
pub mod replay;
pub mod report;

pub use error::AuditError;
