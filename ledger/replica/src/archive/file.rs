//! A copy on disk: a SQLite database with leaves, tree and state, and the newest checkpoint that was verified,
//! as a file of its own for others to read.

use std::{
    collections::HashMap,
    fs::{self, TryLockError},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use merits_guard::{
    LockedFile,
    explain::{reading, writing},
    input,
    output::{self, Readers},
};
use merits_ledger::{
    BlobDigest, FactDiffers, LedgerPolicy, UniqueSet,
    rows::{MemoryRows, RowChange, Rows, StateDigest},
    storage::{Commit, Founded, Head, LogRow, wait},
    tree::{Frontier, Node},
};
use merits_ledger_sqlite::{SqliteFile, StateFile, TABLES, Writer, inspect};
use merits_primitives::ids::EntryId;
use merits_sqlite::{FileError, Found, Schema};
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Hash, LogKey, leaf_hash},
};
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::{Archive, ArchiveError, Group};

/// The open files.
#[derive(Debug)]
pub(crate) struct FileArchive {
    directory: PathBuf,
    path: PathBuf,
    file: Arc<StateFile>,
    /// Device and inode of the database.
    place: (u64, u64),
    /// `None` while an update is in progress, and after a failed write.
    writer: Option<Writer>,
    /// Held for as long as the archive is open.
    _lock: LockedFile,
}

const SCHEMA: Schema = Schema {
    what: "copy of a ledger",
    // "MERR".
    application_id: 0x4d45_5252,
    // 2 has blobs, 3 leaves with room for the digest of the state.
    version: 3,
    tables: TABLES,
};

/// The database of the copy in a directory, for checks that trust nothing in it. The copy need not be sound enough to
/// be opened.
pub fn copy_file(directory: &Path) -> SqliteFile {
    SqliteFile::new(directory.join(DATABASE), SCHEMA)
}

impl FileArchive {
    /// Opens the files, or makes them for the log with this key and policy.
    pub(crate) fn open(
        directory: &Path,
        key: &LogKey,
        policy: &LedgerPolicy,
    ) -> Result<Self, ArchiveError> {
        merits_guard::create_folder(directory).map_err(at(directory))?;
        let lock_path = directory.join("lock");
        let lock = merits_guard::open_lock(&lock_path).map_err(FileError::from)?;
        let lock = LockedFile::lock(lock).map_err(|error| match error {
            TryLockError::WouldBlock => ArchiveError::InUse {
                directory: directory.to_owned(),
            },
            TryLockError::Error(source) => at(&lock_path)(source),
        })?;
        for name in [CHECKPOINT, crate::mark::NOTE] {
            let kept = merits_guard::require_file_if_any(&directory.join(name));
            kept.map_err(FileError::from)?;
        }
        let path = directory.join(DATABASE);
        if !path.exists() && directory.join(EARLIER).exists() {
            let directory = directory.to_owned();
            return Err(ArchiveError::Earlier { directory });
        }
        merits_sqlite::restrict(&path)?;
        let failed = failed(&path);
        let (writer, db) = wait(async {
            let mut db = merits_sqlite::durable(&path)
                .connect()
                .await
                .map_err(|error| merits_sqlite::explain(&path, error))?;
            let found = SCHEMA.look(&mut db, &path).await?;
            if found == Found::Empty {
                SCHEMA.create(&mut db).await?;
            }
            merits_sqlite::prove_writable(&mut db, &path).await?;
            // A crash may have happened between creating the tables and writing their description.
            let founded = inspect::log_row(&mut db).await.map_err(&failed)?;
            let mut writer = Writer::new(db);
            if founded.is_none() {
                // The log need not have signed the empty tree.
                let key = key.public().to_bytes();
                let empty = Founded::empty(key, policy, String::new());
                let founded = writer.found(&empty);
                founded.await.map_err(&failed)?;
            }
            let reading = merits_sqlite::durable(&path).read_only(true);
            let db = reading.connect().await.map_err(&failed)?;
            Ok::<_, ArchiveError>((writer, db))
        })?;
        let place = fs::metadata(&path).map_err(reading).map_err(at(&path))?;
        Ok(Self {
            directory: directory.to_owned(),
            path,
            place: (place.dev(), place.ino()),
            file: Arc::new(StateFile::new(db)),
            writer: Some(writer),
            _lock: lock,
        })
    }

    /// The differences between the copy's founding facts and a policy.
    pub(crate) fn differences(
        &self,
        policy: &LedgerPolicy,
    ) -> Result<Vec<FactDiffers>, ArchiveError> {
        self.look(async |db| inspect::differences(db, policy).await)
    }

    /// What the newest update left; nothing where the stored state is of another version.
    pub(crate) fn head(&self) -> Result<Option<Head>, ArchiveError> {
        self.file.head().map_err(self.failed())
    }

    /// The stored log, with any state.
    pub(crate) fn log(&self) -> Result<LogRow, ArchiveError> {
        let row = self.look(async |db| inspect::log_row(db).await)?;
        // It was founded when it was opened.
        row.ok_or_else(|| ArchiveError::database(&self.path, sqlx::Error::RowNotFound))
    }

    /// Refuses a copy without the first or the last leaf of its log, or with one after it. This takes as long in a
    /// longer log. A gap between them is found where its leaf is read.
    pub(crate) fn check_ends(&self, size: u64) -> Result<(), ArchiveError> {
        let is_there = |index: u64| {
            let leaves = self.leaves(index, index + 1, 0);
            leaves.map(|leaves| !leaves.is_empty())
        };
        let has_ends = size == 0 || is_there(0)? && is_there(size - 1)?;
        if has_ends && self.leaves(size, u64::MAX, 0)?.is_empty() {
            return Ok(());
        }
        let (count, _) = self.look(async |db| inspect::leaf_count(db).await)?;
        Err(ArchiveError::Truncated {
            path: self.path.clone(),
            found: count,
            expected: size,
        })
    }

    /// Reads the file while this thread waits.
    fn look<T>(
        &self,
        look: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T, ArchiveError> {
        wait(look(&mut self.file.connection())).map_err(self.failed())
    }

    /// Whether the file of the newest checkpoint says this. A crash between a commit and that file leaves
    /// the one before.
    pub(crate) fn shows(&self, note: &str) -> bool {
        let most = note.len() as u64;
        input::read(&self.directory.join(CHECKPOINT), most)
            .is_ok_and(|shown| shown == note.as_bytes())
    }

    /// Replaces the stored state by one that was computed again from the leaves.
    pub(crate) fn replace_state(
        &mut self,
        size: u64,
        rows: &[RowChange],
        digest: &StateDigest,
    ) -> Result<(), ArchiveError> {
        let failed = failed(&self.path);
        let mut writer = wait(connect(&self.path)).map_err(&failed)?;
        wait(writer.replace_state(size, rows, digest)).map_err(failed)
    }

    /// The version of the stored state.
    pub(crate) fn state_version(&self) -> Result<Option<i64>, ArchiveError> {
        let row = self.look(async |db| inspect::state_row(db).await)?;
        Ok(row.map(|row| row.version))
    }

    fn replace(&self, name: &str, text: &str) -> Result<(), ArchiveError> {
        let path = self.directory.join(name);
        output::replace_own(&path, Readers::Owner, |out| out.write_all(text.as_bytes()))
            .map_err(at(&path))
    }

    /// For `map_err` of the database's errors.
    fn failed(&self) -> impl Fn(sqlx::Error) -> ArchiveError + use<> {
        failed(&self.path)
    }
}

impl Archive for FileArchive {
    fn rows(&self) -> Arc<dyn Rows> {
        Arc::clone(&self.file) as Arc<dyn Rows>
    }

    fn find(&self, id: &EntryId) -> Result<Option<u64>, ArchiveError> {
        self.file.find(id).map_err(self.failed())
    }

    fn ids_from(&self, from: &EntryId, limit: usize) -> Result<Vec<(EntryId, u64)>, ArchiveError> {
        self.file.ids_from(from, limit).map_err(self.failed())
    }

    fn leaves(&self, from: u64, until: u64, bytes: usize) -> Result<Vec<Vec<u8>>, ArchiveError> {
        let leaves = self.file.leaves(from, until, bytes);
        leaves.map_err(self.failed())
    }

    fn nodes(&self, wanted: &[Node]) -> Result<HashMap<Node, Hash>, ArchiveError> {
        self.file.nodes(wanted).map_err(self.failed())
    }

    fn blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>, ArchiveError> {
        self.file.blob(digest).map_err(self.failed())
    }

    fn require_in_place(&self) -> Result<(), ArchiveError> {
        let named = fs::metadata(&self.path)
            .map_err(reading)
            .map_err(at(&self.path))?;
        if (named.dev(), named.ino()) == self.place {
            Ok(())
        } else {
            Err(at(&self.path)(io::Error::other(
                "is another file than the one that was opened: the directory was moved or replaced while \
                 it was in use; start this program again",
            )))
        }
    }

    fn begin(&mut self) -> Result<Group, ArchiveError> {
        self.require_in_place()?;
        let failed = failed(&self.path);
        // A connection that an error left inside a transaction, as a full disk does, is not used again.
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => wait(connect(&self.path)).map_err(&failed)?,
        };
        let group = wait(writer.into_group()).map_err(failed)?;
        let path = self.path.clone();
        Ok(Group::File { group, path })
    }

    fn commit(&mut self, group: Group, head: Head) -> Result<(), ArchiveError> {
        let Group::File { group, .. } = group else {
            return Err(ArchiveError::OtherCopy);
        };
        self.require_in_place()?;
        let (size, note) = (head.size, head.checkpoint.clone());
        let commit = Commit {
            head,
            nodes: Vec::new(),
            rows: Vec::new(),
        };
        match wait(group.end(commit)) {
            Ok(writer) => {
                self.writer = writer;
                Ok(())
            }
            Err(error) => {
                // It may have come after the commit.
                let head = self.file.head().map_err(self.failed())?;
                match head.is_some_and(|head| head.size == size && head.checkpoint == note) {
                    true => Ok(()),
                    false => Err(ArchiveError::database(&self.path, error)),
                }
            }
        }
    }

    fn show_checkpoint(&self, note: &str) -> Result<(), ArchiveError> {
        self.replace(CHECKPOINT, note)
    }

    fn same_tree(&self) -> Result<bool, ArchiveError> {
        let (mut frontier, mut expected, mut last) = (Frontier::new(), HashMap::new(), -1);
        loop {
            let page = self.look(async |db| inspect::leaves(db, last, LEAVES).await)?;
            let Some((index, _, _)) = page.last() else {
                break;
            };
            last = *index;
            for (_, id, leaf) in &page {
                let decoded = Leaf::from_bytes(leaf);
                if !decoded.is_ok_and(|leaf| leaf.entry.id().0[..] == id[..]) {
                    return Ok(false);
                }
                expected.extend(frontier.push(leaf_hash(leaf)));
            }
        }
        let (mut after, mut matched) = ((-1, -1), 0);
        loop {
            let page = self.look(async |db| inspect::nodes(db, after, NODES).await)?;
            let Some((level, index, _)) = page.last() else {
                // Rows are distinct by their key, and each is expected.
                return Ok(matched == expected.len());
            };
            after = (*level, *index);
            for (level, index, hash) in &page {
                let node = u8::try_from(*level).ok().map(|level| Node {
                    level,
                    index: index.cast_unsigned(),
                });
                let known = node.and_then(|node| expected.get(&node));
                if known.is_none_or(|known| known[..] != hash[..]) {
                    return Ok(false);
                }
                matched += 1;
            }
        }
    }

    fn same_used(&self, rows: Option<&MemoryRows>) -> Result<bool, ArchiveError> {
        let expected = rows.into_iter().flat_map(|rows| rows.uniques());
        let expected: HashMap<_, _> = expected
            // Entry ids are unique among the leaves.
            .filter(|((set, _), _)| *set != UniqueSet::Entry)
            .map(|((set, value), index)| ((*set as u8, *value), *index))
            .collect();
        let (mut after, mut matched) = ((-1i64, Vec::new()), 0);
        loop {
            let from = (after.0, &after.1[..]);
            let page = self.look(async |db| inspect::used(db, from, USED).await)?;
            let Some((kind, value, _)) = page.last() else {
                return Ok(matched == expected.len());
            };
            after = (*kind, value.clone());
            for (kind, value, index) in &page {
                let key = u8::try_from(*kind)
                    .ok()
                    .zip(<[u8; 32]>::try_from(&value[..]).ok());
                let known = key.and_then(|key| expected.get(&key));
                if known.map(|known| known.cast_signed()) != Some(*index) {
                    return Ok(false);
                }
                matched += 1;
            }
        }
    }

    fn keep(&self, name: &str, text: &str) -> Result<PathBuf, ArchiveError> {
        self.replace(name, text)?;
        Ok(self.directory.join(name))
    }

    fn kept(&self, _: &str) -> Option<String> {
        None
    }
}

impl Drop for FileArchive {
    /// Whoever copies the folder once the lock is free finds all of it in the file. The reading connection
    /// outlives this, because the state has it too, and folds nothing when it closes. While it reads nothing
    /// it is in nobody's way.
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take()
            && let Err(error) = wait(writer.close())
        {
            tracing::warn!(%error, "the copy of the ledger was not closed in order; nothing is lost");
        }
        // This program must not write to another file under this name.
        if self.require_in_place().is_ok()
            && let Err(error) = wait(merits_sqlite::fold(&self.path))
        {
            tracing::warn!(%error, "the copy of the ledger was not folded; nothing is lost");
        }
    }
}

/// Refuses a copy that another version made, by the header of its file alone and before a network is asked. Anything else
/// is found when the copy is opened.
#[cfg(feature = "net")]
pub(crate) fn require_version(directory: &Path) -> Result<(), ArchiveError> {
    use std::io::Read as _;

    let path = directory.join(DATABASE);
    if !path.exists() && directory.join(EARLIER).exists() {
        let directory = directory.to_owned();
        return Err(ArchiveError::Earlier { directory });
    }
    let mut header = [0; HEADER];
    let read = input::open(&path).and_then(|mut file| file.read_exact(&mut header));
    let number = |at: usize| {
        header
            .get(at..at + 4)?
            .try_into()
            .ok()
            .map(i32::from_be_bytes)
    };
    // A file is made with both at once, and no later program changes either.
    let found = number(USER_VERSION).map(i64::from);
    match found.filter(|found| *found != SCHEMA.version) {
        Some(found) if read.is_ok() && number(APPLICATION_ID) == Some(SCHEMA.application_id) => {
            let known = SCHEMA.version;
            Err(FileError::Version { path, found, known }.into())
        }
        _ => Ok(()),
    }
}

/// Bytes of the header of a SQLite file, and the places of two numbers in it (sqlite.org/fileformat).
#[cfg(feature = "net")]
const HEADER: usize = 100;
#[cfg(feature = "net")]
const USER_VERSION: usize = 60;
#[cfg(feature = "net")]
const APPLICATION_ID: usize = 68;

/// Whether a folder has a copy.
#[cfg(feature = "net")]
pub(crate) fn has_copy(directory: &Path) -> bool {
    directory.join(DATABASE).exists()
}

/// A connection that writes.
async fn connect(path: &Path) -> sqlx::Result<Writer> {
    Ok(Writer::new(merits_sqlite::durable(path).connect().await?))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError + use<> {
    let path = path.to_owned();
    move |source| ArchiveError::Io {
        path,
        source: writing(source),
    }
}

fn failed(path: &Path) -> impl Fn(sqlx::Error) -> ArchiveError + use<> {
    let path = path.to_owned();
    move |source| ArchiveError::database(&path, source)
}

/// Leaves of one query.
const LEAVES: u32 = 256;

/// Nodes of one query.
const NODES: u32 = 4_096;

/// Used values of one query.
const USED: u32 = 4_096;

const DATABASE: &str = "copy.sqlite";
const CHECKPOINT: &str = "checkpoint.txt";
/// Where earlier programs stored the leaves.
const EARLIER: &str = "leaves.bin";
