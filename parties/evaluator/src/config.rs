//! An evaluator's config file; `evaluator.sample.toml` is the annotated sample.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use merits_ledger::Role;
use merits_party::identity::{PartyConfig, PartyFields};
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, read_config};
use merits_serve::Limits;
use serde::Deserialize;

/// `evaluator.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorConfig {
    /// The name under which the evaluator is admitted.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub name: String,
    /// Ed25519 key of the party.
    pub signing_key: PathBuf,
    /// X25519 key of the party.
    pub sealing_key: PathBuf,
    /// Seed of the VOPRF's key.
    pub voprf_key: PathBuf,
    /// Where to serve Uniqueness.
    pub listen: SocketAddr,
    /// Which ledger.
    pub ledger: LedgerConfig,
    /// What callers may take of the server.
    #[serde(default)]
    pub server: Limits,
}

impl PartyConfig for EvaluatorConfig {
    fn party_fields(&self) -> PartyFields<'_> {
        PartyFields {
            role: Role::Evaluator,
            ledger: &self.ledger,
            name: &self.name,
            signing_key: &self.signing_key,
            sealing_key: &self.sealing_key,
        }
    }
}

impl EvaluatorConfig {
    /// Reads a config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let mut config: Self = read_config(path, &[ConfigKind::Evaluator])?;
        config.server.check().map_err(|error| ConfigFileError {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut config.signing_key,
            &mut config.sealing_key,
            &mut config.voprf_key,
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
        let sample = include_str!("../evaluator.sample.toml");
        let config = toml::from_str::<EvaluatorConfig>(sample).expect("the sample parses");
        assert!(!config.ledger.allow_dev_keys);
        assert_eq!(
            config.server,
            Limits::default(),
            "the sample has the defaults"
        );
        let error = toml::from_str::<EvaluatorConfig>(&format!("colour = 1\n{sample}"))
            .expect_err("unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
