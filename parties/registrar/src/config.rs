//! A registrar's config file; `registrar.sample.toml` is the annotated sample.

use std::path::{Path, PathBuf};

use merits_ledger::Role;
use merits_party::identity::{PartyConfig, PartyFields};
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, read_config};
use serde::Deserialize;

/// `registrar.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrarConfig {
    /// The name under which the registrar is admitted.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub name: String,
    /// Ed25519 key of the party.
    pub signing_key: PathBuf,
    /// X25519 key of the party.
    pub sealing_key: PathBuf,
    /// Where the evaluators serve Uniqueness: as many as the ledger's threshold at least.
    pub evaluators: Vec<String>,
    /// Which ledger.
    pub ledger: LedgerConfig,
}

impl PartyConfig for RegistrarConfig {
    fn party_fields(&self) -> PartyFields<'_> {
        PartyFields {
            role: Role::Registrar,
            ledger: &self.ledger,
            name: &self.name,
            signing_key: &self.signing_key,
            sealing_key: &self.sealing_key,
        }
    }
}

impl RegistrarConfig {
    /// Reads a config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let mut config: Self = read_config(path, &[ConfigKind::Registrar])?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [&mut config.signing_key, &mut config.sealing_key] {
            *file = base.join(&*file);
        }
        config.ledger = config.ledger.relative_to(base);
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_valid_and_unknown_keys_are_not() {
        let sample = include_str!("../registrar.sample.toml");
        let config = toml::from_str::<RegistrarConfig>(sample).expect("the sample parses");
        assert!(!config.ledger.allow_dev_keys);
        let error = toml::from_str::<RegistrarConfig>(&format!("colour = 1\n{sample}"))
            .expect_err("unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
