//! Config files of both roles; `supervisor.sample.toml` and `witness.sample.toml` are the
//! annotated samples.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use merits_ledger::Role;
use merits_party::identity::{PartyConfig, PartyFields};
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, read_config};
use merits_serve::Limits;
use serde::Deserialize;

/// The configuration of every holder of a half. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// The name under which the party is admitted.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub name: String,
    /// Ed25519 key of the party.
    pub signing_key: PathBuf,
    /// X25519 key of the party.
    pub sealing_key: PathBuf,
    /// Shares of view keys, one file an epoch.
    pub shares: Vec<PathBuf>,
    /// Shares of quorums' halves, each under a passphrase, in any order.
    #[serde(default)]
    pub quorum_shares: Vec<PathBuf>,
    /// The file with the passphrase of those shares; without it the terminal asks.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
    /// The journal of answers.
    pub journal: PathBuf,
    /// Where to serve Supervision.
    pub listen: SocketAddr,
    /// Which ledger.
    pub ledger: LedgerConfig,
    /// What callers may take of the server.
    #[serde(default)]
    pub server: Limits,
}

/// A supervisor's config: that of a holder, and the addresses of the holders of both halves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisorConfig {
    /// The holder's part.
    pub holder: WitnessConfig,
    /// Addresses of the holders of both halves, including this supervisor's own.
    pub holders: Vec<String>,
    /// Directory of request files.
    pub requests: PathBuf,
    /// Days from a request to its deadline.
    pub deadline_days: u16,
}

/// The role is a log witness's. Of a supervisor, only its keys are taken from here.
impl PartyConfig for WitnessConfig {
    fn party_fields(&self) -> PartyFields<'_> {
        PartyFields {
            role: Role::Witness,
            ledger: &self.ledger,
            name: &self.name,
            signing_key: &self.signing_key,
            sealing_key: &self.sealing_key,
        }
    }
}

impl PartyConfig for SupervisorConfig {
    fn party_fields(&self) -> PartyFields<'_> {
        PartyFields {
            role: Role::Supervisor,
            ..self.holder.party_fields()
        }
    }
}

impl WitnessConfig {
    /// Reads a witness's config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        Self::load_as(path, &[ConfigKind::Witness])
    }

    /// Whether a share of a quorum's half is there, which opens under a passphrase.
    pub fn needs_passphrase(&self) -> bool {
        self.quorum_shares.iter().any(|share| share.exists())
    }

    fn load_as(path: &Path, expected: &[ConfigKind]) -> Result<Self, ConfigFileError> {
        let mut config: Self = read_config(path, expected)?;
        config.check(path)?;
        config.resolve(base(path));
        Ok(config)
    }

    /// The holder's part of a witness's or a supervisor's config; paths come back resolved. Both have a seat on the
    /// board, with these keys.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn of_a_holder(path: &Path) -> Result<Self, ConfigFileError> {
        if ConfigKind::of_file(path) == Some(ConfigKind::Supervisor) {
            return Ok(SupervisorConfig::load(path)?.holder);
        }
        Self::load_as(path, &[ConfigKind::Supervisor, ConfigKind::Witness])
    }

    fn check(&self, path: &Path) -> Result<(), ConfigFileError> {
        self.server.check().map_err(|error| ConfigFileError {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    fn resolve(&mut self, base: &Path) {
        let own = [
            &mut self.signing_key,
            &mut self.sealing_key,
            &mut self.journal,
        ];
        let shares = self.shares.iter_mut().chain(&mut self.quorum_shares);
        for file in own
            .into_iter()
            .chain(shares)
            .chain(&mut self.passphrase_file)
        {
            *file = base.join(&*file);
        }
        self.ledger = self.ledger.clone().relative_to(base);
    }
}

impl SupervisorConfig {
    /// Reads a supervisor's config; paths come back resolved.
    ///
    /// # Errors
    /// [`ConfigFileError`].
    pub fn load(path: &Path) -> Result<Self, ConfigFileError> {
        let mut config: Self = read_config(path, &[ConfigKind::Supervisor])?;
        config.holder.check(path)?;
        config.holder.resolve(base(path));
        config.requests = base(path).join(&config.requests);
        Ok(config)
    }
}

fn base(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_valid_and_unknown_keys_are_not() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let supervisor = SupervisorConfig::load(&directory.join("supervisor.sample.toml"));
        let supervisor = supervisor.expect("the sample parses");
        assert_eq!(supervisor.holders.len(), 2);
        assert!(supervisor.holder.journal.starts_with(directory));
        let witness = WitnessConfig::load(&directory.join("witness.sample.toml"));
        let witness = witness.expect("the sample parses");
        assert!(!witness.ledger.allow_dev_keys);
        assert_eq!(witness.server, Limits::default());
        assert_eq!(supervisor.holder.server, Limits::default());
        for (sample, config) in [
            ("supervisor.sample.toml", &supervisor.holder),
            ("witness.sample.toml", &witness),
        ] {
            let member =
                WitnessConfig::of_a_holder(&directory.join(sample)).expect("it has a seat");
            assert_eq!(member, *config);
        }

        // Each applies in its own role.
        assert_eq!(supervisor.party_fields().role, Role::Supervisor);
        assert_eq!(witness.party_fields().role, Role::Witness);

        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("witness.toml");
        let sample = include_str!("../witness.sample.toml");
        std::fs::write(&path, format!("colour = 1\n{sample}")).expect("written");
        let error = WitnessConfig::load(&path).expect_err("an unknown key");
        assert!(error.to_string().contains("colour"), "{error}");
    }
}
