//! The replica's files: leaves one after the other, and the newest checkpoint that was verified.
//!
//! `leaves.bin` is a sequence of (u32 length, leaf). What lies past the checkpoint's size is
//! left over from an update that did not finish, and is cut off at the next start.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use merits_ledger::FoundingFact;
use merits_verifier::entry::MAX_LEAF_BYTES;
use thiserror::Error;

use crate::durable_file;

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
    /// Fewer leaves than the checkpoint covers, or a torn one among them.
    #[error(
        "replica {path} holds {found} whole leaves, its checkpoint covers {expected}: the file was damaged; move the directory away and sync again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Whole leaves found.
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
}

#[derive(Debug)]
pub(crate) struct Archive {
    directory: PathBuf,
    leaves: File,
    /// End of the last leaf that a checkpoint covers.
    end: u64,
    /// Held for as long as the archive is open.
    _lock: File,
}

impl Archive {
    /// Opens the files, or makes them.
    pub(crate) fn open(directory: &Path) -> Result<Self, ArchiveError> {
        fs::create_dir_all(directory).map_err(at(directory))?;
        let lock_path = directory.join("lock");
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ArchiveError::InUse {
                directory: directory.to_owned(),
            },
            TryLockError::Error(source) => at(&lock_path)(source),
        })?;
        let path = directory.join(LEAVES);
        let leaves = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(at(&path))?;
        Ok(Self {
            directory: directory.to_owned(),
            leaves,
            end: 0,
            _lock: lock,
        })
    }

    /// The text of the newest checkpoint, if there is one.
    pub(crate) fn checkpoint(&self) -> Result<Option<String>, ArchiveError> {
        let path = self.directory.join(CHECKPOINT);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(&path)(error)),
        }
    }

    /// The founding facts that the copy was made under, if it says so.
    pub(crate) fn facts(&self) -> Result<Option<Vec<(String, String)>>, ArchiveError> {
        let path = self.directory.join(FACTS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&path)(error)),
        };
        let facts = text.lines().filter_map(|line| line.split_once(" = "));
        Ok(Some(
            facts
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ))
    }

    /// Writes down what the copy is made under.
    pub(crate) fn keep_facts(&self, facts: &[FoundingFact]) -> Result<(), ArchiveError> {
        let lines = facts
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"));
        self.replace(FACTS, &lines.collect::<String>())
    }

    /// Reads the `count` leaves that the checkpoint covers and cuts off what lies behind them.
    pub(crate) fn load<E: From<ArchiveError>>(
        &mut self,
        count: u64,
        mut each: impl FnMut(Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.directory.join(LEAVES);
        self.leaves.seek(SeekFrom::Start(0)).map_err(at(&path))?;
        let mut reader = BufReader::new(&self.leaves);
        let mut end = 0;
        for found in 0..count {
            let leaf = match read_leaf(&mut reader) {
                Ok(leaf) => leaf,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(ArchiveError::Truncated {
                        path,
                        found,
                        expected: count,
                    }
                    .into());
                }
                Err(error) => return Err(at(&path)(error).into()),
            };
            end += LENGTH_BYTES + leaf.len() as u64;
            each(leaf)?;
        }
        self.end = end;
        self.leaves.set_len(end).map_err(at(&path))?;
        Ok(())
    }

    /// Appends leaves and the checkpoint that covers them; both are on disk afterwards.
    pub(crate) fn append(
        &mut self,
        leaves: &[Vec<u8>],
        checkpoint: &str,
    ) -> Result<(), ArchiveError> {
        self.require_in_place()?;
        let path = self.directory.join(LEAVES);
        self.leaves
            .seek(SeekFrom::Start(self.end))
            .map_err(at(&path))?;
        let mut end = self.end;
        let mut writer = BufWriter::new(&self.leaves);
        for leaf in leaves {
            // A leaf has at most 65,535 bytes.
            let length = leaf.len() as u32;
            writer
                .write_all(&length.to_le_bytes())
                .and_then(|()| writer.write_all(leaf))
                .map_err(at(&path))?;
            end += LENGTH_BYTES + leaf.len() as u64;
        }
        writer.flush().map_err(at(&path))?;
        drop(writer);
        self.leaves.sync_all().map_err(at(&path))?;
        self.replace(CHECKPOINT, checkpoint)?;
        self.end = end;
        Ok(())
    }

    /// Refuses to write to a file that is no longer under its name: its leaves would be missing behind
    /// the checkpoint that is.
    fn require_in_place(&self) -> Result<(), ArchiveError> {
        let path = self.directory.join(LEAVES);
        let named = fs::metadata(&path).map_err(at(&path))?;
        let open = self.leaves.metadata().map_err(at(&path))?;
        if (named.dev(), named.ino()) == (open.dev(), open.ino()) {
            Ok(())
        } else {
            Err(at(&path)(io::Error::other(
                "is another file than the one that was opened: the directory was moved or replaced while \
                 it was in use; start this program again",
            )))
        }
    }

    /// Keeps evidence beside the files.
    pub(crate) fn keep(&self, name: &str, text: &str) -> Result<PathBuf, ArchiveError> {
        self.replace(name, text)?;
        Ok(self.directory.join(name))
    }

    fn replace(&self, name: &str, text: &str) -> Result<(), ArchiveError> {
        durable_file::replace(&self.directory.join(name), text)
            .map_err(|(path, source)| ArchiveError::Io { path, source })
    }
}

fn read_leaf(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0u8; LENGTH_BYTES as usize];
    reader.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_LEAF_BYTES {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut leaf = vec![0u8; length];
    reader.read_exact(&mut leaf)?;
    Ok(leaf)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError + use<> {
    let path = path.to_owned();
    move |source| ArchiveError::Io { path, source }
}

const LEAVES: &str = "leaves.bin";
const FACTS: &str = "founding.txt";
const CHECKPOINT: &str = "checkpoint.txt";
const LENGTH_BYTES: u64 = 4;
