//! A source's keys, and its id on the ledger.

use std::path::PathBuf;

use ed25519_dalek::SigningKey;
use merits_keyfile::{KeyFileError, KeyKind};
use merits_ledger::{Role, Roles, entry::PartyAdmitted};
use merits_primitives::ids::{NameError, Origin, PartyId};
use rand_core::CryptoRng;
use thiserror::Error;

use crate::{config::SourceConfig, signer::Signer};

/// Why a source's keys cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The ledger's origin in the configuration.
    #[error(transparent)]
    Origin(#[from] NameError),
    /// The party's id in the configuration.
    #[error("party: 64 hexadecimal digits are expected: {0}")]
    Party(#[from] hex::FromHexError),
    /// An application with another key than the party's first, which would be another party's.
    #[error(
        "{} is a key of {party}, and not its first one under this name: an admitted party applies no second time. \
         For a new party, name other key files in its configuration",
        path.display()
    )]
    NotFirst {
        /// The key's file.
        path: PathBuf,
        /// Whose key it is.
        party: PartyId,
    },
}

impl SourceConfig {
    /// The source's request to be admitted; its key is made here. Sources receive nothing sealed: the field is
    /// zero.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn apply(&self, rng: &mut impl CryptoRng) -> Result<PartyAdmitted, KeyError> {
        merits_keyfile::load_or_create(&self.signing_key, KeyKind::Signing, rng)?;
        let (origin, key) = (self.ledger_origin()?, self.load_signing_key()?);
        let roles = Roles::new(&[Role::Source]);
        let application = PartyAdmitted::apply(&origin, &self.name, roles, &key, [0; 32]);
        let party = self.party_of(&key)?;
        if application.party(&origin) != party {
            let path = self.signing_key.clone();
            return Err(KeyError::NotFirst { path, party });
        }
        Ok(application)
    }

    /// The source's party id.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn party_id(&self) -> Result<PartyId, KeyError> {
        self.party_of(&self.load_signing_key()?)
    }

    pub(crate) fn party_of(&self, key: &SigningKey) -> Result<PartyId, KeyError> {
        if let Some(party) = &self.party {
            let mut id = [0u8; 32];
            hex::decode_to_slice(party, &mut id)?;
            return Ok(PartyId(id));
        }
        if let Some(kept) = merits_keyfile::kept_party(&self.signing_key)? {
            return Ok(PartyId(kept));
        }
        Ok(Signer::party_id(&self.ledger_origin()?, &self.name, key))
    }

    pub(crate) fn ledger_origin(&self) -> Result<Origin, KeyError> {
        Ok(Origin::new(&self.origin)?)
    }

    pub(crate) fn load_signing_key(&self) -> Result<SigningKey, KeyError> {
        Ok(merits_keyfile::signing_key(
            &self.signing_key,
            KeyKind::Signing,
        )?)
    }
}
