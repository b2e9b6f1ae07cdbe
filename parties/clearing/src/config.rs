//! A clearing bank's config file; `clearing.sample.toml` is the annotated sample.

use std::path::{Path, PathBuf};

use merits_replica::LedgerConfig;
use serde::Deserialize;
use thiserror::Error;

/// `clearing.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearingConfig {
    /// The name under which the clearing bank is admitted.
    pub name: String,
    /// Ed25519 key of the party.
    pub signing_key: PathBuf,
    /// X25519 key of the party.
    pub sealing_key: PathBuf,
    /// Also asks the coordinator's Verifier service about each batch.
    #[serde(default = "yes")]
    pub verify_online: bool,
    /// Which ledger.
    pub ledger: LedgerConfig,
}

/// Why a config cannot be used.
#[derive(Debug, Error)]
#[error("{path}: {reason}")]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, with line and column where there is one.
    pub reason: String,
}

impl ClearingConfig {
    /// Reads a config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let fault = |reason: String| ConfigError {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
        let mut config = Self::from_toml(&text).map_err(|error| fault(error.to_string()))?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [&mut config.signing_key, &mut config.sealing_key] {
            *file = base.join(&*file);
        }
        config.ledger = config.ledger.relative_to(base);
        Ok(config)
    }

    /// Reads a config's text; paths stay as written.
    ///
    /// # Errors
    /// The parser's, with line and column.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_valid_and_unknown_keys_are_not() {
        let sample = include_str!("../clearing.sample.toml");
        let config = ClearingConfig::from_toml(sample).expect("the sample parses");
        assert!(config.verify_online && !config.ledger.allow_dev_keys);
        let error =
            ClearingConfig::from_toml(&format!("colour = 1\n{sample}")).expect_err("unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
