//! An exchange's config file; `exchange.sample.toml` is the annotated sample.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use merits_ledger::Role;
use merits_party::identity::{PartyConfig, PartyFields};
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, read_config};
use merits_serve::Limits;
use serde::Deserialize;

/// `exchange.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeConfig {
    /// The name under which the exchange is admitted.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub name: String,
    /// Where to serve Exchange.
    pub listen: SocketAddr,
    /// The database of vouchers.
    pub store: PathBuf,
    /// Ed25519 key of the party.
    pub signing_key: PathBuf,
    /// X25519 key of the party.
    pub sealing_key: PathBuf,
    /// Seals the codes in the database.
    pub master_key: PathBuf,
    /// Which ledger.
    pub ledger: LedgerConfig,
    /// What callers may take of the server.
    #[serde(default)]
    pub server: Limits,
}

impl PartyConfig for ExchangeConfig {
    fn party_fields(&self) -> PartyFields<'_> {
        PartyFields {
            role: Role::Exchange,
            ledger: &self.ledger,
            name: &self.name,
            signing_key: &self.signing_key,
            sealing_key: &self.sealing_key,
        }
    }
}

impl ExchangeConfig {
    /// Reads a config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let mut config: Self = read_config(path, &[ConfigKind::Exchange])?;
        config.server.check().map_err(|error| ConfigFileError {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut config.store,
            &mut config.signing_key,
            &mut config.sealing_key,
            &mut config.master_key,
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
        let sample = include_str!("../exchange.sample.toml");
        let config = toml::from_str::<ExchangeConfig>(sample).expect("the sample parses");
        assert!(!config.ledger.allow_dev_keys && config.ledger.tickets);
        assert_eq!(
            config.server,
            Limits::default(),
            "the sample has the defaults"
        );
        let error = toml::from_str::<ExchangeConfig>(&format!("colour = 1\n{sample}"))
            .expect_err("unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
