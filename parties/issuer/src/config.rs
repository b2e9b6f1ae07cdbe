//! An issuer's config file; `issuer.sample.toml` is the annotated sample.

use std::path::{Path, PathBuf};

use merits_ledger::Role;
use merits_party::identity::{PartyConfig, PartyFields};
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, read_config};
use serde::Deserialize;

/// `issuer.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The name under which the issuer is admitted.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub name: String,
    /// Directory of the scale, with its `scale.toml`.
    pub scale: PathBuf,
    /// Store of proving keys.
    pub key_store: PathBuf,
    /// Ed25519 key of the party.
    pub signing_key: PathBuf,
    /// X25519 key of the party.
    pub sealing_key: PathBuf,
    /// Which ledger.
    pub ledger: LedgerConfig,
}

impl PartyConfig for IssuerConfig {
    fn party_fields(&self) -> PartyFields<'_> {
        PartyFields {
            role: Role::Issuer,
            ledger: &self.ledger,
            name: &self.name,
            signing_key: &self.signing_key,
            sealing_key: &self.sealing_key,
        }
    }
}

impl IssuerConfig {
    /// Reads a config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let mut config: Self = read_config(path, &[ConfigKind::Issuer])?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut config.scale,
            &mut config.key_store,
            &mut config.signing_key,
            &mut config.sealing_key,
        ] {
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
        let sample = include_str!("../issuer.sample.toml");
        let config: IssuerConfig = toml::from_str(sample).expect("the sample parses");
        assert!(!config.ledger.allow_dev_keys);
        let unknown = format!("colour = 1\n{sample}");
        let error = toml::from_str::<IssuerConfig>(&unknown).expect_err("an unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
