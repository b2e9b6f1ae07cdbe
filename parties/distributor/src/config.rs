//! A distributor's config file; `distributor.sample.toml` is the annotated sample.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use merits_circuits::prover::TableBudget;
use merits_ledger::Role;
use merits_party::identity::{PartyConfig, PartyFields};
use merits_records::Mapping;
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, read_config};
use serde::Deserialize;

use crate::pool::Width;

/// `distributor.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistributorConfig {
    /// The name under which the distributor is admitted.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub name: String,
    /// The party's id in hexadecimal, once keys were rotated; derived when left out.
    pub party: Option<String>,
    /// The scale that this node claims on.
    pub scale: String,
    /// Store of proving keys.
    pub key_store: PathBuf,
    /// The node's database.
    pub store: PathBuf,
    /// Secrets.
    pub keys: KeyPaths,
    /// How much of the machine proofs may use.
    #[serde(default)]
    pub prover: ProverConfig,
    /// Which ledger.
    pub ledger: LedgerConfig,
    /// Accounts that are separate people although their names look like others.
    #[serde(default)]
    pub distinct_accounts: Vec<String>,
    /// How record files are read.
    pub mapping: Mapping,
}

/// Key files, made on first use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPaths {
    /// Ed25519 key that signs entries.
    pub signing: PathBuf,
    /// X25519 key that opens messages sealed to the party.
    pub sealing: PathBuf,
    /// Seed of the accounts' secrets.
    pub custody: PathBuf,
    /// Seed of ephemeral exponents.
    pub ephemeral: PathBuf,
    /// Wraps the data keys of the database.
    pub master: PathBuf,
}

/// The `[prover]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProverConfig {
    /// Threads; as many as cores when left out.
    pub threads: Option<NonZeroUsize>,
    /// Concurrent batches; as many as threads when left out.
    pub in_flight: Option<NonZeroUsize>,
    /// MiB that tables of multiples of the key's points may take; none when left out.
    #[serde(default)]
    pub table_mib: u32,
}

impl ProverConfig {
    /// The width, with the machine's defaults for missing values.
    pub fn width(&self) -> Width {
        let machine = Width::of_machine();
        let threads = self.threads.unwrap_or(machine.threads);
        Width {
            threads,
            in_flight: self.in_flight.unwrap_or(threads),
        }
    }

    /// What the key's tables may take.
    pub fn tables(&self) -> TableBudget {
        TableBudget((self.table_mib as usize) << 20)
    }
}

impl PartyConfig for DistributorConfig {
    fn party_fields(&self) -> PartyFields<'_> {
        PartyFields {
            role: Role::Distributor,
            ledger: &self.ledger,
            name: &self.name,
            signing_key: &self.keys.signing,
            sealing_key: &self.keys.sealing,
        }
    }

    fn party_in_digits(&self) -> Option<&str> {
        self.party.as_deref()
    }
}

impl DistributorConfig {
    /// Reads a config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let mut config: Self = read_config(path, &[ConfigKind::Distributor])?;
        let base = path.parent().unwrap_or(Path::new(""));
        for file in [
            &mut config.key_store,
            &mut config.store,
            &mut config.keys.signing,
            &mut config.keys.sealing,
            &mut config.keys.custody,
            &mut config.keys.ephemeral,
            &mut config.keys.master,
        ] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_valid_and_unknown_keys_are_not() {
        let sample = include_str!("../distributor.sample.toml");
        let config = DistributorConfig::from_toml(sample).expect("the sample parses");
        assert_eq!(config.scale, "cycling-week");
        let error = DistributorConfig::from_toml(&format!("colour = 1\n{sample}"))
            .expect_err("an unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
