//! A verified copy of a ledger: follow, check consistency, apply, submit.
//!
//! A party does not trust a coordinator. It acts on its own copy, for which it checked every
//! checkpoint signature, every leaf hash, every rule and every proof when the data arrived. Stored
//! data is trusted, as the party's key files are; [`Replica::replay`] checks it again.
//!
//! - [`Replica`] holds the copy and its state, both on disk or in memory. It knows files and no network.
//! - `Client` talks to a coordinator: submits entries, verifies receipts and signed refusals.
//! - `Follower` joins the two: `Follower::sync` brings the copy up to date.
//!
//! Client, follower and joining by a configuration come with the feature `net`, copies on disk with `sqlite`;
//! both are on by default. Without them the crate does not depend on tonic, tokio or sqlx. A program with a
//! transport of its own, such as a wallet in a browser, gives checkpoints, consistency proofs and leaves to a
//! copy in memory ([`Replica::in_memory`]). This copy makes the same checks as a copy on disk.
//!
//! If a log signed two trees of one size, the error is [`ReplicaError::Rewritten`], and the two
//! signed checkpoints are kept. If a tree is not shown to continue the one before, nothing of it is
//! accepted ([`ReplicaError::NotShown`]).
//!
//! A [`HighWaterMark`] outside the copy's folder remembers the newest verified tree. So a copy that
//! is deleted or becomes older cannot be filled again from a log that went back too.
//!
//! A log could still show different parties different histories. A party that names witnesses
//! ([`WitnessesConfig`]) believes only what enough of them cosigned: copy and client refuse everything
//! else. Without witnesses, the log's own word is all that there is.

mod archive;
#[cfg(feature = "net")]
mod client;
mod clock;
mod config;
mod config_file;
#[cfg(feature = "net")]
mod expected;
#[cfg(feature = "net")]
mod follower;
#[cfg(feature = "net")]
mod joining;
mod mark;
mod replica;
mod retry;

pub use archive::ArchiveError;
#[cfg(feature = "sqlite")]
pub use archive::file::copy_file;
#[cfg(feature = "net")]
pub use client::{Client, ClientError, Submitted};
pub use clock::machine_time;
pub use config::{LedgerConfig, LedgerConfigError, WitnessesConfig};
pub use config_file::{ConfigFileError, ConfigKind, parse_config, read_config};
#[cfg(feature = "net")]
pub use follower::{FollowError, Follower, MOST_AHEAD, Progress};
#[cfg(feature = "net")]
pub use joining::JoinError;
pub use mark::{COMMANDS_SUFFIX, HighWaterMark, MarkError};
#[cfg(feature = "net")]
pub use merits_proto::{Expected, Security, Verdict};
pub use replica::{Growth, Leaves, Replica, ReplicaError, Update, WriteKitError};
pub use retry::Retry;
