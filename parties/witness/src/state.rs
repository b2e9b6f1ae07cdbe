//! What a witness cosigned last.
//!
//! The file is replaced as a whole and synced before the signature exists, so that no crash leads to
//! two cosigned histories. It names the witness and the log that it belongs to. A witness without
//! its state is a witness that may sign anything, so a missing file is an error: it is made only
//! with the key, or on purpose, from the newest checkpoint that any party has.

use std::{
    fs::{self, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::{
    GuardError, LockedFile,
    output::{self, Readers},
};
use merits_verifier::log::{Checkpoint, LogKey, MAX_NOTE_BYTES, SignedCheckpoint, WitnessKey};
use thiserror::Error;

const HEADER: &str = "merits-witness-state/v1";

/// Most bytes of the file: a note, two keys and their words.
const MOST_BYTES: u64 = MAX_NOTE_BYTES as u64 + 1_024;

/// Why the state cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// Reading or writing failed.
    #[error("the witness's state {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Others could replace it, and so make the witness sign a second history.
    #[error("the witness's state {0}")]
    Guard(#[from] GuardError),
    /// It is not there.
    #[error(
        "the witness's state {} is not there: without it the witness could cosign a second history. Bring the file \
         back. If it is lost, begin a new one at the newest checkpoint that any party has: `merits witness cosign \
         init --config FILE --checkpoint checkpoint.txt`",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is there already.
    #[error(
        "the witness's state {} is there already: nothing was changed. `merits witness cosign serve` keeps it",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process has it.
    #[error(
        "another program works with the witness's state {} now: one process at a time may cosign with a key",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is not this witness's state of this log.
    #[error(
        "the witness's state {} {found}: nothing is cosigned until it is right. See that `state`, `key` and `log_key` \
         belong together. If the file is damaged, bring no older copy back, because the witness would cosign a \
         second history: move the file away, and begin a new one at the newest checkpoint that any party has \
         (`merits witness cosign init --config FILE --checkpoint checkpoint.txt`)",
        path.display()
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },
}

/// The newest tree that was cosigned. It holds a lock until it is dropped.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    log: LogKey,
    witness: WitnessKey,
    newest: Option<(Checkpoint, SignedCheckpoint)>,
    _lock: LockedFile,
}

impl State {
    /// Makes the state of a new witness, which has cosigned nothing; or of one whose state was lost,
    /// at the newest checkpoint that any party has.
    ///
    /// # Errors
    /// [`StateError::Exists`]; a folder that others may write; a checkpoint that this log did not sign.
    pub fn create(
        path: &Path,
        witness: &WitnessKey,
        log: &LogKey,
        newest: Option<&SignedCheckpoint>,
    ) -> Result<(), StateError> {
        if let Some(signed) = newest {
            signed.verify(log).map_err(|error| StateError::Other {
                path: path.to_owned(),
                found: format!("cannot begin at this checkpoint: {error}"),
            })?;
        }
        merits_guard::check_folder(path)?;
        let text = text(witness, log, newest);
        let made = output::make_own(path, Readers::Owner, |out| out.write_all(text.as_bytes()));
        made.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StateError::Exists {
                path: path.to_owned(),
            },
            _ => failed(path)(source),
        })
    }

    /// Opens the state of this witness of this log.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(path: &Path, witness: &WitnessKey, log: &LogKey) -> Result<Self, StateError> {
        merits_guard::check_folder(path)?;
        // The file itself, whatever link leads to it: one lock for one state.
        let resolved = fs::canonicalize(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StateError::Missing {
                path: path.to_owned(),
            },
            _ => failed(path)(source),
        })?;
        let path = resolved.as_path();
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock = merits_guard::open_lock(Path::new(&lock_path))?;
        let lock = LockedFile::lock(lock).map_err(|error| match error {
            TryLockError::WouldBlock => StateError::InUse {
                path: path.to_owned(),
            },
            TryLockError::Error(source) => failed(path)(source),
        })?;
        // One that an earlier version made, or a copied one.
        merits_guard::open_lock(path)?;
        let newest = read(path, witness, log)?;
        output::prove_replaceable(path).map_err(failed(path))?;
        Ok(Self {
            path: path.to_owned(),
            log: log.clone(),
            witness: witness.clone(),
            newest,
            _lock: lock,
        })
    }

    /// The newest tree that was cosigned.
    pub fn newest(&self) -> Option<&Checkpoint> {
        self.newest.as_ref().map(|(checkpoint, _)| checkpoint)
    }

    /// The same, with the signatures that it had.
    pub fn signed(&self) -> Option<&SignedCheckpoint> {
        self.newest.as_ref().map(|(_, signed)| signed)
    }

    /// Leaves of the newest tree that was cosigned; 0 if none was.
    pub fn size(&self) -> u64 {
        self.newest().map_or(0, |newest| newest.size)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records a tree, which the caller has shown to continue the present one. It is on disk when
    /// this returns, and only then may it be cosigned.
    ///
    /// # Errors
    /// [`StateError`]: nothing may be cosigned; the state stays as it was, or is the new one.
    pub(crate) fn record(
        &mut self,
        checkpoint: Checkpoint,
        signed: SignedCheckpoint,
    ) -> Result<(), StateError> {
        if self.newest() != Some(&checkpoint) {
            let text = text(&self.witness, &self.log, Some(&signed));
            output::replace_own(&self.path, Readers::Owner, |out| {
                out.write_all(text.as_bytes())
            })
            .map_err(failed(&self.path))?;
        }
        self.newest = Some((checkpoint, signed));
        Ok(())
    }
}

fn text(witness: &WitnessKey, log: &LogKey, newest: Option<&SignedCheckpoint>) -> String {
    let newest = newest.map(ToString::to_string).unwrap_or_default();
    format!("{HEADER}\nwitness {witness}\nlog {log}\n\n{newest}")
}

fn read(
    path: &Path,
    witness: &WitnessKey,
    log: &LogKey,
) -> Result<Option<(Checkpoint, SignedCheckpoint)>, StateError> {
    let other = |found: String| StateError::Other {
        path: path.to_owned(),
        found,
    };
    let text = merits_text::file::read_at_most(path, MOST_BYTES).map_err(|source| match source
        .kind()
    {
        io::ErrorKind::NotFound => StateError::Missing {
            path: path.to_owned(),
        },
        _ => failed(path)(source),
    })?;
    let begins = format!("{HEADER}\nwitness {witness}\nlog {log}\n\n");
    let Some(note) = text.strip_prefix(&begins) else {
        return Err(other(if text.starts_with(HEADER) {
            "belongs to another witness or to another log".to_owned()
        } else {
            format!("does not begin with {HEADER}")
        }));
    };
    if note.is_empty() {
        return Ok(None);
    }
    let refuse =
        |error: merits_verifier::log::CheckpointError| other(format!("is damaged: {error}"));
    let signed = SignedCheckpoint::parse(note).map_err(refuse)?;
    let checkpoint = signed.verify(log).map_err(refuse)?;
    Ok(Some((checkpoint, signed)))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> StateError + use<> {
    let path = path.to_owned();
    move |source| StateError::Io {
        path: path.clone(),
        source: merits_guard::explain::writing(source),
    }
}
