//! Why a coordinator does not start, or stops.

use std::{io, net::SocketAddr, path::PathBuf};

use thiserror::Error;

/// A configuration that cannot be used. Its author is to blame.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no TOML of the expected shape.
    #[error("in the configuration {}: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and key.
        source: Box<toml::de::Error>,
    },
    /// A limit of the server is out of its range.
    #[error("in the configuration, {0}")]
    Server(#[from] merits_serve::LimitsError),
    /// A value is out of its range.
    #[error("in the configuration, `{key}`: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
}

/// Why a coordinator does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file or directory cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another coordinator has the data directory.
    #[error("{} is in use by another coordinator; stop that one first", path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The address cannot be served.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The database is another program's.
    #[error("{} is not a coordinator's database; nothing was changed", path.display())]
    ForeignDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database is of another version of this program.
    #[error(
        "{} has schema version {found}, this program reads {known}; \
         use the program of that version, nothing was changed",
        path.display()
    )]
    SchemaVersion {
        /// The file.
        path: PathBuf,
        /// Version found.
        found: i64,
        /// Version of this program.
        known: i64,
    },
    /// The database belongs to another log.
    #[error("the database is of the log {found}, the configuration names {expected}")]
    OtherOrigin {
        /// Origin in the database.
        found: String,
        /// Origin in the configuration.
        expected: String,
    },
    /// The log key is not the one that signed the log so far.
    #[error("the log key in {} is not the one that signed this log", path.display())]
    OtherLogKey {
        /// The key file.
        path: PathBuf,
    },
    /// The log key file is no log key, or readable by others.
    #[error("the log key in {}: {reason}", path.display())]
    LogKey {
        /// The key file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The stored log contradicts itself.
    #[error("the stored log is damaged: {0}; run `merits coordinator fsck` and restore a backup")]
    Damaged(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The gRPC server failed.
    #[error("the gRPC server failed: {0}")]
    Server(String),
}
