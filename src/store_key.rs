//! A store and the master key that seals it belong together: neither is begun anew beside the other.
//!
//! The key is written after the store was made, so that only a loss leaves the key alone.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use merits_keyfile::{KeyKind, SECRET_BYTES, SecretBytes};
use rand::Rng as _;

/// The master key of a store that is about to be opened.
pub(crate) struct StoreKey<'a> {
    path: &'a Path,
    secret: SecretBytes,
    /// Whether neither was there.
    new: bool,
}

impl<'a> StoreKey<'a> {
    /// The key of the store at `store`: the one in its file, or a new one for a new store. `role` is the
    /// command that restores it.
    pub(crate) fn of(store: &Path, path: &'a Path, role: &str) -> anyhow::Result<Self> {
        let (kind, stored) = (KeyKind::Master, is_there(store));
        if stored || path.exists() {
            ensure!(
                stored,
                "the store {} is not there, and the key that sealed it is ({}): what was in it is lost or lies \
                 elsewhere, so no empty one is begun. Bring the store back, or put a backup in its place: \
                 `merits {role} restore --config ... --backup ...`. Only if nothing was ever in it, or to begin \
                 anew on purpose, move the key away",
                store.display(),
                path.display()
            );
            let secret = merits_keyfile::load(path, kind).with_context(|| {
                format!(
                    "the store {} was sealed with a key that is needed (only if nothing was ever in the store, \
                     move the store away)",
                    store.display()
                )
            })?;
            let new = false;
            return Ok(Self { path, secret, new });
        }
        let mut secret = SecretBytes::new([0; SECRET_BYTES]);
        rand::rng().fill_bytes(secret.as_mut());
        let new = true;
        Ok(Self { path, secret, new })
    }

    /// The secret itself.
    pub(crate) fn secret(&self) -> SecretBytes {
        self.secret.clone()
    }

    /// Writes a new key down, once its store is there.
    pub(crate) fn keep(&self, store: &Path) -> anyhow::Result<()> {
        if self.new {
            merits_keyfile::keep(self.path, KeyKind::Master, &self.secret)?;
            tracing::info!(store = %store.display(), key = %self.path.display(), "began an empty store");
        }
        Ok(())
    }
}

/// Whether there is a store. A file of no bytes, as a full disk leaves it, is none.
pub(crate) fn is_there(store: &Path) -> bool {
    let mut log = store.as_os_str().to_owned();
    log.push("-wal");
    [store.to_owned(), PathBuf::from(log)]
        .iter()
        .any(|path| path.metadata().is_ok_and(|file| file.len() > 0))
}
