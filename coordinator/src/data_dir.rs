//! The data directory, which only one coordinator at a time may use.

use std::{fs::TryLockError, path::PathBuf};

use merits_guard::LockedFile;

use crate::{config::Config, error::StartError};

/// The lock's file in `data_dir`.
pub(crate) const LOCK: &str = "coordinator.lock";

/// Makes the data directory and locks it until the returned lock is dropped.
pub(crate) fn lock_data_dir(config: &Config) -> Result<LockedFile, StartError> {
    let file = |action, path: &PathBuf, source| StartError::File {
        action,
        path: path.clone(),
        source,
    };
    merits_guard::create_folder(&config.data_dir)
        .map_err(|source| file("create", &config.data_dir, source))?;
    let path = config.data_dir.join(LOCK);
    match LockedFile::lock(merits_guard::open_lock(&path)?) {
        Ok(lock) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(file("lock", &path, source)),
    }
}
