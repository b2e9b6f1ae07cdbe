//! Where a copy's leaves, tree and state are: in a SQLite file, or in memory.

#[cfg(feature = "sqlite")]
pub(crate) mod file;
mod group;
mod memory;

#[cfg(feature = "sqlite")]
use std::path::Path;
use std::{collections::HashMap, fmt, io, path::PathBuf, sync::Arc};

use merits_ledger::{
    BlobDigest,
    rows::{MemoryRows, Rows},
    storage::Head,
    tree::Node,
};
use merits_primitives::ids::EntryId;
use merits_verifier::log::Hash;
use thiserror::Error;

pub(crate) use group::Group;
pub(crate) use memory::MemoryArchive;

/// What a replica needs of the place where its copy is.
pub(crate) trait Archive: fmt::Debug + Send + Sync {
    /// The committed state.
    fn rows(&self) -> Arc<dyn Rows>;

    /// Index of an entry's leaf.
    fn find(&self, id: &EntryId) -> Result<Option<u64>, ArchiveError>;

    /// The first `limit` entries from an id on, in the order of ids, with the indices of their leaves.
    fn ids_from(&self, from: &EntryId, limit: usize) -> Result<Vec<(EntryId, u64)>, ArchiveError>;

    /// Leaves from `from` on, before `until`, until they hold `bytes` or more: at least one, if there is one.
    fn leaves(&self, from: u64, until: u64, bytes: usize) -> Result<Vec<Vec<u8>>, ArchiveError>;

    /// Hashes of complete subtrees. What is not stored is missing from the answer.
    fn nodes(&self, wanted: &[Node]) -> Result<HashMap<Node, Hash>, ArchiveError>;

    /// The bytes of a blob, as they were stored.
    fn blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>, ArchiveError>;

    /// Refuses to write to a file that is no longer under its name: the next program that opens
    /// that name would not find what was written.
    fn require_in_place(&self) -> Result<(), ArchiveError>;

    /// Begins a transaction of appends. Uncommitted changes are discarded.
    fn begin(&mut self) -> Result<Group, ArchiveError>;

    /// Makes a group durable under a head. After this the copy's own file has all of it.
    fn commit(&mut self, group: Group, head: Head) -> Result<(), ArchiveError>;

    /// Writes the newest checkpoint into a file of its own: for people, and for a coordinator that lost its
    /// mark.
    fn show_checkpoint(&self, note: &str) -> Result<(), ArchiveError>;

    /// Whether each stored leaf has its own entry's id, and the stored nodes are those of the leaves' tree.
    fn same_tree(&self) -> Result<bool, ArchiveError>;

    /// Whether the stored used values are these.
    fn same_used(&self, rows: Option<&MemoryRows>) -> Result<bool, ArchiveError>;

    /// Keeps evidence beside the copy. Returns the file's path, or the name alone for a copy in memory.
    fn keep(&self, name: &str, text: &str) -> Result<PathBuf, ArchiveError>;

    /// Evidence that is in no file, by its name.
    fn kept(&self, name: &str) -> Option<String>;
}

/// Why the replica's files cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Reading or writing failed.
    #[error("replica file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database failed.
    #[cfg(feature = "sqlite")]
    #[error("the copy of the ledger in {path}: {source}{}", mend(source))]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: merits_sqlite::DatabaseError,
    },
    /// The database's file is another program's, or another version's.
    #[cfg(feature = "sqlite")]
    #[error(
        "the copy of the ledger: {error}{advice}",
        error = .0,
        advice = again(.0)
    )]
    File(#[from] merits_sqlite::FileError),
    /// A copy as programs before this one kept it.
    #[error(
        "the copy of the ledger in {directory} was made by an earlier version of this program: delete that directory; the copy is fetched and verified again"
    )]
    Earlier {
        /// The directory of the copy.
        directory: PathBuf,
    },
    /// Fewer leaves than the checkpoint covers, or more.
    #[error(
        "replica {path} holds {found} leaves, its checkpoint covers {expected}: the file was damaged; move the directory away and sync again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Leaves found.
        found: u64,
        /// Leaves that the checkpoint covers.
        expected: u64,
    },
    /// Another process has the replica open.
    #[error(
        "another program works with the copy of the ledger in {} now: a second command of the same \
         wallet or party, or its server. Wait until it has ended and run this again; what shall run \
         at the same time needs a copy of its own (`replica` in the [ledger] table of its \
         configuration)",
        directory.display()
    )]
    InUse {
        /// The copy's directory.
        directory: PathBuf,
    },
    /// A bug: an update that another copy began.
    #[error(
        "the update was begun by another copy of the log, which is this program's fault: start it again"
    )]
    OtherCopy,
}

#[cfg(feature = "sqlite")]
impl ArchiveError {
    /// An error of the database in a file.
    pub(crate) fn database(path: &Path, source: sqlx::Error) -> Self {
        Self::Database {
            path: path.to_owned(),
            source: source.into(),
        }
    }
}

/// What to do about a copy in which something else changed a value or a table.
#[cfg(feature = "sqlite")]
fn mend(error: &merits_sqlite::DatabaseError) -> &'static str {
    if error.is_altered() {
        ". Something else changed it: move its directory away, and the copy is fetched and verified again"
    } else {
        ""
    }
}

/// What to do about a copy's file with a wrong content. The file holds only data that the log also has.
#[cfg(feature = "sqlite")]
fn again(error: &merits_sqlite::FileError) -> &'static str {
    match error {
        merits_sqlite::FileError::Version { found, known, .. } if found < known => {
            ". It is of an older version. If the ledger's coordinator runs this version, delete the copy's directory: \
             the copy is fetched and verified again"
        }
        merits_sqlite::FileError::Version { .. } => "",
        error if error.is_about_content() => {
            ". Delete its directory: the copy is fetched and verified again"
        }
        _ => "",
    }
}
