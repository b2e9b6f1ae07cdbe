//! A party's identity: its key files, and the application by which it asks to be admitted.

use std::path::Path;

use ed25519_dalek::SigningKey;
use merits_keyfile::{KeyFileError, KeyKind};
use merits_ledger::{Role, Roles, entry::PartyAdmitted};
use merits_primitives::ids::{Origin, PartyId};
use merits_replica::{LedgerConfig, LedgerConfigError};
use merits_sealing::{SealError, SealingKey};
use rand_core::CryptoRng;
use thiserror::Error;

/// Key files and name of a party on one ledger.
#[derive(Debug)]
pub struct Identity {
    /// The ledger.
    pub origin: Origin,
    /// The name under which the party is admitted, or asks to be.
    pub name: String,
    /// Signs its entries.
    pub signing: SigningKey,
    /// Opens what is sealed to it.
    pub sealing: SealingKey,
}

/// Why a party's keys cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The sealing key is no key.
    #[error(transparent)]
    Sealing(#[from] SealError),
    /// The `[ledger]` table of the configuration.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
}

/// What a configuration says of the party itself.
#[derive(Debug, Clone, Copy)]
pub struct PartyFields<'a> {
    /// The role that the party asks to be admitted in.
    pub role: Role,
    /// The `[ledger]` table.
    pub ledger: &'a LedgerConfig,
    /// The name under which the party is admitted.
    pub name: &'a str,
    /// File of the Ed25519 key.
    pub signing_key: &'a Path,
    /// File of the X25519 key.
    pub sealing_key: &'a Path,
}

/// The configuration of a party that has keys of its own.
pub trait PartyConfig {
    /// What it says of the party itself.
    fn party_fields(&self) -> PartyFields<'_>;

    /// Loads the party's keys.
    ///
    /// # Errors
    /// [`IdentityError`].
    fn identity(&self) -> Result<Identity, IdentityError> {
        let fields = self.party_fields();
        let origin = fields.ledger.origin()?;
        Identity::load(origin, fields.name, fields.signing_key, fields.sealing_key)
    }

    /// The application of a party that is new; its keys are made here.
    ///
    /// # Errors
    /// [`IdentityError`].
    fn apply(&self, rng: &mut impl CryptoRng) -> Result<PartyAdmitted, IdentityError> {
        let fields = self.party_fields();
        make_keys(fields.signing_key, fields.sealing_key, rng)?;
        Ok(self.identity()?.application(&[fields.role]))
    }
}

impl Identity {
    /// Loads the key files. A lost one is an error: another key would be another party's.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn load(
        origin: Origin,
        name: &str,
        signing_key: &Path,
        sealing_key: &Path,
    ) -> Result<Self, IdentityError> {
        let sealing = merits_keyfile::load(sealing_key, KeyKind::Sealing)?;
        Ok(Self {
            origin,
            name: name.to_owned(),
            signing: merits_keyfile::signing_key(signing_key, KeyKind::Signing)?,
            sealing: SealingKey::from_bytes(&sealing)?,
        })
    }

    /// The request to be admitted in these roles, signed by the party itself.
    pub fn application(&self, roles: &[Role]) -> PartyAdmitted {
        PartyAdmitted::apply(
            &self.origin,
            &self.name,
            Roles::new(roles),
            &self.signing,
            self.sealing.public(),
        )
    }

    /// The id that this name and first key have on this ledger, whatever the roles.
    pub fn party(&self) -> PartyId {
        self.application(&[]).party(&self.origin)
    }
}

/// Makes the key files of a party that is new, where there are none yet: before its application.
///
/// # Errors
/// A file that is there and cannot be used, or one that cannot be written.
pub fn make_keys(
    signing_key: &Path,
    sealing_key: &Path,
    rng: &mut impl CryptoRng,
) -> Result<(), KeyFileError> {
    merits_keyfile::load_or_create(signing_key, KeyKind::Signing, rng)?;
    merits_keyfile::load_or_create(sealing_key, KeyKind::Sealing, rng)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn keys_are_made_once_and_a_lost_one_is_not_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let (signing, sealing) = (
            directory.path().join("signing.key"),
            directory.path().join("sealing.key"),
        );
        let origin = || Origin::new("ledger.test/merits").unwrap();
        let load = || Identity::load(origin(), "source", &signing, &sealing);
        assert!(matches!(
            load(),
            Err(IdentityError::KeyFile(KeyFileError::Missing { .. }))
        ));
        let rng = &mut rand::rng();
        make_keys(&signing, &sealing, rng).unwrap();
        let party = load().unwrap().party();
        make_keys(&signing, &sealing, rng).unwrap();
        let identity = load().unwrap();
        assert_eq!(identity.party(), party, "the same keys");
        assert_eq!(
            identity.application(&[Role::Source]).party(&origin()),
            party,
            "whatever the roles"
        );
        fs::remove_file(&sealing).unwrap();
        assert!(load().is_err());
    }
}
