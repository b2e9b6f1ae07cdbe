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
    /// The name under which the party is admitted, or applies for admission.
    pub name: String,
    /// Signs its entries.
    pub signing: SigningKey,
    /// Opens what is sealed to it.
    pub sealing: SealingKey,
    /// Its id, where the signing key was succeeded by another: the id comes from the first one.
    kept: Option<PartyId>,
}

/// Why a party's keys cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The sealing key is not valid.
    #[error(transparent)]
    Sealing(#[from] SealError),
    /// The `[ledger]` table of the configuration.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
}

/// The part of a configuration about the party itself.
#[derive(Debug, Clone, Copy)]
pub struct PartyFields<'a> {
    /// The role that the party applies for.
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

/// The configuration of a party with its own keys.
pub trait PartyConfig {
    /// Its part about the party itself.
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

    /// The application of a new party. This makes its keys.
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
    /// Loads the key files. A lost one is an error, because another key would be that of another
    /// party.
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
            kept: merits_keyfile::kept_party(signing_key)?.map(PartyId),
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

    /// The id of this name and first key on this ledger, which does not depend on the roles.
    pub fn party(&self) -> PartyId {
        let first = || self.application(&[]).party(&self.origin);
        self.kept.unwrap_or_else(first)
    }
}

/// Makes the key files of a new party, if there are none yet. Call it before the application.
///
/// # Errors
/// An existing file cannot be used, or a file cannot be written.
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
