//! Backups and restores: a copy that is made while the coordinator serves, checked as `fsck` checks, and
//! put back only where it is not behind what others have seen.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use merits_ledger::tree::{Frontier, frontier_nodes};
use merits_replica::{HighWaterMark, MarkError};
use merits_sqlite::{FileError, Staged};
use merits_verifier::{
    log::{Checkpoint, Hash, LogKey, SignedCheckpoint},
    signature::PublicKey,
};
use rand_core::CryptoRng;
use sqlx::{Connection as _, SqliteConnection};
use thiserror::Error;

use crate::{
    config::Config,
    error::StartError,
    fsck::{Report, fsck_file},
    log_key, node, schema, startup,
};

/// Why a backup was not made, or not put back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The configuration, its files, or the ledger in them.
    #[error(transparent)]
    Ledger(#[from] StartError),
    /// The copy does not hold together.
    #[error(
        "the copy of {} is no ledger that could be served, so it was thrown away: {report}",
        path.display()
    )]
    Unsound {
        /// What was copied.
        path: PathBuf,
        /// What fsck found.
        report: String,
    },
    /// The checkpoint cannot be read.
    #[error("the checkpoint in {}: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The copy lacks entries that others have receipts of.
    #[error(
        "{} holds {found} entries, and the checkpoint in {} covers {needed}: entries that were acknowledged \
         are not in it, and serving it would fork the log. Nothing was changed; take a newer backup",
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
    /// The copy is another history.
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

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<FileError> for BackupError {
    fn from(error: FileError) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<MarkError> for BackupError {
    fn from(error: MarkError) -> Self {
        Self::Ledger(error.into())
    }
}

/// A copy that was made or put back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Kept {
    /// What fsck counted in it.
    pub report: Report,
    /// Its newest checkpoint.
    pub checkpoint: Checkpoint,
    /// Where that checkpoint lies as a file of its own.
    pub checkpoint_file: PathBuf,
}

/// Copies the ledger that `config` names to `output`, also while it is served, checks the copy, and
/// writes its checkpoint beside it (`output` with `.checkpoint`). The log key is not in it.
///
/// # Errors
/// [`BackupError`]; nothing is left then. No file is overwritten.
pub async fn backup(
    config: &Config,
    output: &Path,
    rng: &mut impl CryptoRng,
) -> Result<Kept, BackupError> {
    crate::founding::require(config).await?;
    let database = config.database();
    let checkpoint_file = with_suffix(output, ".checkpoint");
    if std::fs::symlink_metadata(&checkpoint_file).is_ok() {
        return Err(FileError::Exists {
            path: checkpoint_file,
        }
        .into());
    }
    let key = key_of(config, &database).await?;
    // Read first: what is copied afterwards may only be newer.
    let mark = HighWaterMark::look(&config.high_water_mark, &config.data_dir, &key)?;
    let staged = Staged::copy_of(&database, output).await?;
    let (report, signed, checkpoint) = sound(config, &database, staged.path(), &key, rng).await?;
    if let Some(mark) = mark {
        require(
            staged.path(),
            &checkpoint,
            &mark,
            &database,
            &config.high_water_mark,
        )
        .await?;
    }
    staged.put_in_place()?;
    write_new(&checkpoint_file, &signed.to_string())?;
    Ok(Kept {
        report,
        checkpoint,
        checkpoint_file,
    })
}

/// Puts a backup where `config` wants its database, which must not exist. `not_behind` is a file with a
/// checkpoint that the restored ledger must hold: the newest that any party has, so that nothing that
/// was acknowledged is missing. The high-water mark is raised to the backup.
///
/// # Errors
/// [`BackupError`]; nothing is changed then.
pub async fn restore(
    config: &Config,
    input: &Path,
    not_behind: &Path,
    rng: &mut impl CryptoRng,
) -> Result<Kept, BackupError> {
    config.check().map_err(StartError::from)?;
    HighWaterMark::place(&config.high_water_mark, &config.data_dir)?;
    let database = config.database();
    let key = key_of(config, input).await?;
    let needed = read_checkpoint(not_behind, &key)?;
    let _lock = node::lock_data_dir(config)?;
    let mut mark = HighWaterMark::open(&config.high_water_mark, &config.data_dir, &key)?;
    let staged = Staged::copy_of(input, &database).await?;
    let (report, signed, checkpoint) = sound(config, input, staged.path(), &key, rng).await?;
    require(staged.path(), &checkpoint, &needed, input, not_behind).await?;
    if let Some(marked) = mark.newest().cloned() {
        require(staged.path(), &checkpoint, &marked, input, mark.path()).await?;
    }
    // The mark first: if the power fails in between, the same command goes on, and a start finds that
    // the ledger is lost instead of one without a mark.
    mark.raise(&checkpoint, &signed)?;
    staged.put_in_place()?;
    Ok(Kept {
        report,
        checkpoint,
        checkpoint_file: mark.path().to_owned(),
    })
}

/// Makes or raises the high-water mark to a checkpoint that somebody else kept. It is never lowered.
///
/// # Errors
/// [`BackupError`].
pub async fn raise_mark(config: &Config, checkpoint: &Path) -> Result<Checkpoint, BackupError> {
    crate::founding::require(config).await?;
    let _lock = node::lock_data_dir(config)?;
    let key = key_of(config, &config.database()).await?;
    let (newest, signed) = read_signed(checkpoint, &key)?;
    let mut mark = HighWaterMark::open(&config.high_water_mark, &config.data_dir, &key)?;
    mark.raise(&newest, &signed)?;
    Ok(newest)
}

/// The key of the log in a database. If the configuration's key file is there, it must be that key.
async fn key_of(config: &Config, database: &Path) -> Result<LogKey, BackupError> {
    let mut db = open(database).await?;
    let row = startup::log_row(&mut db).await?;
    db.close().await?;
    let damaged = |what: &str| StartError::Damaged(format!("{}: {what}", database.display()));
    let row = row.ok_or_else(|| damaged("the log was never founded"))?;
    let origin = config.origin().map_err(StartError::from)?;
    let key = <[u8; 32]>::try_from(row.log_key.as_slice())
        .ok()
        .and_then(|bytes| PublicKey::from_bytes(&bytes).ok())
        .ok_or_else(|| damaged("the log key is no Ed25519 key"))?;
    let key = LogKey::new(origin.clone(), key);
    let path = config.log_key_file();
    match log_key::load(&path, &origin)? {
        Some(signer) if *signer.public() != key => Err(StartError::OtherLogKey { path }.into()),
        _ => Ok(key),
    }
}

/// Checks a copy as fsck does, and reads its checkpoint.
async fn sound(
    config: &Config,
    source: &Path,
    copy: &Path,
    key: &LogKey,
    rng: &mut impl CryptoRng,
) -> Result<(Report, SignedCheckpoint, Checkpoint), BackupError> {
    let unsound = |report: String| BackupError::Unsound {
        path: source.to_owned(),
        report,
    };
    let report = fsck_file(config, copy, rng).await?;
    if !report.is_clean() {
        return Err(unsound(report.to_string()));
    }
    let mut db = open(copy).await?;
    let row = startup::log_row(&mut db).await?;
    db.close().await?;
    let row = row.ok_or_else(|| unsound("it was never founded".into()))?;
    let signed =
        SignedCheckpoint::parse(&row.checkpoint).map_err(|error| unsound(error.to_string()))?;
    let checkpoint = signed
        .verify(key)
        .map_err(|error| unsound(error.to_string()))?;
    Ok((report, signed, checkpoint))
}

/// Refuses a copy that does not hold the tree of `needed`.
async fn require(
    copy: &Path,
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
    let mut db = open(copy).await?;
    let root = root_at(&mut db, needed.size).await?;
    db.close().await?;
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
async fn root_at(db: &mut SqliteConnection, size: u64) -> Result<Option<Hash>, BackupError> {
    let mut nodes = std::collections::HashMap::new();
    for node in frontier_nodes(size) {
        let hash: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT hash FROM node WHERE level = ? AND idx = ?")
                .bind(i64::from(node.level))
                .bind(node.index.cast_signed())
                .fetch_optional(&mut *db)
                .await?;
        if let Some(hash) = hash.and_then(|hash| Hash::try_from(hash).ok()) {
            nodes.insert(node, hash);
        }
    }
    Ok(Frontier::load(&nodes, size).ok().map(|tree| tree.root()))
}

async fn open(path: &Path) -> Result<SqliteConnection, BackupError> {
    let db = schema::open_to_inspect(path).await?;
    let empty = || StartError::Damaged(format!("{} is an empty database", path.display()));
    Ok(db.ok_or_else(empty)?)
}

fn read_checkpoint(path: &Path, key: &LogKey) -> Result<Checkpoint, BackupError> {
    Ok(read_signed(path, key)?.0)
}

fn read_signed(path: &Path, key: &LogKey) -> Result<(Checkpoint, SignedCheckpoint), BackupError> {
    let refuse = |reason: String| BackupError::Checkpoint {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let signed = SignedCheckpoint::parse(&text).map_err(|error| refuse(error.to_string()))?;
    let checkpoint = signed
        .verify(key)
        .map_err(|error| refuse(error.to_string()))?;
    Ok((checkpoint, signed))
}

fn write_new(path: &Path, text: &str) -> Result<(), StartError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    };
    write().map_err(|source| StartError::File {
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
