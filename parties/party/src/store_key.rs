//! A store and the master key that seals it belong together: neither is made again for an existing
//! other.
//!
//! The key is written after the store was made, so a key without a store means that the store was
//! lost.

use std::path::{Path, PathBuf};

use merits_guard::GuardError;
use merits_keyfile::{KeyFileError, KeyKind, SECRET_BYTES, SecretBytes};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::stop::Whole;

/// The master key of a store that will be opened.
pub struct StoreKey<'a> {
    path: &'a Path,
    secret: SecretBytes,
    /// Whether neither existed.
    new: bool,
    /// A store without its key would be refused: both are made, or neither. `None` where both are there:
    /// opening them may be ended at any time.
    _whole: Option<Whole>,
}

impl std::fmt::Debug for StoreKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreKey")
            .field("path", &self.path)
            .field("new", &self.new)
            .finish_non_exhaustive()
    }
}

/// Why a store is not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreKeyError {
    /// The path is not a regular file, or is a dangling link.
    #[error("the store {0}")]
    NoStore(#[from] GuardError),
    /// The key exists but the store is missing.
    #[error(
        "the store {} is missing, but its key {} exists: the data is lost or elsewhere, so no empty store is \
         made. Bring the store back, or restore a backup: `merits {role} restore --config ... --backup ...`. \
         Only if the store was always empty, or to start again with an empty store, move the key away",
        .store.display(),
        .key.display()
    )]
    StoreLost {
        /// The store.
        store: PathBuf,
        /// Its key.
        key: PathBuf,
        /// The command that restores it.
        role: &'static str,
    },
    /// The store exists but its key is missing or cannot be used.
    #[error(
        "the store {} was sealed with a key that is needed (only if nothing was ever in the store, \
         move the store away)",
        .store.display()
    )]
    KeyNeeded {
        /// The store.
        store: PathBuf,
        /// What is wrong with the key.
        source: KeyFileError,
    },
}

impl<'a> StoreKey<'a> {
    /// The key of the store at `store`: the one in its file, or a new one for a new store. `role` is the
    /// command that restores it.
    ///
    /// # Errors
    /// [`StoreKeyError`]: one of the two exists without the other.
    pub fn of(
        store: &Path,
        path: &'a Path,
        role: &'static str,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StoreKeyError> {
        let whole = Whole::begin();
        merits_guard::require_file_if_any(store)?;
        let stored = is_there(store);
        if !stored && path.exists() {
            return Err(StoreKeyError::StoreLost {
                store: store.to_owned(),
                key: path.to_owned(),
                role,
            });
        }
        if stored {
            let secret = merits_keyfile::load(path, KeyKind::Master).map_err(|source| {
                StoreKeyError::KeyNeeded {
                    store: store.to_owned(),
                    source,
                }
            })?;
            return Ok(Self {
                path,
                secret,
                new: false,
                _whole: None,
            });
        }
        let mut secret = SecretBytes::new([0; SECRET_BYTES]);
        rng.fill_bytes(secret.as_mut());
        Ok(Self {
            path,
            secret,
            new: true,
            _whole: Some(whole),
        })
    }

    /// The secret itself.
    pub fn secret(&self) -> SecretBytes {
        self.secret.clone()
    }

    /// Writes a new key after its store was made.
    ///
    /// # Errors
    /// The key file cannot be written.
    pub fn keep(&self, store: &Path) -> Result<(), KeyFileError> {
        if self.new {
            merits_keyfile::keep(self.path, KeyKind::Master, &self.secret)?;
            tracing::info!(store = %store.display(), key = %self.path.display(), "began an empty store");
        }
        Ok(())
    }
}

/// Whether there is a store. An empty file, as after a full disk, does not count. A path that is not a
/// regular file, such as a dangling link, counts as present; opening it then gives the error.
pub fn is_there(store: &Path) -> bool {
    let mut log = store.as_os_str().to_owned();
    log.push("-wal");
    [store.to_owned(), PathBuf::from(log)].iter().any(|path| {
        path.metadata().map_or_else(
            |_| path.symlink_metadata().is_ok(),
            |found| !found.is_file() || found.len() > 0,
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn neither_store_nor_key_is_begun_anew_beside_the_other() {
        let directory = tempfile::tempdir().unwrap();
        let (store, key) = (
            directory.path().join("records.sqlite"),
            directory.path().join("store.key"),
        );
        let rng = &mut rand::rng();
        let made = StoreKey::of(&store, &key, "distributor", rng).unwrap();
        // As after a full disk: no store yet, and no key.
        fs::write(&store, "").unwrap();
        assert!(!is_there(&store) && !key.exists());
        fs::write(&store, "rows").unwrap();
        let error = StoreKey::of(&store, &key, "distributor", rng).unwrap_err();
        assert!(matches!(error, StoreKeyError::KeyNeeded { .. }), "{error}");
        made.keep(&store).unwrap();
        let again = StoreKey::of(&store, &key, "distributor", rng).unwrap();
        assert_eq!(again.secret(), made.secret());
        fs::remove_file(&store).unwrap();
        let error = StoreKey::of(&store, &key, "distributor", rng).unwrap_err();
        assert!(error.to_string().contains("merits distributor restore"));
        for (to, says) in [
            ("nowhere", "a link to nothing"),
            ("records.sqlite", "circle"),
        ] {
            std::os::unix::fs::symlink(directory.path().join(to), &store).unwrap();
            assert!(is_there(&store));
            let error = StoreKey::of(&store, &key, "distributor", rng).unwrap_err();
            let said = error.to_string();
            assert!(said.contains(says) && !said.contains("lost"), "{said}");
            fs::remove_file(&store).unwrap();
        }
        assert!(!format!("{made:?}").contains(&hex::encode(made.secret())));
    }
}
