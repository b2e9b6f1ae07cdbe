//! The coordinator: orders the ledger, verifies proofs in batches, serves the transparency log
//! over gRPC.
//!
//! In scope: the services Ledger, Notes, Registry and Verifier of `merits-proto`; where the ledger is stored and how it
//! is copied; the sequencer; the verification pool; [`fsck()`]. Out of scope: the meaning of entries and their rules
//! (`merits-ledger`), proofs and receipts (`merits-verifier`), following a log (`merits-replica`). Beside
//! gRPC, the log is served as tiles over HTTP. The coordinator sees only public ledger data and cannot make entries
//! itself: it orders what parties signed and people proved.
//!
//! The steps of a submission: [`Coordinator`]'s gRPC server → intake (permits, early receipt) →
//! verification pool (signatures; proofs in batches by key) → sequencer (rules; one transaction,
//! one sync and one checkpoint for a group) → receipt.
//!
//! Guarantees: an acknowledged entry survives `kill -9` and, if the disk honours syncs, power loss.
//! No guarantee: an entry whose answer was lost may be in the log; submitting it again returns its
//! receipt. The order among submissions in flight is not guaranteed either.

mod archive;
mod backend;
mod backup;
mod clock;
mod clock_peers;
mod clock_start;
mod completeness;
mod config;
mod cosigning;
mod data_dir;
mod error;
mod faults;
mod founding;
mod fsck;
mod holding;
mod intake;
mod keys;
mod log_key;
mod lookups;
mod needs;
mod node;
mod notes;
mod opening;
mod place;
mod published;
mod receipts;
mod sequencer;
mod services;
mod startup;
mod tiles;
mod timekeeper;
mod verify_pool;
mod writing;

pub use backend::{PlaceError, SCHEMA_VERSION};
pub use backup::{BackupError, Kept, Raised, backup, raise_mark, restore};
pub use clock::{Clock, Synchronised, SystemClock};
pub use config::{
    ClockConfig, Config, Database, LogConfig, Sequencer, Verification, WitnessAddress,
};
pub use error::{ConfigError, StartError};
pub use fsck::{Finding, Report, fsck};
pub use log_key::tls_names;
pub use node::{Beginning, Coordinator};
