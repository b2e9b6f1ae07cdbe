//! One holder's state between its steps, encrypted: the seed of its polynomials and the messages that it saw.
//!
//! The end of a state is decided once, and then goes on from wherever it stopped. STATE becomes STATE.destroyed, whole;
//! where the key generation is done, STATE is written again without its secret, so that a later run says how it ended;
//! the secret in STATE.destroyed is overwritten with zeros; STATE.destroyed is removed. So a process that is killed at any
//! step leaves the whole state under one of its names, or none of its secret.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use merits_primitives::ids::PartyId;
use merits_threshold::{ceremony::Ceremony, participant::Participant};
use merits_verifier::codec::Canonical as _;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use super::sealed_file::SealedFileError;
use super::sealed_file::{self, Public, SealedFile};

#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    ceremony: String,
    party: String,
}

impl Public for Whose {
    const KIND: &'static str = "key-generation-state/v1";
}

impl Whose {
    fn of(ceremony: &Ceremony, party: PartyId) -> Self {
        Self {
            ceremony: hex::encode(ceremony.digest()),
            party: hex::encode(party.0),
        }
    }
}

/// The name of a state whose end has begun.
fn marker(path: &Path) -> PathBuf {
    let mut marker = path.to_owned();
    marker.as_mut_os_string().push(".destroyed");
    marker
}

/// Whether there is a state, or one whose end has begun.
pub fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok() || fs::symlink_metadata(marker(path)).is_ok()
}

/// What an earlier run left of a state whose end has begun.
#[expect(clippy::large_enum_variant, reason = "states are ended one at a time")]
pub(super) enum Left {
    /// Nothing; the state itself may be there.
    Nothing,
    /// A file without use, which is overwritten and removed now.
    Removed,
    /// The whole state, and nothing in its place yet.
    Whole(Vault, Participant),
}

/// The file of the state.
pub struct Vault(SealedFile<Whose>);

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({}, ..)", self.0.public().party)
    }
}

impl Vault {
    /// Makes the file of a new state.
    ///
    /// # Errors
    /// [`SealedFileError`]; a file that is there is never replaced.
    pub fn create(
        path: &Path,
        ceremony: &Ceremony,
        state: &Participant,
        passphrase: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SealedFileError> {
        let whose = Whose::of(ceremony, state.me());
        let file = SealedFile::new(path, whose, passphrase, rng)?;
        file.make(&Zeroizing::new(state.to_bytes()), rng)?;
        Ok(Self(file))
    }

    /// Opens the file.
    ///
    /// # Errors
    /// [`SealedFileError`].
    pub fn open(path: &Path, passphrase: &str) -> Result<(Self, Participant), SealedFileError> {
        let (file, secret) = SealedFile::open(path, passphrase)?;
        let state = Participant::from_bytes(&secret).map_err(|fault| SealedFileError::Form {
            path: path.to_owned(),
            kind: Whose::KIND,
            why: fault.to_string(),
        })?;
        Ok((Self(file), state))
    }

    /// Stores the state. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`SealedFileError`]; then the old state is there.
    pub fn save(
        &self,
        state: &Participant,
        rng: &mut impl CryptoRng,
    ) -> Result<(), SealedFileError> {
        self.0.replace(&Zeroizing::new(state.to_bytes()), rng)
    }

    /// Stores the state where nothing is any more. It is on the disk when this returns.
    pub(super) fn make(
        &self,
        state: &Participant,
        rng: &mut impl CryptoRng,
    ) -> Result<(), SealedFileError> {
        self.0.make(&Zeroizing::new(state.to_bytes()), rng)
    }

    /// Looks for what an earlier run left, and removes it where it has no secret, or where the state that takes its
    /// place is there.
    pub(super) fn left(path: &Path, passphrase: &str) -> Result<Left, SealedFileError> {
        let marker = marker(path);
        if fs::symlink_metadata(&marker).is_err() {
            return Ok(Left::Nothing);
        }
        require_no_link(&marker)?;
        let (_, is_erased) = sealed_file::is_erased::<Whose>(&marker)?;
        if is_erased || fs::symlink_metadata(path).is_ok() {
            overwrite(&marker)?;
            return Ok(Left::Removed);
        }
        let (vault, state) = Self::open(&marker, passphrase)?;
        Ok(Left::Whole(Self(vault.0.named(path)), state))
    }
}

/// Begins the end of a state: it is there under its other name alone.
pub(super) fn set_aside(path: &Path) -> Result<(), SealedFileError> {
    require_no_link(path)?;
    let marker = marker(path);
    // No earlier end may be lost in it.
    if fs::symlink_metadata(&marker).is_ok() {
        overwrite(&marker)?;
    }
    merits_guard::folder::rename(path, &marker).map_err(io_at(path))
}

/// Ends what was set aside: it is overwritten and removed.
pub(super) fn end_set_aside(path: &Path) -> Result<(), SealedFileError> {
    overwrite(&marker(path))
}

/// Ends the state of a party in a key generation that made no key, without its passphrase. Returns whether there was one.
///
/// # Errors
/// [`SealedFileError`]: also a state of something else, which is not touched.
pub(super) fn discard(
    path: &Path,
    ceremony: &Ceremony,
    party: PartyId,
) -> Result<bool, SealedFileError> {
    let whose = Whose::of(ceremony, party);
    let (own, other) = (path.to_owned(), marker(path));
    let mut found = false;
    for file in [&own, &other] {
        if fs::symlink_metadata(file).is_err() {
            continue;
        }
        require_no_link(file)?;
        if sealed_file::public_part::<Whose>(file)? != whose {
            return Err(SealedFileError::Form {
                path: file.clone(),
                kind: Whose::KIND,
                why: "it is the state of another party or key generation, and was not touched"
                    .to_owned(),
            });
        }
        found = true;
    }
    if fs::symlink_metadata(&other).is_ok() {
        overwrite(&other)?;
    }
    if fs::symlink_metadata(&own).is_ok() {
        set_aside(&own)?;
        overwrite(&other)?;
    }
    Ok(found)
}

/// Overwrites the secret of a file, and removes the file.
fn overwrite(path: &Path) -> Result<(), SealedFileError> {
    require_no_link(path)?;
    sealed_file::erase::<Whose>(path)?;
    let removed = fs::File::open(path).and_then(|file| {
        fs::remove_file(path)?;
        merits_guard::folder::sync_name(path, &file)
    });
    removed.map_err(io_at(path))
}

/// What a link leads to is not this program's to overwrite.
fn require_no_link(path: &Path) -> Result<(), SealedFileError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(SealedFileError::Form {
            path: path.to_owned(),
            kind: Whose::KIND,
            why: "it is a link, and was not touched: name the file that it leads to".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> SealedFileError {
    move |source| SealedFileError::Io {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    }
}
