//! The beginning of a ledger: it is founded when somebody says so, and never because something is
//! missing.
//!
//! A database, a log key and a high-water mark belong together. Where one of them is there and the
//! database is not, a ledger was lost, and a second log under its name would be a fork.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use merits_guard::folder::sync_name;
use merits_ledger::{LedgerPolicy, storage::Founded};
use merits_replica::{HighWaterMark, MarkError};
use merits_verifier::log::{Checkpoint, empty_root};
use rand_core::CryptoRng;

use merits_ledger_sqlite::Writer;

use crate::{
    clock::{Clock, Synchronised},
    clock_peers::Verdict,
    clock_start::moment,
    config::Config,
    data_dir,
    error::StartError,
    log_key, schema, timekeeper,
};

/// In `data_dir` while a ledger is being founded.
const MARKER: &str = "founding";

/// Refuses to go on where there is no ledger, before anything is made.
pub(crate) async fn require(config: &Config) -> Result<(), StartError> {
    refuse_interrupted(config)?;
    let database = config.database();
    if database.exists() && schema::open_to_inspect(&database).await?.is_some() {
        Ok(())
    } else {
        Err(missing(config))
    }
}

/// Why there is no log in the database that the configuration names.
pub(crate) fn missing(config: &Config) -> StartError {
    let database = config.database();
    match evidence(config) {
        Some(evidence) => StartError::Lost { database, evidence },
        None => StartError::NotFounded { database },
    }
}

/// Refuses to found where a ledger cannot be, before anything is made.
///
/// # Errors
/// [`StartError`] where there is a ledger, or what is left of one, or no place for it.
pub(crate) async fn allow(config: &Config) -> Result<(), StartError> {
    refuse_interrupted(config)?;
    let database = config.database();
    if database.exists() && schema::open_to_inspect(&database).await?.is_some() {
        return Err(StartError::AlreadyFounded { database });
    }
    if let Some(evidence) = evidence(config) {
        return Err(StartError::Lost { database, evidence });
    }
    // A folder that is made together with `data_dir` is judged when it is there.
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

/// Says under which time a ledger is about to be founded, where nobody confirms it. There is no entry yet that a
/// wrong clock could harm, and no last one to compare it with.
pub(crate) fn say_time(clock: &dyn Clock, peers: Verdict) {
    if peers == Verdict::Right || clock.synchronised() == Synchronised::Yes {
        return;
    }
    tracing::warn!(
        now = %moment(clock.unix_millis()),
        "nobody confirms this machine's clock, and the first entry's time can never be taken back: compare it \
         with another clock before the first entry. Run a time service (NTP), or name servers in `clock.peers`"
    );
}

/// Founds the ledger: folder, key, database, high-water mark. All of them, or none. Answers the folder's
/// lock.
///
/// # Errors
/// As [`allow`], or what could not be made.
pub(crate) async fn found(
    config: &Config,
    policy: &LedgerPolicy,
    rng: &mut impl CryptoRng,
) -> Result<File, StartError> {
    let had_folder = config.data_dir.exists();
    let lock = data_dir::lock_data_dir(config)?;
    let founded = found_locked(config, policy, rng).await;
    if founded.is_err() && !had_folder {
        // Nobody else made anything in it; a folder that holds something stays.
        let _ = fs::remove_file(config.data_dir.join(data_dir::LOCK));
        let _ = fs::remove_dir(&config.data_dir);
    }
    founded.map(|()| lock)
}

async fn found_locked(
    config: &Config,
    policy: &LedgerPolicy,
    rng: &mut impl CryptoRng,
) -> Result<(), StartError> {
    // Again: somebody else may have founded it meanwhile.
    allow(config).await?;
    let marker = config.data_dir.join(MARKER);
    let marked = merits_guard::create_new(&marker)
        .and_then(|marked| marked.sync_all().map(|()| marked))
        .map_err(|source| file("write", &marker, source))?;
    sync_name(&marker, &marked).map_err(|source| file("write", &marker, source))?;
    // What ran last here was another ledger, and says nothing of this one's time.
    let made = match forget_time(config) {
        Ok(()) => make(config, policy, rng).await,
        Err(error) => Err(error),
    };
    if made.is_err() {
        // None of them was there before, and none was used.
        for path in things_made(config) {
            let _ = fs::remove_file(path);
        }
    }
    fs::remove_file(&marker)
        .and_then(|()| sync_name(&marker, &marked))
        .map_err(|source| file("delete", &marker, source))?;
    made
}

async fn make(
    config: &Config,
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
    let mut writer = Writer::new(schema::create(&config.database()).await?);
    let key = signer.public().public().to_bytes();
    let founded = Founded::empty(key, policy, signed.to_string());
    writer.found(&founded).await?;
    writer.close().await?;
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

/// What is left of a ledger without its database.
fn evidence(config: &Config) -> Option<PathBuf> {
    [config.log_key_file(), config.high_water_mark.clone()]
        .into_iter()
        // A link to nothing was made by somebody, too.
        .find(|path| fs::symlink_metadata(path).is_ok())
}

fn refuse_interrupted(config: &Config) -> Result<(), StartError> {
    let marker = config.data_dir.join(MARKER);
    if !marker.exists() {
        return Ok(());
    }
    let mut made = things_made(config);
    made.retain(|path| path.exists());
    made.push(marker.clone());
    Err(StartError::FoundingInterrupted { marker, made })
}

fn things_made(config: &Config) -> Vec<PathBuf> {
    let database = config.database();
    let beside = |suffix: &str| {
        let mut name = database.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    vec![
        config.log_key_file(),
        beside(""),
        beside("-wal"),
        beside("-shm"),
        config.high_water_mark.clone(),
    ]
}

fn file(action: &'static str, path: &Path, source: std::io::Error) -> StartError {
    StartError::File {
        action,
        path: path.to_owned(),
        source,
    }
}
