//! What configurations of all roles have in common: the `[ledger]` table, and who the party is.

use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use merits_keyfile::{KeyFileError, KeyKind};
use merits_primitives::ids::PartyId;
use merits_replica::{ConfigFileError, LedgerConfig, LedgerConfigError, read_config};
use merits_verifier::signature::PublicKey;
use serde::Deserialize;
use thiserror::Error;

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
    let any: Any = read_config(config)?;
    let ledger = any.ledger.or(any.holder.map(|holder| holder.ledger));
    let ledger = ledger.ok_or_else(|| ConfigFileError {
        path: config.to_owned(),
        reason: "no [ledger] table".to_owned(),
    })?;
    Ok(ledger.relative_to(config.parent().unwrap_or(Path::new(""))))
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
/// `[holder]`.
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
        party: Option<String>,
    }
    let any: Any = read_config(config)?;
    let own = any.holder.unwrap_or(any.own);
    let (Some(name), Some(signing_key)) = (own.name, own.signing_key) else {
        return Err(HolderError::File(ConfigFileError {
            path: config.to_owned(),
            reason: "it names no party: `name` and `signing_key` are expected".to_owned(),
        }));
    };
    let ledger = ledger_of(config)?;
    let base = config.parent().unwrap_or(Path::new(""));
    let signing_key = base.join(signing_key);
    let signing = merits_keyfile::signing_key(&signing_key, KeyKind::Signing)?;
    let party = match (own.party, merits_keyfile::kept_party(&signing_key)?) {
        (Some(party), _) => {
            let mut id = [0; 32];
            hex::decode_to_slice(&party, &mut id).map_err(|error| ConfigFileError {
                path: config.to_owned(),
                reason: format!("`party`: 64 hexadecimal digits are expected: {error}"),
            })?;
            PartyId(id)
        }
        (None, Some(kept)) => PartyId(kept),
        (None, None) => {
            let name = merits_text::typed::typed(&name);
            let key = PublicKey::of(&signing).to_bytes();
            PartyId::derive(&ledger.origin()?, &name, &key)
        }
    };
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
        assert_eq!(error, format!("{}: no [ledger] table", path.display()));
    }
}
