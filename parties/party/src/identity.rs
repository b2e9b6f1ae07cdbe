//! A party's identity: its key files, and the application by which it asks to be admitted.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use merits_keyfile::{KeyFileError, KeyKind};
use merits_ledger::{Role, Roles, entry::PartyAdmitted};
use merits_primitives::ids::{Origin, PartyId};
use merits_replica::{LedgerConfig, LedgerConfigError};
use merits_sealing::{SealError, SealingKey};
use merits_verifier::signature::PublicKey;
use rand_core::CryptoRng;
use serde::{Serialize, Serializer};
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
    /// Its id, which comes from its first signing key.
    party: PartyId,
    /// File of its signing key.
    signing_key: PathBuf,
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
    /// The id in the configuration.
    #[error("in the configuration, `party`: 64 hexadecimal digits are expected: {0}")]
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

    /// The party's id where the configuration has it, in hexadecimal.
    fn party_in_digits(&self) -> Option<&str> {
        None
    }

    /// Loads the party's keys.
    ///
    /// # Errors
    /// [`IdentityError`].
    fn identity(&self) -> Result<Identity, IdentityError> {
        let fields = self.party_fields();
        let origin = fields.ledger.origin()?;
        let stated = self.party_in_digits().map(party_from_digits).transpose()?;
        let (signing, sealing) = (fields.signing_key, fields.sealing_key);
        Identity::load_as(origin, fields.name, signing, sealing, stated)
    }

    /// The application of a new party. This makes its keys.
    ///
    /// # Errors
    /// [`IdentityError`].
    fn apply(&self, rng: &mut impl CryptoRng) -> Result<PartyAdmitted, IdentityError> {
        let fields = self.party_fields();
        make_keys(fields.signing_key, fields.sealing_key, rng)?;
        self.identity()?.application(&[fields.role])
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
        Self::load_as(origin, name, signing_key, sealing_key, None)
    }

    fn load_as(
        origin: Origin,
        name: &str,
        signing_key: &Path,
        sealing_key: &Path,
        stated: Option<PartyId>,
    ) -> Result<Self, IdentityError> {
        let sealing = merits_keyfile::load(sealing_key, KeyKind::Sealing)?;
        let signing = merits_keyfile::signing_key(signing_key, KeyKind::Signing)?;
        Ok(Self {
            party: party_of(&origin, name, signing_key, &signing, stated)?,
            origin,
            name: name.to_owned(),
            signing,
            sealing: SealingKey::from_bytes(&sealing)?,
            signing_key: signing_key.to_owned(),
        })
    }

    /// The request to be admitted in these roles, signed by the party itself.
    ///
    /// # Errors
    /// [`IdentityError::NotFirst`] once the key was succeeded: the application would be another party's.
    pub fn application(&self, roles: &[Role]) -> Result<PartyAdmitted, IdentityError> {
        let (origin, sealing) = (&self.origin, self.sealing.public());
        let roles = Roles::new(roles);
        let application = PartyAdmitted::apply(origin, &self.name, roles, &self.signing, sealing);
        if application.party(origin) != self.party {
            return Err(IdentityError::NotFirst {
                path: self.signing_key.clone(),
                party: self.party,
            });
        }
        Ok(application)
    }

    /// The party's id, which depends neither on its roles nor on its present signing key.
    pub fn party(&self) -> PartyId {
        self.party
    }
}

/// The id of the party that signs with a key file: the stated one, else the one that is kept beside the key since it
/// was succeeded, else that of a first key.
pub(crate) fn party_of(
    origin: &Origin,
    name: &str,
    path: &Path,
    key: &SigningKey,
    stated: Option<PartyId>,
) -> Result<PartyId, KeyFileError> {
    if let Some(stated) = stated {
        return Ok(stated);
    }
    let first = || PartyId::of_first_key(origin, name, &PublicKey::of(key).to_bytes());
    let kept = merits_keyfile::kept_party(path)?.map(PartyId);
    Ok(kept.unwrap_or_else(first))
}

/// A party's id in 64 hexadecimal digits.
pub(crate) fn party_from_digits(digits: &str) -> Result<PartyId, hex::FromHexError> {
    let mut id = [0; 32];
    hex::decode_to_slice(digits, &mut id)?;
    Ok(PartyId(id))
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

/// The keys of a founder, whose id the founding facts need before there is a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FounderKeys {
    /// Its id.
    #[serde(serialize_with = "hex_id")]
    pub party: PartyId,
    /// File of its signing key: `ROLE.key`.
    pub signing_key: PathBuf,
    /// File of its sealing key: `ROLE-sealing.key`.
    pub sealing_key: PathBuf,
}

fn hex_id<S: Serializer>(party: &PartyId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(party.0))
}

impl FounderKeys {
    /// Makes the keys in a directory, if there are none yet.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn make(
        role: Role,
        name: &str,
        origin: Origin,
        directory: &Path,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, IdentityError> {
        let file = |ending: &str| directory.join(format!("{}{ending}.key", role.name()));
        let (signing_key, sealing_key) = (file(""), file("-sealing"));
        make_keys(&signing_key, &sealing_key, rng)?;
        let party = Identity::load(origin, name, &signing_key, &sealing_key)?.party();
        Ok(Self {
            party,
            signing_key,
            sealing_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_founders_keys_are_made_once_and_give_its_id() {
        let directory = tempfile::tempdir().unwrap();
        let make = |role, name| {
            let origin = Origin::new("ledger.test/merits").unwrap();
            FounderKeys::make(role, name, origin, directory.path(), &mut rand::rng()).unwrap()
        };
        let made = make(Role::Supervisor, "bureau");
        assert!(made.signing_key.ends_with("supervisor.key"));
        assert!(made.sealing_key.ends_with("supervisor-sealing.key"));
        assert_eq!(make(Role::Supervisor, "bureau"), made);
        let other = make(Role::Witness, "bureau");
        assert_ne!(other.party, made.party);
        let report = serde_json::to_value(&made).unwrap();
        assert_eq!(report["party"], hex::encode(made.party.0));
    }

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
            identity
                .application(&[Role::Source])
                .unwrap()
                .party(&origin()),
            party,
            "whatever the roles"
        );
        fs::remove_file(&sealing).unwrap();
        assert!(load().is_err());
    }

    /// With a later key, it would be another party's.
    #[test]
    fn a_party_applies_with_its_first_key_only() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let (signing, sealing) = (at("signing.key"), at("sealing.key"));
        let origin = || Origin::new("ledger.test/merits").unwrap();
        let load = || Identity::load(origin(), "source", &signing, &sealing).unwrap();
        let rng = &mut rand::rng();
        make_keys(&signing, &sealing, rng).unwrap();
        let party = load().party();
        load().application(&[Role::Source]).expect("the first key");
        fs::rename(&signing, at("signing.key.1")).unwrap();
        fs::write(merits_keyfile::party_file(&signing), hex::encode(party.0)).unwrap();
        make_keys(&signing, &sealing, rng).unwrap();
        let error = load()
            .application(&[Role::Source])
            .expect_err("a later key");
        let said = error.to_string();
        assert!(matches!(error, IdentityError::NotFirst { .. }), "{said}");
        assert!(said.contains("signing.key"), "{said}");
        assert_eq!(load().party(), party, "the same party");
    }
}
