//! One holder's state between its steps, encrypted: the seed of its polynomials and the messages that it saw.

use std::path::Path;

use merits_threshold::{ceremony::Ceremony, participant::Participant};
use merits_verifier::codec::Canonical as _;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use super::sealed_file::SealedFileError;
use super::sealed_file::{Public, SealedFile};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    ceremony: String,
    party: String,
}

impl Public for Whose {
    const KIND: &'static str = "key-generation-state/v1";
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
        let whose = Whose {
            ceremony: hex::encode(ceremony.digest()),
            party: hex::encode(state.me().0),
        };
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
}
