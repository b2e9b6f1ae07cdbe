//! Backups and restores. A copy is made while the coordinator serves, and checked as `fsck` does.
//! It is only restored if it is not older than what others have seen.

use std::{
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use futures::future::BoxFuture;
use merits_guard::output::Readers;
use merits_ledger::{
    storage::{Inspect as _, Inspection as _, LogRow, Place as _, Staged, StoreFailure},
    tree::{Frontier, frontier_nodes},
};
use merits_primitives::ids::Origin;
use merits_replica::{HighWaterMark, MarkError};
use merits_verifier::{
    log::{Checkpoint, Hash, LogKey, SignedCheckpoint},
    signature::PublicKey,
};
use rand_core::CryptoRng;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{
    config::Config,
    data_dir,
    error::StartError,
    founding,
    fsck::{self, Report, failed},
    log_key,
    place::{self, Inspect},
};

/// Why a backup was not made or not restored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The configuration, its files, or the ledger in them.
    #[error(transparent)]
    Ledger(#[from] StartError),
    /// The copy is inconsistent.
    #[error(
        "the copy of {} cannot be served as a ledger, so it was deleted:\n{report}\n{} is damaged: {}",
        path.display(),
        path.display(),
        if *live {
            "check it with `merits coordinator fsck`, and restore an older backup"
        } else {
            "take another backup"
        }
    )]
    Unsound {
        /// The copied file.
        path: PathBuf,
        /// The findings of fsck.
        report: String,
        /// True for the ledger's own database, false for a backup of it.
        live: bool,
    },
    /// Existing files are not overwritten.
    #[error("{} exists and is not overwritten; move it away or name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The checkpoint cannot be read.
    #[error("the checkpoint in {}: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The copy lacks entries for which others have receipts.
    #[error(
        "{} holds {found} entries, and the checkpoint in {} covers {needed}: entries that were acknowledged \
         are not in it, and serving it would fork the log. Nothing was changed; bring back newer data, or take a newer backup",
        path.display(),
        checkpoint.display()
    )]
    Behind {
        /// The backup.
        path: PathBuf,
        /// Its entries.
        found: u64,
        /// Where the checkpoint is.
        checkpoint: PathBuf,
        /// Entries that it covers.
        needed: u64,
    },
    /// Nothing shows that the copy is the newest one.
    #[error(
        "the checkpoint in {} is not newer than {} itself, so it does not show that nothing came after the \
         backup, and there is no high-water mark at {} that would. Name the newest checkpoint that another \
         party has (`checkpoint.txt` in its copy of the log). Only if you have looked at every party's, and \
         none has anything newer, say so with --nothing-newer. Nothing was changed",
        checkpoint.display(),
        path.display(),
        mark.display()
    )]
    OwnCheckpoint {
        /// The backup.
        path: PathBuf,
        /// Where the checkpoint is.
        checkpoint: PathBuf,
        /// Where the high-water mark would be.
        mark: PathBuf,
    },
    /// A high-water mark is never lowered.
    #[error(
        "the checkpoint in {} covers {found} entries, and the high-water mark {} is at {mark} already: it is \
         only ever raised. Nothing was changed",
        checkpoint.display(),
        path.display()
    )]
    Lower {
        /// The mark.
        path: PathBuf,
        /// Entries that it covers.
        mark: u64,
        /// Where the checkpoint is.
        checkpoint: PathBuf,
        /// Entries that the checkpoint covers.
        found: u64,
    },
    /// The copy has another history.
    #[error(
        "{} does not continue the checkpoint in {}: it is another history of this log. Nothing was changed",
        path.display(),
        checkpoint.display()
    )]
    OtherHistory {
        /// The backup.
        path: PathBuf,
        /// Where the checkpoint is.
        checkpoint: PathBuf,
    },
}

impl From<StoreFailure> for BackupError {
    fn from(error: StoreFailure) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<MarkError> for BackupError {
    fn from(error: MarkError) -> Self {
        Self::Ledger(error.into())
    }
}

/// A copy that was made or restored.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Kept {
    /// The counts of fsck.
    pub report: Report,
    /// Its newest checkpoint.
    #[serde(serialize_with = "tree")]
    pub checkpoint: Checkpoint,
    /// The separate file of that checkpoint.
    pub checkpoint_file: PathBuf,
}

/// A checkpoint in a serialized report.
#[derive(Serialize)]
struct Tree<'a> {
    origin: &'a str,
    size: u64,
    root: String,
}

fn tree<S: Serializer>(checkpoint: &Checkpoint, serializer: S) -> Result<S::Ok, S::Error> {
    let tree = Tree {
        origin: checkpoint.origin.as_str(),
        size: checkpoint.size,
        root: hex::encode(checkpoint.root),
    };
    tree.serialize(serializer)
}

/// Copies the ledger that `config` names to `output`, also while it is being served, checks the
/// copy, and writes its checkpoint beside it (`output` with `.checkpoint`). The copy does not
/// contain the log key.
///
/// # Errors
/// [`BackupError`]; then no file is left. Existing files are never overwritten.
pub async fn backup(
    config: &Config,
    output: &Path,
    rng: &mut impl CryptoRng,
) -> Result<Kept, BackupError> {
    let place = place::of(config);
    founding::require(config, &place).await?;
    let checkpoint_file = with_suffix(output, ".checkpoint");
    if std::fs::symlink_metadata(&checkpoint_file).is_ok() {
        return Err(BackupError::Exists {
            path: checkpoint_file,
        });
    }
    let key = key_of(config, &place).await?;
    // Read this first, so that the copy can only be newer.
    let mark = HighWaterMark::look(&config.high_water_mark, &config.data_dir, &key)?;
    let staged = place.back_up(output).await.map_err(refused)?;
    let unsound = |report| BackupError::Unsound {
        path: place.name().to_owned(),
        report,
        live: true,
    };
    let (report, signed, checkpoint) = sound(config, &staged, &key, unsound, rng).await?;
    if let Some(mark) = mark {
        let (source, mark_file) = (place.name(), &config.high_water_mark);
        require(&staged, &checkpoint, &mark, source, mark_file).await?;
    }
    put_in_place(staged, &checkpoint_file, &signed.to_string())?;
    Ok(Kept {
        report,
        checkpoint,
        checkpoint_file,
    })
}

/// Gives a backup its name, with its checkpoint beside it: both, or neither.
fn put_in_place<S: Staged + Inspect>(
    staged: S,
    checkpoint_file: &Path,
    checkpoint: &str,
) -> Result<(), BackupError> {
    // The checkpoint first: a backup that has its name is complete.
    write_new(checkpoint_file, checkpoint)?;
    staged.put_in_place().map_err(|error| {
        let _ = std::fs::remove_file(checkpoint_file);
        refused(error)
    })
}

/// Restores a backup as the database of `config`, which must not exist. `not_behind` is a file with
/// a checkpoint that the restored ledger must contain: the newest one that any party has, so that
/// no acknowledged entry is missing. If there is no high-water mark, a checkpoint that the backup
/// contains shows nothing about later ones. Then the backup is only restored if a person states
/// that no party has anything newer (`nothing_newer`). The high-water mark is raised to the backup.
///
/// # Errors
/// [`BackupError`]; no database was made. If only the last step failed, the mark was raised: run the same
/// command again.
pub async fn restore(
    config: &Config,
    input: &Path,
    not_behind: &Path,
    nothing_newer: bool,
    rng: &mut impl CryptoRng,
) -> Result<Kept, BackupError> {
    config.check().map_err(StartError::from)?;
    HighWaterMark::place(&config.high_water_mark, &config.data_dir)?;
    let place = place::of(config);
    let backup = place.backup(input).await.map_err(refused)?;
    let key = key_of(config, &backup).await?;
    let needed = read_checkpoint(not_behind, &key)?;
    let _lock = data_dir::lock_data_dir(config)?;
    let mut mark = HighWaterMark::open(&config.high_water_mark, &config.data_dir, &key)?;
    let staged = place.restore(&backup).await.map_err(refused)?;
    let unsound = |report| BackupError::Unsound {
        path: input.to_owned(),
        report,
        live: false,
    };
    let (report, signed, checkpoint) = sound(config, &staged, &key, unsound, rng).await?;
    require(&staged, &checkpoint, &needed, input, not_behind).await?;
    match mark.newest().cloned() {
        Some(marked) => {
            require(&staged, &checkpoint, &marked, input, mark.path()).await?;
        }
        // A checkpoint in the backup shows nothing about later entries.
        None if needed.size <= checkpoint.size && !nothing_newer => {
            return Err(BackupError::OwnCheckpoint {
                path: input.to_owned(),
                checkpoint: not_behind.to_owned(),
                mark: mark.path().to_owned(),
            });
        }
        None => {}
    }
    // Raise the mark first. If the power fails in between, the same command can be repeated, and a
    // start reports a lost ledger instead of serving one without a mark.
    mark.raise(&checkpoint, &signed)?;
    staged.put_in_place().map_err(refused)?;
    Ok(Kept {
        report,
        checkpoint,
        checkpoint_file: mark.path().to_owned(),
    })
}

/// A high-water mark that was made or raised.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Raised {
    /// The tree that it covers.
    #[serde(serialize_with = "tree")]
    pub checkpoint: Checkpoint,
    /// Entries in the database. If there are fewer than the mark covers, the database is an older
    /// copy, which is not served.
    pub stored: u64,
}

/// Makes the high-water mark from a checkpoint that somebody else kept, or raises it to that. It is
/// never lowered. The database must contain the trees of the old and the new mark, as far as it
/// reaches. If it does not contain both, they are two histories of the log.
///
/// # Errors
/// [`BackupError`]; then the old mark is kept.
pub fn raise_mark<'a>(
    config: &'a Config,
    checkpoint: &'a Path,
) -> BoxFuture<'a, Result<Raised, BackupError>> {
    Box::pin(async move {
        let place = place::of(config);
        founding::require(config, &place).await?;
        let _lock = data_dir::lock_data_dir(config)?;
        let key = key_of(config, &place).await?;
        let (newest, signed) = read_signed(checkpoint, &key)?;
        let mut mark = HighWaterMark::open(&config.high_water_mark, &config.data_dir, &key)?;
        let stored = stored_tree(&place).await?;
        // A tree that the log signed but the database does not reach is accepted: the mark then
        // prevents serving this older copy.
        if newest.size <= stored.size {
            require(&place, &stored, &newest, place.name(), checkpoint).await?;
        }
        if let Some(old) = mark.newest().cloned() {
            // If the database does not reach the mark, there is nothing to compare its successor
            // with.
            require(&place, &stored, &old, place.name(), mark.path()).await?;
            if newest.size < old.size {
                return Err(BackupError::Lower {
                    path: mark.path().to_owned(),
                    mark: old.size,
                    checkpoint: checkpoint.to_owned(),
                    found: newest.size,
                });
            }
        }
        mark.raise(&newest, &signed)?;
        Ok(Raised {
            checkpoint: newest,
            stored: stored.size,
        })
    })
}

/// The tree of the stored nodes, which must be that of the log's row.
async fn stored_tree<I: Inspect>(place: &I) -> Result<Checkpoint, BackupError> {
    let mut inspection = fsck::open(place).await?;
    let row = founded(place, &mut inspection).await?;
    let root = root_at::<I>(&mut inspection, row.size).await?;
    end::<I>(inspection).await?;
    let root = root.filter(|root| root[..] == row.root[..]);
    Ok(Checkpoint {
        origin: Origin::new(&row.origin).map_err(|error| damaged(place, &error.to_string()))?,
        size: row.size,
        root: root.ok_or_else(|| damaged(place, "the stored tree nodes lead to another root"))?,
    })
}

/// The key of the log in a database, whose founding facts must be the configuration's. If the
/// configuration's key file is there, it must be that key.
async fn key_of<I: Inspect>(config: &Config, place: &I) -> Result<LogKey, BackupError> {
    let mut inspection = fsck::open(place).await?;
    fsck::require_facts(place, &mut inspection, config).await?;
    let row = founded(place, &mut inspection).await?;
    end::<I>(inspection).await?;
    let origin = config.origin().map_err(StartError::from)?;
    let key = <[u8; 32]>::try_from(row.log_key.as_slice())
        .ok()
        .and_then(|bytes| PublicKey::from_bytes(&bytes).ok())
        .ok_or_else(|| damaged(place, "the log key is not an Ed25519 key"))?;
    let key = LogKey::new(origin.clone(), key);
    let path = config.log_key_file();
    match log_key::load(&path, &origin)? {
        Some(signer) if *signer.public() != key => Err(StartError::OtherLogKey { path }.into()),
        _ => Ok(key),
    }
}

/// Whose log it is.
async fn founded<I: Inspect>(
    place: &I,
    inspection: &mut I::Inspection,
) -> Result<LogRow, BackupError> {
    let row = inspection.log_row().await.map_err(failed::<I>)?;
    Ok(row.ok_or_else(|| damaged(place, "the log was never founded"))?)
}

fn damaged(place: &impl Inspect, what: &str) -> StartError {
    StartError::Damaged(format!("{}: {what}", place.name().display()))
}

async fn end<I: Inspect>(inspection: I::Inspection) -> Result<(), BackupError> {
    Ok(inspection.end().await.map_err(failed::<I>)?)
}

/// Why a place cannot be used.
fn refused(error: impl Into<StartError>) -> BackupError {
    BackupError::Ledger(error.into())
}

/// Checks a copy as fsck does, and reads its checkpoint. `unsound` makes the error for an
/// inconsistent copy.
async fn sound<I: Inspect>(
    config: &Config,
    copy: &I,
    key: &LogKey,
    unsound: impl Fn(String) -> BackupError,
    rng: &mut impl CryptoRng,
) -> Result<(Report, SignedCheckpoint, Checkpoint), BackupError> {
    let report = fsck::check(config, copy, None, rng).await?;
    if !report.is_clean() {
        return Err(unsound(report.lines()));
    }
    let mut inspection = fsck::open(copy).await?;
    let row = inspection.log_row().await.map_err(failed::<I>)?;
    end::<I>(inspection).await?;
    let row = row.ok_or_else(|| unsound("it was never founded".into()))?;
    let signed =
        SignedCheckpoint::parse(&row.checkpoint).map_err(|error| unsound(error.to_string()))?;
    let checkpoint = signed
        .verify(key)
        .map_err(|error| unsound(error.to_string()))?;
    Ok((report, signed, checkpoint))
}

/// Refuses a copy that does not hold the tree of `needed`.
async fn require<I: Inspect>(
    copy: &I,
    newest: &Checkpoint,
    needed: &Checkpoint,
    source: &Path,
    checkpoint: &Path,
) -> Result<(), BackupError> {
    if newest.size < needed.size {
        return Err(BackupError::Behind {
            path: source.to_owned(),
            found: newest.size,
            checkpoint: checkpoint.to_owned(),
            needed: needed.size,
        });
    }
    let mut inspection = fsck::open(copy).await?;
    let root = root_at::<I>(&mut inspection, needed.size).await?;
    end::<I>(inspection).await?;
    if root == Some(needed.root) {
        Ok(())
    } else {
        Err(BackupError::OtherHistory {
            path: source.to_owned(),
            checkpoint: checkpoint.to_owned(),
        })
    }
}

/// The root of the first `size` leaves, by the stored nodes, which fsck has compared with the leaves.
async fn root_at<I: Inspect>(
    inspection: &mut I::Inspection,
    size: u64,
) -> Result<Option<Hash>, BackupError> {
    let nodes = inspection.nodes_at(&frontier_nodes(size)).await;
    let nodes = nodes.map_err(failed::<I>)?;
    Ok(Frontier::load(&nodes, size).ok().map(|tree| tree.root()))
}

fn read_checkpoint(path: &Path, key: &LogKey) -> Result<Checkpoint, BackupError> {
    Ok(read_signed(path, key)?.0)
}

fn read_signed(path: &Path, key: &LogKey) -> Result<(Checkpoint, SignedCheckpoint), BackupError> {
    let refuse = |reason: String| BackupError::Checkpoint {
        path: path.to_owned(),
        reason,
    };
    let text = merits_text::file::read(path).map_err(|error| {
        refuse(match error.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            ErrorKind::IsADirectory => "is a folder; name the file in it".to_owned(),
            ErrorKind::InvalidData => "is not a checkpoint: it is not text".to_owned(),
            _ => error.to_string(),
        })
    })?;
    let signed = SignedCheckpoint::parse(&text).map_err(|error| refuse(error.to_string()))?;
    let checkpoint = signed
        .verify(key)
        .map_err(|error| refuse(error.to_string()))?;
    Ok((checkpoint, signed))
}

fn write_new(path: &Path, text: &str) -> Result<(), StartError> {
    merits_guard::output::make_own(path, Readers::Owner, |out| out.write_all(text.as_bytes()))
        .map_err(|source| StartError::File {
            action: "write",
            path: path.to_owned(),
            source,
        })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use merits_ledger::storage::Storage as _;

    use super::*;
    use crate::backend;

    /// A store, and a copy of it that is not yet under its name.
    async fn staged(
        dir: &Path,
        output: &Path,
    ) -> <backend::Chosen as merits_ledger::storage::Place>::Staged {
        let place = backend::file(dir.join("store.sqlite"));
        let store = place.create().await.unwrap().unwrap();
        store.end().await.unwrap();
        place.back_up(output).await.unwrap()
    }

    /// Regression: the copy had its name, its checkpoint could not be written, and the next attempt
    /// was refused because the copy existed.
    #[tokio::test]
    async fn a_backup_and_its_checkpoint_are_there_both_or_neither() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("backup");
        let beside = dir.path().join("backup.checkpoint");
        let left = || {
            let mut names: Vec<_> = fs::read_dir(dir.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.starts_with("backup"))
                .collect();
            names.sort();
            names
        };
        // The checkpoint cannot be written.
        let nowhere = dir.path().join("not-there/backup.checkpoint");
        let copy = staged(dir.path(), &output).await;
        assert!(put_in_place(copy, &nowhere, "checkpoint").is_err());
        assert_eq!(left(), Vec::<String>::new());
        // Another program made a file of this name meanwhile: it stays.
        fs::remove_file(dir.path().join("store.sqlite")).unwrap();
        let copy = staged(dir.path(), &output).await;
        fs::write(&beside, "mine").unwrap();
        assert!(put_in_place(copy, &beside, "checkpoint").is_err());
        assert_eq!(left(), ["backup.checkpoint"]);
        assert_eq!(fs::read_to_string(&beside).unwrap(), "mine");
        fs::remove_file(&beside).unwrap();
        // The copy cannot get its name.
        fs::remove_file(dir.path().join("store.sqlite")).unwrap();
        let copy = staged(dir.path(), &output).await;
        fs::write(&output, "mine").unwrap();
        assert!(put_in_place(copy, &beside, "checkpoint").is_err());
        assert_eq!(left(), ["backup"]);
        assert_eq!(fs::read_to_string(&output).unwrap(), "mine");
        fs::remove_file(&output).unwrap();
        // And then it can.
        fs::remove_file(dir.path().join("store.sqlite")).unwrap();
        let copy = staged(dir.path(), &output).await;
        put_in_place(copy, &beside, "checkpoint").unwrap();
        assert_eq!(left(), ["backup", "backup.checkpoint"]);
        assert_eq!(fs::read_to_string(&beside).unwrap(), "checkpoint");
    }
}
