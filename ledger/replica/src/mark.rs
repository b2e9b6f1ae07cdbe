//! The high-water mark: the newest tree that a server has handed out or verified, stored separately
//! from the server's data.
//!
//! A data folder that was set back (by a restored image, a snapshot, an empty disk) does not show
//! that it is older. The mark shows it, unless it is set back too. So a mark inside the data folder
//! is refused; it belongs on another disk. The mark is the log's own signed checkpoint. So it is
//! checked under the log's key, it convicts a log that contradicts it, and any party's copy has one
//! from which a mark can begin.

use std::{
    fs::{self, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::{
    GuardError, LockedFile, explain,
    output::{self, Readers},
};
use merits_verifier::log::{Checkpoint, Hash, LogKey, MAX_NOTE_BYTES, SignedCheckpoint};
use thiserror::Error;

/// Why a high-water mark cannot be used, or what it refuses.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MarkError {
    /// Reading or writing failed.
    #[error("high-water mark {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Others could replace it, so that the server could go below it, or it cannot be written, so
    /// that the server would stop.
    #[error("high-water mark {0}")]
    Guard(#[from] GuardError),
    /// It cannot be raised, so nothing newer may be published.
    #[error(
        "the high-water mark {} cannot be written: {source}. It is written before anything newer is shown, so \
         nothing is served: see that the user who runs this owns it and its folder, that both may be written, and \
         that the disk is neither full nor mounted read-only",
        path.display()
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It would be set back together with the data that it guards.
    #[error(
        "the high-water mark {} is in {}, the folder that it guards. Restoring that folder would restore the \
         mark too: let `high_water_mark` name a file outside, best on another disk",
        path.display(), folder.display()
    )]
    Inside {
        /// The path of the mark, with links resolved.
        path: PathBuf,
        /// The data folder, with links resolved.
        folder: PathBuf,
    },
    /// Another process has it open, most often a second run of the same command.
    #[error(
        "another program works with the high-water mark {} now: a second command of the same party, or its \
         server. Wait until it has ended and run this again; what shall run at the same time needs a mark \
         and data of its own (`high_water_mark` and `replica` in its configuration, or `data_dir` of a \
         coordinator)",
        path.display()
    )]
    InUse {
        /// The mark.
        path: PathBuf,
    },
    /// A copy of the log was kept under it, but it is missing.
    #[error(
        "the high-water mark {} is not there, and the copy of the log in {} was kept under it: without it \
         nobody notices if this copy or the log comes back older. Bring the file back. If it is lost, begin a \
         new one at the newest checkpoint that any party has: `merits mark --config FILE --checkpoint \
         checkpoint.txt`{}",
        path.display(),
        copy.display(),
        if *commands {
            ", with --commands, because this is the copy of the commands and not of the server"
        } else {
            ""
        }
    )]
    Lost {
        /// The path of the mark.
        path: PathBuf,
        /// The folder of the copy.
        copy: PathBuf,
        /// For the copy beside a server's.
        commands: bool,
    },
    /// There is a mark, so none is begun.
    #[error(
        "the high-water mark {} is there already, at {size} entries: nothing was changed. A server raises it by \
         itself",
        path.display()
    )]
    Begun {
        /// The mark.
        path: PathBuf,
        /// Entries that it covers.
        size: u64,
    },
    /// There is no copy that the commands keep beside a server's.
    #[error(
        "there is no copy of the log in {}, so no mark was begun: only the commands of a supervisor, a witness and \
         an exchange keep a copy beside their server's, and its first synchronisation makes its mark. Without \
         --commands, the mark is that of the server's copy",
        copy.display()
    )]
    NoCopy {
        /// Where it would be.
        copy: PathBuf,
    },
    /// The file from which a mark should begin is not a checkpoint of this log.
    #[error(
        "the checkpoint in {}: {reason}. Name a checkpoint of this log, such as `checkpoint.txt` in a party's \
         copy of it; no mark was made",
        path.display()
    )]
    NoCheckpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Not a checkpoint that this log signed.
    #[error(
        "the high-water mark {} is not a checkpoint of this log: {reason}. Nothing is served until it is one: bring the \
         file back. If it is lost, move this one away and begin a new one at the newest checkpoint that any party \
         has: {}",
        path.display(),
        if path.to_string_lossy().ends_with(COMMANDS_SUFFIX) {
            "`merits mark --config FILE --checkpoint checkpoint.txt --commands`"
        } else {
            "`merits mark --config FILE --checkpoint checkpoint.txt`, or for a coordinator's mark `merits coordinator \
             mark --config FILE --checkpoint checkpoint.txt`"
        }
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The data is older than what was handed out.
    #[error(
        "the high-water mark {} says that {mark} entries were published, and there are {found}: \
         this is an older copy, and going on from it would fork the log; \
         bring back the newest data (`merits coordinator restore` for a ledger)",
        path.display()
    )]
    Below {
        /// The mark.
        path: PathBuf,
        /// Entries that the mark covers.
        mark: u64,
        /// Entries in the data.
        found: u64,
    },
    /// The data has another history.
    #[error(
        "the high-water mark {} is a tree of {size} entries that the data here does not continue: \
         this is another history of the log; bring back the data that the mark belongs to",
        path.display()
    )]
    Contradicts {
        /// The mark.
        path: PathBuf,
        /// Entries that the mark covers.
        size: u64,
    },
}

/// A server's high-water mark. It holds a lock until it is dropped.
#[derive(Debug)]
pub struct HighWaterMark {
    path: PathBuf,
    newest: Option<(Checkpoint, SignedCheckpoint)>,
    _lock: LockedFile,
    /// The note in a copy's folder, unless it is known to exist.
    note: Option<PathBuf>,
}

impl HighWaterMark {
    /// Opens the mark at `path` of the log with `key`, which must not lie inside `data`. A missing
    /// file is a mark to which nothing was written yet.
    ///
    /// # Errors
    /// [`MarkError`].
    pub fn open(path: &Path, data: &Path, key: &LogKey) -> Result<Self, MarkError> {
        let path = Self::place(path, data)?;
        let lock_path = with_suffix(&path, ".lock");
        let unwritable = |source| MarkError::NotWritable {
            path: path.clone(),
            source: explain::writing(source),
        };
        let lock = merits_guard::open_lock(&lock_path)?;
        let lock = LockedFile::lock(lock).map_err(|error| match error {
            TryLockError::WouldBlock => MarkError::InUse { path: path.clone() },
            TryLockError::Error(error) => unwritable(explain::writing(error)),
        })?;
        // A file that an earlier version made, or a copied one.
        if path.exists() {
            merits_guard::open_lock(&path)?;
        }
        output::prove_replaceable(&path).map_err(unwritable)?;
        Ok(Self {
            newest: read(&path, key)?,
            path,
            _lock: lock,
            note: None,
        })
    }

    /// Opens the mark of the copy of the log in the folder `copy`. The copy records that it has a
    /// mark, so a lost mark is distinguished from one to which nothing was written yet.
    ///
    /// # Errors
    /// [`MarkError::Lost`], or those of [`HighWaterMark::open`].
    pub fn of_copy(path: &Path, copy: &Path, key: &LogKey) -> Result<Self, MarkError> {
        let mark = Self::begin_of_copy(path, copy, key)?;
        if mark.newest.is_none() && copy.join(NOTE).exists() {
            return Err(MarkError::Lost {
                path: mark.path,
                copy: copy.to_owned(),
                commands: copy.to_string_lossy().ends_with(COMMANDS_SUFFIX),
            });
        }
        Ok(mark)
    }

    /// The same, also if the mark was lost: the caller begins another one on purpose.
    ///
    /// # Errors
    /// As [`HighWaterMark::open`].
    pub fn begin_of_copy(path: &Path, copy: &Path, key: &LogKey) -> Result<Self, MarkError> {
        let mut mark = Self::open(path, copy, key)?;
        mark.note = Some(copy.join(NOTE));
        Ok(mark)
    }

    /// The path of a mark, with links resolved, if it is allowed.
    ///
    /// # Errors
    /// [`MarkError::Inside`], [`MarkError::Guard`], or a missing folder.
    pub fn place(path: &Path, data: &Path) -> Result<PathBuf, MarkError> {
        let path = outside(path, data)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        if !folder.is_dir() {
            return Err(at(folder, explain::reading)(io::Error::other(
                "it is not a folder, and the mark is kept in one: make it, or name another",
            )));
        }
        // As every folder with a key.
        merits_guard::check_folder(&path)?;
        Ok(path)
    }

    /// Reads a mark without locking it.
    ///
    /// # Errors
    /// [`MarkError`].
    pub fn look(path: &Path, data: &Path, key: &LogKey) -> Result<Option<Checkpoint>, MarkError> {
        let newest = read(&outside(path, data)?, key)?;
        Ok(newest.map(|(checkpoint, _)| checkpoint))
    }

    /// The path of the mark, with links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest tree that was handed out or verified, if any was.
    pub fn newest(&self) -> Option<&Checkpoint> {
        self.newest.as_ref().map(|(checkpoint, _)| checkpoint)
    }

    /// The same, as the signed note of the log.
    pub fn signed(&self) -> Option<&SignedCheckpoint> {
        self.newest.as_ref().map(|(_, signed)| signed)
    }

    /// Refuses a log of `size` entries that is below the mark, or whose tree at the mark's size has
    /// another root. `root_at` gives that root; `None` counts as another root.
    ///
    /// # Errors
    /// [`MarkError::Below`], [`MarkError::Contradicts`].
    pub fn judge(
        &self,
        size: u64,
        root_at: impl FnOnce(u64) -> Option<Hash>,
    ) -> Result<(), MarkError> {
        let Some(mark) = self.newest() else {
            return Ok(());
        };
        if size < mark.size {
            return Err(MarkError::Below {
                path: self.path.clone(),
                mark: mark.size,
                found: size,
            });
        }
        if root_at(mark.size) != Some(mark.root) {
            return Err(MarkError::Contradicts {
                path: self.path.clone(),
                size: mark.size,
            });
        }
        Ok(())
    }

    /// Raises the mark to a tree that continues the present one. The mark is on disk when this
    /// returns, and only then may the checkpoint be published.
    ///
    /// # Errors
    /// [`MarkError`]; the mark never goes down.
    pub fn raise(
        &mut self,
        checkpoint: &Checkpoint,
        signed: &SignedCheckpoint,
    ) -> Result<(), MarkError> {
        // The caller must have checked that a larger tree continues the mark's (`judge`).
        self.judge(checkpoint.size, |size| {
            if size == checkpoint.size {
                Some(checkpoint.root)
            } else {
                self.newest().map(|mark| mark.root)
            }
        })?;
        if self.newest() != Some(checkpoint) {
            replace(&self.path, &signed.to_string())?;
            self.newest = Some((checkpoint.clone(), signed.clone()));
        }
        self.note()
    }

    /// Records in the copy's folder that it has a mark. This comes after writing the mark: a crash
    /// in between leaves a mark, and the note is written with the next tree.
    fn note(&mut self) -> Result<(), MarkError> {
        let Some(note) = &self.note else {
            return Ok(());
        };
        if !note.exists() {
            let text = format!(
                "This copy of the log is kept under the high-water mark {}.\n",
                self.path.display()
            );
            replace(note, &text)?;
        }
        self.note = None;
        Ok(())
    }
}

/// Replaces a small private file completely. It is on disk when this returns.
fn replace(path: &Path, text: &str) -> Result<(), MarkError> {
    output::replace_own(path, Readers::Owner, |out| out.write_all(text.as_bytes()))
        .map_err(at(path, explain::writing))
}

fn read(path: &Path, key: &LogKey) -> Result<Option<(Checkpoint, SignedCheckpoint)>, MarkError> {
    match merits_text::file::read_at_most(path, MAX_NOTE_BYTES as u64) {
        Ok(text) => parse(path, &text, key).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path, explain::reading)(error)),
    }
}

fn parse(
    path: &Path,
    text: &str,
    key: &LogKey,
) -> Result<(Checkpoint, SignedCheckpoint), MarkError> {
    let malformed = |error: merits_verifier::log::CheckpointError| MarkError::Malformed {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let signed = SignedCheckpoint::parse(text).map_err(malformed)?;
    let checkpoint = signed.verify(key).map_err(malformed)?;
    Ok((checkpoint, signed))
}

/// A checkpoint of this log that somebody kept as a file.
#[cfg(feature = "net")]
pub(crate) fn read_checkpoint(
    path: &Path,
    key: &LogKey,
) -> Result<(Checkpoint, SignedCheckpoint), MarkError> {
    let refuse = |reason: String| MarkError::NoCheckpoint {
        path: path.to_owned(),
        reason,
    };
    let text = merits_text::file::read_at_most(path, MAX_NOTE_BYTES as u64)
        .map_err(|error| refuse(error.to_string()))?;
    let signed = SignedCheckpoint::parse(&text).map_err(|error| refuse(error.to_string()))?;
    let checkpoint = signed
        .verify(key)
        .map_err(|error| refuse(error.to_string()))?;
    Ok((checkpoint, signed))
}

/// The mark's path with links resolved, if it is not inside `data`.
fn outside(path: &Path, data: &Path) -> Result<PathBuf, MarkError> {
    let resolved = resolve(path).map_err(at(path, explain::reading))?;
    let folder = resolve(data).map_err(at(data, explain::reading))?;
    if resolved.starts_with(&folder) {
        return Err(MarkError::Inside {
            path: resolved,
            folder,
        });
    }
    Ok(resolved)
}

/// A path with links resolved, whose last parts need not exist yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(resolved) => return Ok(resolved),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::Error::other(
            "it is a link to nothing: bring back what it leads to, or delete the link",
        ));
    }
    let Some(name) = path.file_name() else {
        return Err(io::Error::other(
            "it names a folder that is not there: make it, or name another",
        ));
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(resolve(parent)?.join(name))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// `in_words` says what was tried.
fn at(
    path: &Path,
    in_words: fn(io::Error) -> io::Error,
) -> impl FnOnce(io::Error) -> MarkError + use<> {
    let path = path.to_owned();
    move |source| MarkError::Io {
        path,
        source: in_words(source),
    }
}

/// In a copy's folder once it has a mark.
pub(crate) const NOTE: &str = "marked";
/// The suffix of the copy and of the mark that a party's commands use beside its server.
pub const COMMANDS_SUFFIX: &str = "-commands";
