//! A source's keys, and its id on the ledger.

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
}

impl SourceConfig {
    /// The source's request to be admitted; its key is made here. Sources receive nothing sealed: the field is
    /// zero.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn apply(&self, rng: &mut impl CryptoRng) -> Result<PartyAdmitted, KeyError> {
        merits_keyfile::load_or_create(&self.signing_key, KeyKind::Signing, rng)?;
        Ok(PartyAdmitted::apply(
            &self.ledger_origin()?,
            &self.name,
            Roles::new(&[Role::Source]),
            &self.load_signing_key()?,
            [0; 32],
        ))
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
