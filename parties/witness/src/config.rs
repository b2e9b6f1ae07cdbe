//! A cosigning witness's config file; `cosigner.sample.toml` is the annotated sample.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use merits_keyfile::{KeyFileError, KeyKind};
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, read_config};
use merits_serve::Limits;
use merits_verifier::log::{LogKey, WitnessKey, WitnessName, WitnessSigner};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    error::RunError,
    state::{State, StateError},
};

/// `cosigner.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosignerConfig {
    /// The witness's name, part of its key.
    pub name: String,
    /// Where to take checkpoints over HTTP.
    pub listen: SocketAddr,
    /// Ed25519 key of the witness.
    pub key: PathBuf,
    /// What was cosigned last.
    pub state: PathBuf,
    /// The log's public key, in the form that the coordinator prints.
    pub log_key: String,
    /// For a witness that also runs the ledger's rules.
    #[serde(default)]
    pub validating: Option<ValidatingConfig>,
    /// What callers may take of the server.
    #[serde(default)]
    pub server: Limits,
}

/// A witness's public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WitnessKeys {
    /// Its own.
    #[serde(serialize_with = "text")]
    pub key: WitnessKey,
    /// That of a validating witness.
    #[serde(serialize_with = "text_if_any")]
    pub validating: Option<WitnessKey>,
}

fn text<S: Serializer>(key: &WitnessKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}

fn text_if_any<S: Serializer>(key: &Option<WitnessKey>, serializer: S) -> Result<S::Ok, S::Error> {
    let key = key.as_ref().map(ToString::to_string);
    key.serialize(serializer)
}

/// The second key, and the ledger whose rules are run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatingConfig {
    /// The name of the validating key: another one than the witness's.
    pub name: String,
    /// Ed25519 key of its own.
    pub key: PathBuf,
    /// Which ledger.
    pub ledger: LedgerConfig,
}

impl CosignerConfig {
    /// Reads a config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let mut config: Self = read_config(path, &[ConfigKind::Cosigner])?;
        config.check().map_err(|reason| ConfigFileError {
            path: path.to_owned(),
            reason,
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [&mut config.key, &mut config.state] {
            *file = base.join(&*file);
        }
        if let Some(validating) = &mut config.validating {
            validating.key = base.join(&validating.key);
            validating.ledger = validating.ledger.clone().relative_to(base);
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        self.server.check().map_err(|error| error.to_string())?;
        let log = LogKey::parse(&self.log_key).map_err(|error| format!("log_key: {error}"))?;
        WitnessName::new(&self.name).map_err(|_| NAME.replace("KEY", "name"))?;
        let Some(validating) = &self.validating else {
            return Ok(());
        };
        WitnessName::new(&validating.name).map_err(|_| NAME.replace("KEY", "validating.name"))?;
        if validating.name == self.name || validating.key == self.key {
            return Err(
                "validating: a further statement has a name and a key of its own, so that nobody takes one \
                 cosignature for the other"
                    .to_owned(),
            );
        }
        let followed = validating
            .ledger
            .log_key()
            .map_err(|error| error.to_string())?;
        if followed != log {
            return Err("validating.ledger.log_key: it is not the key in `log_key`".to_owned());
        }
        Ok(())
    }

    /// The log.
    ///
    /// # Errors
    /// [`RunError::Config`].
    pub fn log(&self) -> Result<LogKey, RunError> {
        LogKey::parse(&self.log_key).map_err(|error| RunError::Config(error.to_string()))
    }

    /// Makes the keys and the state of a new witness, or only the state at `newest` of one whose
    /// state was lost. A new key without a state, or the other way round, is never made: the key waits
    /// under another name until its state is there, and the same call goes on where one was cut off.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn init(
        &self,
        newest: Option<&merits_verifier::log::SignedCheckpoint>,
        rng: &mut impl CryptoRng,
    ) -> Result<WitnessKeys, RunError> {
        let log = self.log()?;
        let begins = !self.key.exists();
        if !begins && newest.is_none() && !self.state.exists() {
            return Err(StateError::Missing {
                path: self.state.clone(),
            }
            .into());
        }
        let mut next = self.key.clone();
        next.as_mut_os_string().push(".next");
        if begins && self.state.exists() && !next.exists() {
            return Err(StateError::Exists {
                path: self.state.clone(),
            }
            .into());
        }
        let key = if begins { &next } else { &self.key };
        merits_keyfile::load_or_create(key, KeyKind::Cosigning, rng)?;
        if let Some(validating) = &self.validating {
            merits_keyfile::load_or_create(&validating.key, KeyKind::Cosigning, rng)?;
        }
        let signer = signer(&self.name, key)?;
        match State::create(&self.state, signer.public(), &log, newest) {
            // By a call that was cut off before the key had its name, so it cosigned nothing.
            Err(StateError::Exists { .. }) if begins => {
                State::open(&self.state, signer.public(), &log)?;
            }
            made => made?,
        }
        if begins {
            let named = merits_guard::folder::rename(&next, &self.key);
            named.map_err(|source| KeyFileError::Io {
                path: self.key.clone(),
                source,
            })?;
        }
        self.keys()
    }

    /// The witness's keys: its own, and the validating one if it has one.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn keys(&self) -> Result<WitnessKeys, RunError> {
        let validating = self.validating_signer()?;
        Ok(WitnessKeys {
            key: self.signer()?.public().clone(),
            validating: validating.map(|signer| signer.public().clone()),
        })
    }

    pub(crate) fn signer(&self) -> Result<WitnessSigner, RunError> {
        signer(&self.name, &self.key)
    }

    pub(crate) fn validating_signer(&self) -> Result<Option<WitnessSigner>, RunError> {
        let Some(validating) = &self.validating else {
            return Ok(None);
        };
        signer(&validating.name, &validating.key).map(Some)
    }
}

fn signer(name: &str, key: &Path) -> Result<WitnessSigner, RunError> {
    let name = WitnessName::new(name).map_err(|error| RunError::Config(error.to_string()))?;
    let key = merits_keyfile::signing_key(key, KeyKind::Cosigning)?;
    Ok(WitnessSigner::new(name, key))
}

const NAME: &str = "KEY: up to 128 visible ASCII characters without `+` are expected, such as \
                    witness.example.org/w1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_valid_and_unknown_keys_are_not() {
        let sample = include_str!("../cosigner.sample.toml");
        let config = toml::from_str::<CosignerConfig>(sample).expect("the sample parses");
        assert_eq!(
            config.server,
            Limits::default(),
            "the sample has the defaults"
        );
        let error = toml::from_str::<CosignerConfig>(&format!("colour = 1\n{sample}"))
            .expect_err("unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
