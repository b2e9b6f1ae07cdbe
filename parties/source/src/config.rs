//! A source's config file; `source.sample.toml` is the annotated sample.

use std::path::{Path, PathBuf};

use merits_records::Mapping;
use merits_replica::{ConfigKind, LedgerConfig, parse_config};
use serde::Deserialize;
use thiserror::Error;

/// `source.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The name under which the source was admitted.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub name: String,
    /// The ledger's origin.
    pub origin: String,
    /// The party's id on the ledger in hexadecimal, once keys were rotated; derived from origin,
    /// name and key when left out.
    pub party: Option<String>,
    /// Ed25519 key that signs commitments.
    pub signing_key: PathBuf,
    /// MAC key that salts come from.
    pub salt_key: PathBuf,
    /// Register of what was signed.
    pub register_file: PathBuf,
    /// Links of accounts that their people proved.
    pub links_file: Option<PathBuf>,
    /// Which ledger; for `merits source link` only.
    pub ledger: Option<LedgerConfig>,
    /// Directory of the scale, for its record schema.
    pub scale: PathBuf,
    /// Rows in a hundred that may be unreadable before nothing of a file is signed; 5 when left out.
    pub most_rejects_percent: Option<u8>,
    /// How the record files are read.
    pub mapping: Mapping,
}

/// Why a config cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not valid.
    #[error("{path}: {reason}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What and where.
        reason: String,
    },
}

impl SourceConfig {
    /// Reads a config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = merits_text::file::read(path).map_err(|source| ConfigError::Io {
            path: path.to_owned(),
            source,
        })?;
        let mut config: Self =
            parse_config(&text, &[ConfigKind::Source]).map_err(|reason| ConfigError::Invalid {
                path: path.to_owned(),
                reason,
            })?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut config.signing_key,
            &mut config.salt_key,
            &mut config.register_file,
            &mut config.scale,
        ] {
            *file = base.join(&*file);
        }
        if let Some(file) = &mut config.links_file {
            *file = base.join(&*file);
        }
        config.ledger = config.ledger.map(|ledger| ledger.relative_to(base));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_valid_and_unknown_keys_are_not() {
        let sample = include_str!("../source.sample.toml");
        let config = SourceConfig::from_toml(sample).expect("the sample parses");
        assert_eq!(config.mapping.subject, "bike_id");
        assert!(config.links_file.is_some());
        // The lines that are only commented out are valid too.
        let joined: String = sample
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(key) if key == "[ledger]" || (key.contains(" = ") && !key.contains("...")) => {
                    key
                }
                _ => line,
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let (before, _) = joined.split_once("[mapping]").expect("a table");
        let table = before.split_once("[ledger]").expect("a table").1;
        toml::from_str::<LedgerConfig>(table).expect("the commented table is valid");
        let error =
            SourceConfig::from_toml(&format!("colour = 1\n{sample}")).expect_err("an unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
