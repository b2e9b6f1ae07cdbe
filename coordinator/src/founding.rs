//! The beginning of a ledger. It is founded only on explicit request, never because something is
//! missing.
//!
//! A database, a log key and a high-water mark belong together. If one of the others exists without
//! the database, a ledger was lost, and a second log under its name would be a fork.

use std::{
    fs,
    path::{Path, PathBuf},
};

use merits_guard::{LockedFile, folder::sync_name};
use merits_ledger::{
    LedgerPolicy,
    storage::{Founded, Inspection, Storage as _, StorageReader},
};
use merits_replica::{HighWaterMark, MarkError};
use merits_verifier::log::{Checkpoint, empty_root};
use rand_core::CryptoRng;

use crate::{
    clock::{Clock, Synchronised},
    clock_peers::Verdict,
    config::Config,
    data_dir,
    error::StartError,
    log_key,
    place::Place,
    timekeeper,
};

/// In `data_dir` while a ledger is being founded.
const MARKER: &str = "founding";

/// Refuses to continue without a ledger, before anything is made.
pub(crate) async fn require(config: &Config, place: &impl Place) -> Result<(), StartError> {
    refuse_interrupted(config, place)?;
    if holds_ledger(place).await? {
        Ok(())
    } else {
        Err(missing(config, place))
    }
}

async fn holds_ledger<P: Place>(place: &P) -> Result<bool, StartError> {
    if !place.exists() {
        return Ok(false);
    }
    match place.inspect().await.map_err(Into::into)? {
        Some(inspection) => {
            let ended = inspection.end().await;
            ended.map_err(<P::Inspection as Inspection>::explain)?;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// Why the database that the configuration names has no log.
pub(crate) fn missing(config: &Config, place: &impl Place) -> StartError {
    if let Err(error) = judge_places(config, place) {
        return error;
    }
    let database = config.database();
    match evidence(config) {
        Some(evidence) => StartError::Lost { database, evidence },
        None => StartError::NotFounded { database },
    }
}

/// Refuses a data directory and a database that are something else, or dangling links: what they should be is
/// not lost.
fn judge_places(config: &Config, place: &impl Place) -> Result<(), StartError> {
    merits_guard::require_folder_if_any(&config.data_dir)?;
    place.judge().map_err(Into::into)
}

/// Refuses to found a ledger where that is not possible, before anything is made.
///
/// # Errors
/// [`StartError`] if there is a ledger or a part of one, or no suitable place.
pub(crate) async fn allow(config: &Config, place: &impl Place) -> Result<(), StartError> {
    judge_places(config, place)?;
    refuse_interrupted(config, place)?;
    let database = config.database();
    if holds_ledger(place).await? {
        return Err(StartError::AlreadyFounded { database });
    }
    if let Some(evidence) = evidence(config) {
        return Err(StartError::Lost { database, evidence });
    }
    // A folder that is made together with `data_dir` is checked after it was made.
    let to_be_made = |path: &Path| {
        let made = |folder: &Path| {
            config.data_dir.starts_with(folder) || folder.starts_with(&config.data_dir)
        };
        !config.data_dir.exists()
            && path
                .parent()
                .is_some_and(|folder| !folder.exists() && made(folder))
    };
    let mark = &config.high_water_mark;
    match HighWaterMark::place(mark, &config.data_dir) {
        Err(error @ MarkError::Inside { .. }) => return Err(error.into()),
        Err(error) if !to_be_made(mark) => return Err(error.into()),
        _ => {}
    }
    let key = config.log_key_file();
    if !to_be_made(&key) {
        merits_guard::check_folder(&key).map_err(StartError::KeyFolder)?;
    }
    Ok(())
}

/// Warns under which time a ledger is about to be founded, if the clock is not confirmed. There is
/// no entry yet that a wrong clock could harm, and no last one to compare it with.
pub(crate) fn say_time(clock: &dyn Clock, peers: Verdict) {
    if peers == Verdict::Right || clock.synchronised() == Synchronised::Yes {
        return;
    }
    tracing::warn!(
        now = %clock.now().to_minute(),
        "nobody confirms this machine's clock, and the first entry's time can never be taken back: compare it \
         with another clock before the first entry. Run a time service (NTP), or name servers in `clock.peers`"
    );
}

/// Founds the ledger: folder, key, database and high-water mark, all or none. Returns the folder's
/// lock.
///
/// # Errors
/// Those of [`allow`], or the part that could not be made.
pub(crate) async fn found(
    config: &Config,
    place: &impl Place,
    policy: &LedgerPolicy,
    rng: &mut impl CryptoRng,
) -> Result<LockedFile, StartError> {
    let had_folder = config.data_dir.exists();
    let lock = data_dir::lock_data_dir(config)?;
    let founded = found_locked(config, place, policy, rng).await;
    if founded.is_err() && !had_folder {
        // Nobody else made anything in it. A folder that is not empty stays.
        let _ = fs::remove_file(config.data_dir.join(data_dir::LOCK));
        let _ = fs::remove_dir(&config.data_dir);
    }
    founded.map(|()| lock)
}

async fn found_locked(
    config: &Config,
    place: &impl Place,
    policy: &LedgerPolicy,
    rng: &mut impl CryptoRng,
) -> Result<(), StartError> {
    // Check again: another process may have founded it meanwhile.
    allow(config, place).await?;
    let marker = config.data_dir.join(MARKER);
    let marked = merits_guard::create_new(&marker)
        .and_then(|marked| marked.sync_all().map(|()| marked))
        .map_err(|source| file("write", &marker, source))?;
    sync_name(&marker, &marked).map_err(|source| file("write", &marker, source))?;
    // Another ledger ran here last, which says nothing about this one's time.
    let made = match forget_time(config) {
        Ok(()) => make(config, place, policy, rng).await,
        Err(error) => Err(error),
    };
    if made.is_err() {
        // None of them existed before, and none was used.
        for path in things_made(config, place) {
            let _ = fs::remove_file(path);
        }
    }
    fs::remove_file(&marker)
        .and_then(|()| sync_name(&marker, &marked))
        .map_err(|source| file("delete", &marker, source))?;
    made
}

async fn make<P: Place>(
    config: &Config,
    place: &P,
    policy: &LedgerPolicy,
    rng: &mut impl CryptoRng,
) -> Result<(), StartError> {
    let signer = log_key::generate(&config.log_key_file(), &policy.origin, rng)?;
    let checkpoint = Checkpoint {
        origin: policy.origin.clone(),
        size: 0,
        root: empty_root(),
    };
    let signed = checkpoint
        .sign(&signer)
        .map_err(|e| StartError::Damaged(e.to_string()))?;
    let Some(mut store) = place.create().await.map_err(Into::into)? else {
        return Err(StartError::AlreadyFounded {
            database: config.database(),
        });
    };
    let key = signer.public().public().to_bytes();
    let founded = Founded::empty(key, policy, signed.to_string());
    let failed = <P::Storage as StorageReader>::explain;
    store.found(&founded).await.map_err(failed)?;
    store.end().await.map_err(failed)?;
    let mut mark = HighWaterMark::open(&config.high_water_mark, &config.data_dir, signer.public())?;
    Ok(mark.raise(&checkpoint, &signed)?)
}

fn forget_time(config: &Config) -> Result<(), StartError> {
    let path = config.data_dir.join(timekeeper::FILE);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(file("delete", &path, source))
        }
        _ => Ok(()),
    }
}

/// A file that is left of a ledger without its database.
fn evidence(config: &Config) -> Option<PathBuf> {
    [config.log_key_file(), config.high_water_mark.clone()]
        .into_iter()
        // A dangling link counts too, because somebody made it.
        .find(|path| fs::symlink_metadata(path).is_ok())
}

fn refuse_interrupted(config: &Config, place: &impl Place) -> Result<(), StartError> {
    let marker = config.data_dir.join(MARKER);
    if !marker.exists() {
        return Ok(());
    }
    let mut made = things_made(config, place);
    made.retain(|path| path.exists());
    made.push(marker.clone());
    Err(StartError::FoundingInterrupted { marker, made })
}

fn things_made(config: &Config, place: &impl Place) -> Vec<PathBuf> {
    let mut files = vec![config.log_key_file()];
    files.extend(place.files());
    files.push(config.high_water_mark.clone());
    files
}

fn file(action: &'static str, path: &Path, source: std::io::Error) -> StartError {
    StartError::File {
        action,
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    }
}
