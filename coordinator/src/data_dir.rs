//! The data directory, which only one coordinator at a time may use.

use std::{
    fs::{File, TryLockError},
    path::PathBuf,
};

use crate::{config::Config, error::StartError};

/// The lock's file in `data_dir`.
pub(crate) const LOCK: &str = "coordinator.lock";

/// Makes the data directory and locks it until the returned file is dropped.
pub(crate) fn lock_data_dir(config: &Config) -> Result<File, StartError> {
    let file = |action, path: &PathBuf, source| StartError::File {
        action,
        path: path.clone(),
        source,
    };
    merits_guard::create_folder(&config.data_dir)
        .map_err(|source| file("create", &config.data_dir, source))?;
    let path = config.data_dir.join(LOCK);
    let lock = merits_guard::open_lock(&path)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(file("lock", &path, source)),
    }
}
