//! Why a coordinator does not start or stops.

use std::{io, path::PathBuf};

use merits_guard::{GuardError, Secret};
use merits_ledger::FactDiffers;
use merits_ledger::storage::{Outlook, StoreFailure};
use merits_replica::MarkError;
use thiserror::Error;

use crate::backend::PlaceError;

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
    /// The file is not TOML of the expected shape.
    #[error("in the configuration {}: {reason}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and key, or whose configuration it is.
        reason: String,
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
    /// A witness cosigned a larger tree than is stored here.
    #[error(
        "the witness {witness} has cosigned {found} entries that this log signed, and there are {size} here: this is an \
         older copy, and going on from it would fork the log; bring back the newest data (`merits coordinator \
         restore`)"
    )]
    BehindWitness {
        /// Its address.
        witness: String,
        /// Entries that it cosigned.
        found: u64,
        /// Entries that are stored.
        size: u64,
    },
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file or directory cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// The operation that failed.
        action: &'static str,
        /// The file.
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
    #[error(transparent)]
    Listen(#[from] merits_serve::ListenError),
    /// The place of the database: another program's, of another version, or one that cannot be folded or copied.
    #[error(transparent)]
    Store(#[from] PlaceError),
    /// The data directory, its lock or the record of the time is something else, or others could have replaced it.
    #[error(transparent)]
    Exposed(#[from] GuardError),
    /// There is no ledger, and founding one was not requested.
    #[error(
        "there is no ledger at {}: `data_dir` names its folder; \
         a new ledger is founded once, with `merits coordinator serve --found`",
        database.display()
    )]
    NotFounded {
        /// Where the database would be.
        database: PathBuf,
    },
    /// There was a ledger here, but its data is gone.
    #[error(
        "{} has no log, although {} exists: this ledger's data is lost or elsewhere. Nothing was founded, \
         because a second log under the same name would be a fork: bring `data_dir` back, or restore a \
         backup with `merits coordinator restore`. Only if no ledger was ever served with that file, move it \
         away and found one",
        database.display(),
        evidence.display()
    )]
    Lost {
        /// Where the database would be.
        database: PathBuf,
        /// The file that is left of the ledger.
        evidence: PathBuf,
    },
    /// A ledger can be founded only once.
    #[error(
        "{} holds a ledger already; start it without --found, which belongs to the first start only",
        database.display()
    )]
    AlreadyFounded {
        /// The database.
        database: PathBuf,
    },
    /// A founding was interrupted before anything was served.
    #[error(
        "{} says that a founding was cut off; nothing was served from it. \
         Delete {} and found the ledger again",
        marker.display(),
        made.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    FoundingInterrupted {
        /// The file that shows it.
        marker: PathBuf,
        /// The files that the founding may have made.
        made: Vec<PathBuf>,
    },
    /// The ledger's founding parameters differ from the configuration.
    #[error(
        "these founding facts in the configuration differ from those of {}: {}. They never change: set them \
         in the configuration as they are on the ledger",
        database.display(),
        facts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    OtherFacts {
        /// The database.
        database: PathBuf,
        /// The facts that differ.
        facts: Vec<FactDiffers>,
    },
    /// The high-water mark cannot be used, or forbids serving this log.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// The high-water mark is missing.
    #[error(
        "the high-water mark {} is not there: without it nobody can tell whether {} is the newest, or an \
         older copy. If it is lost, make it from the newest checkpoint that another party has \
         (`checkpoint.txt` in its copy of the log): `merits coordinator mark`",
        path.display(),
        database.display()
    )]
    MarkMissing {
        /// Where it should be.
        path: PathBuf,
        /// The database that it guards.
        database: PathBuf,
    },
    /// The log key is missing.
    #[error(
        "the log key {} is not there, and {} is a log that it signed; {}. None was made",
        path.display(),
        database.display(),
        Secret::LogKey.worth().when_lost
    )]
    LogKeyMissing {
        /// Where the key should be.
        path: PathBuf,
        /// The log's database.
        database: PathBuf,
    },
    /// The machine's clock cannot be right.
    #[error("{0}")]
    Clock(String),
    /// The log key is not the one that signed the log so far.
    #[error(
        "the log key {} is not the one that signed this log; {}",
        path.display(),
        Secret::LogKey.worth().when_lost
    )]
    OtherLogKey {
        /// The key file.
        path: PathBuf,
    },
    /// The log key file does not contain a log key.
    #[error(
        "the log key {} {reason}; {}",
        path.display(),
        Secret::LogKey.worth().when_lost
    )]
    LogKey {
        /// The key file.
        path: PathBuf,
        /// The reason, as the end of a sentence.
        reason: String,
    },
    /// Others can read, change or replace the log key.
    #[error("the log key {0}")]
    KeyExposed(GuardError),
    /// The log key's folder is missing, or is not safe for a key.
    #[error("the folder for the log key: {0}")]
    KeyFolder(GuardError),
    /// The stored log contradicts itself.
    #[error("the stored log is damaged: {0}; run `merits coordinator fsck` and restore a backup")]
    Damaged(String),
    /// The store of the ledger failed.
    #[error("the database failed: {0}")]
    Ledger(#[source] StoreFailure),
    /// The gRPC server failed.
    #[error("the gRPC server failed: {0}")]
    Server(String),
}

impl From<StoreFailure> for StartError {
    /// What a person must examine is damage.
    fn from(failure: StoreFailure) -> Self {
        match failure.outlook() {
            Outlook::End => Self::Damaged(failure.to_string()),
            Outlook::Again | Outlook::Restart => Self::Ledger(failure),
        }
    }
}
