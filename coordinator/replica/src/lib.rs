//! A verified copy of a ledger: follow, check consistency, apply, submit.
//!
//! A party does not trust a coordinator. It acts on its own copy, for which it checked every
//! checkpoint signature, every leaf hash, every rule and every proof when the data arrived. Stored
//! data is trusted, as the party's key files are; [`Replica::replay`] checks it again.
//!
//! - [`Replica`] holds the copy and its state, both on disk. It uses files but no network.
//! - [`Client`] talks to a coordinator: submits entries, verifies receipts and signed refusals.
//! - [`Follower`] joins the two: [`Follower::sync`] brings the copy up to date.
//!
//! If a log signed two trees of one size, the error is [`ReplicaError::Rewritten`], and the two
//! signed checkpoints are kept. If a tree is not shown to continue the one before, nothing of it is
//! accepted ([`ReplicaError::NotShown`]).
//!
//! A [`HighWaterMark`] outside the copy's folder remembers the newest verified tree. So a copy that
//! is deleted or becomes older cannot be filled again from a log that went back too.
//!
//! Out of scope: comparing checkpoints with other parties (a log could still show different
//! parties different histories; witness cosignatures are for that).

mod archive;
mod client;
mod clock;
mod config;
mod follower;
mod mark;
mod replica;

pub use archive::ArchiveError;
pub use client::{Client, ClientError, Submitted};
pub use clock::unix_millis;
pub use config::{ConfigFileError, JoinError, LedgerConfig, LedgerConfigError, read_config};
pub use follower::{FollowError, Follower, MOST_AHEAD, Progress};
pub use mark::{DESK, HighWaterMark, MarkError};
pub use merits_proto::Verdict;
pub use replica::{Growth, Leaves, Replica, ReplicaError, Update, WriteKitError};
