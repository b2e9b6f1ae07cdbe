//! What configurations of all roles have in common: the `[ledger]` table, and who the party is.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use merits_keyfile::{KeyFileError, KeyKind};
use merits_primitives::ids::PartyId;
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, LedgerConfigError, read_config};
use serde::Deserialize;
use thiserror::Error;

use crate::identity::{party_from_digits, party_of};

/// Reads the ledger from a configuration of any role: the `[ledger]` table, or the one inside
/// `[holder]`. Paths come back resolved against the file's folder.
///
/// # Errors
/// [`ConfigFileError`]: no such file, no TOML, or no such table.
pub fn ledger_of(config: &Path) -> Result<LedgerConfig, ConfigFileError> {
    #[derive(Deserialize)]
    struct Any {
        ledger: Option<LedgerConfig>,
        holder: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        ledger: LedgerConfig,
    }
    let any: Any = read_config(config, &[])?;
    let ledger = any.ledger.or(any.holder.map(|holder| holder.ledger));
    let ledger = ledger.ok_or_else(|| ConfigFileError {
        path: config.to_owned(),
        reason: format!(
            "no [ledger] table, which says which ledger it is and where: the role's sample configuration has \
             one to copy{}",
            not_a_partys(config)
        ),
    })?;
    Ok(ledger.relative_to(config.parent().unwrap_or(Path::new(""))))
}

/// Whose a file is that is no party's.
fn not_a_partys(config: &Path) -> String {
    match ConfigKind::of_file(config) {
        Some(
            kind @ (ConfigKind::Coordinator
            | ConfigKind::Cosigner
            | ConfigKind::Offer
            | ConfigKind::Wallet),
        ) => format!(
            ". This looks like the configuration of {}: name that of a party",
            kind.words()
        ),
        _ => String::new(),
    }
}

/// A party by its configuration alone, whatever its role.
#[derive(Debug)]
pub struct Holder {
    /// File of its key.
    pub signing_key: PathBuf,
    /// Its key on the ledger.
    pub signing: SigningKey,
    /// Its id.
    pub party: PartyId,
    /// The ledger.
    pub ledger: LedgerConfig,
}

/// Why a configuration does not say who the party is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HolderError {
    /// The file.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// Its `[ledger]` table.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
    /// The party's key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
}

/// Reads who a party is from a configuration of any role: name, key and ledger, or those inside
/// `[holder]`. A distributor's keys have a table, `[keys]`.
///
/// # Errors
/// [`HolderError`].
pub fn holder_of(config: &Path) -> Result<Holder, HolderError> {
    #[derive(Deserialize)]
    struct Any {
        #[serde(flatten)]
        own: Own,
        holder: Option<Own>,
    }
    #[derive(Deserialize)]
    struct Own {
        name: Option<String>,
        signing_key: Option<PathBuf>,
        keys: Option<Keys>,
        party: Option<String>,
    }
    #[derive(Deserialize)]
    struct Keys {
        signing: Option<PathBuf>,
    }
    let any: Any = read_config(config, &[])?;
    let own = any.holder.unwrap_or(any.own);
    let in_table = own.keys.and_then(|keys| keys.signing);
    let (Some(name), Some(signing_key)) = (own.name, own.signing_key.or(in_table)) else {
        return Err(HolderError::File(ConfigFileError {
            path: config.to_owned(),
            reason: format!(
                "it names no party: `name` and `signing_key` (of a distributor, `signing` in [keys]) are \
                 expected{}",
                not_a_partys(config)
            ),
        }));
    };
    let ledger = ledger_of(config)?;
    let base = config.parent().unwrap_or(Path::new(""));
    let signing_key = base.join(signing_key);
    let signing = merits_keyfile::signing_key(&signing_key, KeyKind::Signing)?;
    let stated = own.party.as_deref().map(party_from_digits).transpose();
    let stated = stated.map_err(|error| ConfigFileError {
        path: config.to_owned(),
        reason: format!("`party`: 64 hexadecimal digits are expected: {error}"),
    })?;
    let (origin, name) = (ledger.origin()?, merits_text::typed::typed(&name));
    let party = party_of(&origin, &name, &signing_key, &signing, stated)?;
    Ok(Holder {
        signing_key,
        signing,
        party,
        ledger,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LEDGER: &str = "coordinator = 'http://127.0.0.1:7700'\nlog_key = 'x'\nauthority = 'y'\n\
                          least_claims_per_total = 5\nreplica = 'copy'\n";
    const LOG_KEY: &str =
        "'ledger.example.org/merits+a7b2cd6f+AYd8eLpkqN4A4uE7z/BJFByCOurQyH5zhKCiNVRyKwiV'";
    /// An offer, and a witness that cosigns only.
    const NO_PARTIES: [&str; 2] = ["offer.sample.toml", "cosigner.sample.toml"];

    #[test]
    fn the_table_is_found_in_every_roles_configuration_and_its_absence_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("role.toml");
        for table in ["ledger", "holder.ledger"] {
            fs::write(&path, format!("name = 'any'\n[{table}]\n{LEDGER}")).unwrap();
            let ledger = ledger_of(&path).expect(table);
            assert_eq!(ledger.replica, directory.path().join("copy"));
        }
        fs::write(&path, "name = 'any'\n").unwrap();
        let error = ledger_of(&path).expect_err("no table").to_string();
        let named = format!("{}: no [ledger] table", path.display());
        assert!(error.starts_with(&named), "{error}");
    }

    #[test]
    fn who_a_party_is_stands_in_every_roles_configuration() {
        let parties = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut read = 0;
        for role in fs::read_dir(parties).unwrap() {
            for sample in fs::read_dir(role.unwrap().path()).unwrap() {
                let sample = sample.unwrap().path();
                let name = sample.file_name().unwrap().to_string_lossy().into_owned();
                if !name.ends_with(".sample.toml") || NO_PARTIES.contains(&name.as_str()) {
                    continue;
                }
                let directory = tempfile::tempdir().unwrap();
                let mut text = fs::read_to_string(&sample).unwrap();
                if name == "source.sample.toml" {
                    // It signs without a ledger too.
                    text.push_str(&format!("[ledger]\n{}", LEDGER.replace("'x'", LOG_KEY)));
                }
                let example = "log_key = \"ledger.example.org/merits+00000000+AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAh\"";
                let text = text.replace(example, &format!("log_key = {LOG_KEY}"));
                let path = directory.path().join(&name);
                fs::write(&path, text).unwrap();
                let key = name.replace(".sample.toml", ".key");
                let key = directory.path().join(key);
                merits_keyfile::create(&key, KeyKind::Signing, &mut rand::rng()).unwrap();
                let holder = holder_of(&path).expect(&name);
                assert_eq!(holder.signing_key, key, "{name}");
                read += 1;
            }
        }
        assert_eq!(read, 10, "one for each role");
    }

    #[test]
    fn a_party_whose_id_is_lost_is_no_other_party() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("role.toml");
        let key = directory.path().join("role.key");
        let ledger = LEDGER.replace("'x'", LOG_KEY);
        let text = format!("name = 'any'\nsigning_key = 'role.key'\n[ledger]\n{ledger}");
        fs::write(&path, text).unwrap();
        merits_keyfile::create(&key, KeyKind::Signing, &mut rand::rng()).unwrap();
        holder_of(&path).expect("a key that was never rotated");
        // What a rotation leaves beside the key, but for the file with the id.
        fs::copy(&key, directory.path().join("role.key.1")).unwrap();
        let error = holder_of(&path).expect_err("a lost id").to_string();
        assert!(error.contains("role.key.party"), "{error}");
        fs::write(directory.path().join("role.key.party"), "11".repeat(32)).unwrap();
        assert_eq!(holder_of(&path).unwrap().party, PartyId([0x11; 32]));
    }
}
