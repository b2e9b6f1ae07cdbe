//! Behaviour records from files: CSV and JSON Lines, by a column mapping, checked against a scale's
//! schema, grouped by subject and period.
//!
//! A source and a distributor read with this same code, so they commit to, and prove about, the
//! same records. A bad row is counted, named with line, column, value and reason, and never stops
//! the rest ([`reject`]). Only a fault that makes every row meaningless stops a reading: a header
//! without a mapped column, a file that is not text, a file that cannot be read ([`ReadError`]).
//!
//! - [`mapping`]: the config; a [`Plan`] is one that fits a schema
//! - [`wall_clock`]: times, and the periods they fall into
//! - [`reading`]: the one entry point, [`reading::read`]
//! - [`one_claim`]: records of one claim, for people who try a scale
//! - [`peoples_table`]: CSV that people open
//! - [`bundle`]: the files that sources and distributors exchange
//! - [`handover`]: the files that wallets hand to registrars, sources and distributors
//!
//! Memory: rows stream; what remains is one compact record for each accepted row and one hash for
//! each row key, which are sorted at the end: the order of a file does not matter. [`limits`]
//! bounds both.
//!
//! Raw records have no type in `proto`, `verifier` or `coordinator`. They live here and below.

pub mod bundle;
mod csv_rows;
pub mod disclosure;
mod field_plan;
pub mod field_text;
pub mod grouping;
pub mod handover;
mod json_rows;
pub mod limits;
mod lines;
pub mod mapping;
pub mod one_claim;
pub mod peoples_table;
mod plan;
pub mod quantity;
pub mod reading;
pub mod reject;
mod row;
pub mod wall_clock;

/// A moment by a local wall clock.
pub use jiff::civil::DateTime;

pub use grouping::{RefusedGroup, SubjectPeriod};
pub use mapping::{Mapping, MappingError};
pub use plan::Plan;
pub use reading::{
    ReadError, ReadOptions, Reading, Report, read, read_file, read_file_with_rejects,
};
pub use reject::{REJECTS, Reason, Reject, RejectsFile};
