//! The `[ledger]` table of every party's configuration: the log, its address, and its founding
//! parameters.

use std::path::{Path, PathBuf};

use merits_ledger::LedgerPolicy;
use merits_primitives::ids::{Origin, PartyId};
use merits_tls::TlsFiles;
use merits_verifier::{groth16::KeyPolicy, log::LogKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::mark::DESK;

/// The ledger that a party follows. The party gets the log key and the authority once, from the
/// ledger's operator over a trusted channel; everything else is verified under them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    /// The coordinator's gRPC address, such as `https://ledger.example.org:7700`, or
    /// `http://127.0.0.1:7700` on one machine.
    pub coordinator: String,
    /// The log's public key, in the form that the coordinator prints: `<origin>+<key id>+<base64>`.
    pub log_key: String,
    /// Party id of the founding supervisor: 64 hexadecimal digits.
    pub authority: String,
    /// The fewest claims that an opened total covers: a founding parameter of the ledger.
    pub least_claims_per_total: u32,
    /// Whether every claim needs a ticket: a founding parameter of the ledger.
    #[serde(default = "tickets")]
    pub tickets: bool,
    /// The interval of the anchors that redemptions prove against: a founding parameter of the
    /// ledger.
    #[serde(default = "anchor_seconds")]
    pub anchor_seconds: u32,
    /// Directory of the verified copy. If it is deleted, the copy is fetched and verified again.
    pub replica: PathBuf,
    /// File outside `replica` that remembers the newest verified tree, so that neither this copy
    /// nor the log can return to an older state unnoticed. Servers must have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_water_mark: Option<PathBuf>,
    /// Accepts scales whose proving key was made by one party, which could forge. For
    /// demonstrations only.
    #[serde(default)]
    pub allow_dev_keys: bool,
    /// Allows plain text over a network, where something else protects the way. Without it only
    /// this machine is called, and serves, without TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure_plaintext: bool,
    /// TLS with everybody on this ledger: with the coordinator, and as a server. Then no address is
    /// `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFiles>,
}

fn tickets() -> bool {
    true
}

fn anchor_seconds() -> u32 {
    merits_ledger::ANCHOR_SECONDS
}

/// Why a configuration file cannot be used.
#[derive(Debug, Error)]
#[error("{path}: {reason}")]
pub struct ConfigFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, with line and column where there is one.
    pub reason: String,
}

/// Reads a party's configuration file; paths in it stay as written.
///
/// # Errors
/// [`ConfigFileError`]: no such file, or the parser's complaint.
pub fn read_config<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ConfigFileError> {
    let fault = |reason: String| ConfigFileError {
        path: path.to_owned(),
        reason,
    };
    let text = merits_text::file::read(path).map_err(|error| fault(error.to_string()))?;
    toml::from_str(&text).map_err(|error| fault(error.to_string()))
}

/// An invalid value of the `[ledger]` table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("ledger.{key}: {reason}")]
pub struct LedgerConfigError {
    /// The key.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl LedgerConfig {
    /// The log's key, checked.
    ///
    /// # Errors
    /// [`LedgerConfigError`].
    pub fn log_key(&self) -> Result<LogKey, LedgerConfigError> {
        LogKey::parse(&self.log_key).map_err(|error| LedgerConfigError {
            key: "log_key",
            reason: error.to_string(),
        })
    }

    /// The log's name, which its key carries.
    ///
    /// # Errors
    /// [`LedgerConfigError`].
    pub fn origin(&self) -> Result<Origin, LedgerConfigError> {
        Ok(self.log_key()?.origin().clone())
    }

    /// The ledger's founding parameters.
    ///
    /// # Errors
    /// [`LedgerConfigError`].
    pub fn policy(&self) -> Result<LedgerPolicy, LedgerConfigError> {
        let mut authority = [0u8; 32];
        hex::decode_to_slice(&self.authority, &mut authority).map_err(|error| {
            LedgerConfigError {
                key: "authority",
                reason: format!("64 hexadecimal digits of a party id are expected: {error}"),
            }
        })?;
        Ok(LedgerPolicy {
            origin: self.origin()?,
            authority: PartyId(authority),
            keys: KeyPolicy {
                allow_dev_keys: self.allow_dev_keys,
            },
            least_claims_per_total: self.least_claims_per_total,
            tickets: self.tickets,
            anchor_seconds: self.anchor_seconds,
        })
    }

    /// How connections on this ledger are protected: reads the files of TLS.
    ///
    /// # Errors
    /// [`LedgerConfigError`].
    #[cfg(feature = "net")]
    pub fn security(&self) -> Result<merits_tls::Security, LedgerConfigError> {
        merits_tls::Security::load(self.tls.as_ref(), self.insecure_plaintext).map_err(|error| {
            LedgerConfigError {
                key: "tls",
                reason: error.to_string(),
            }
        })
    }

    /// The same with its relative paths resolved against `base`.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.replica = base.join(self.replica);
        self.high_water_mark = self.high_water_mark.map(|mark| base.join(mark));
        self.tls = self.tls.map(|tls| tls.relative_to(base));
        self
    }

    /// The same for the party's commands, which run beside its server with their own copy and mark.
    #[must_use]
    pub fn of_the_desk(mut self) -> Self {
        self.replica.as_mut_os_string().push(DESK);
        if let Some(mark) = &mut self.high_water_mark {
            mark.as_mut_os_string().push(DESK);
        }
        self
    }

    /// The same for a server, for which the high-water mark is required.
    ///
    /// # Errors
    /// [`LedgerConfigError`] without one.
    pub fn of_a_server(self) -> Result<Self, LedgerConfigError> {
        if self.high_water_mark.is_some() {
            return Ok(self);
        }
        Err(LedgerConfigError {
            key: "high_water_mark",
            reason: format!(
                "a server needs one: name a file outside {}, best on another disk, in which it remembers \
                 the newest tree of the log that it has verified",
                self.replica.display()
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use merits_verifier::log::LogSigner;

    #[test]
    fn bad_values_are_named() {
        let origin = Origin::new("ledger.test/config").expect("a valid origin");
        let log_key = LogSigner::new(origin.clone(), SigningKey::from_bytes(&[1; 32]))
            .public()
            .to_string();
        let config = LedgerConfig {
            coordinator: "http://127.0.0.1:1".to_owned(),
            log_key,
            authority: "ab".repeat(32),
            least_claims_per_total: 16,
            tickets: true,
            anchor_seconds: 3_600,
            replica: "replica".into(),
            high_water_mark: None,
            allow_dev_keys: false,
            insecure_plaintext: false,
            tls: None,
        };
        let policy = config.policy().expect("valid");
        assert_eq!(
            (policy.origin, policy.authority),
            (origin, PartyId([0xab; 32]))
        );
        let wrong = LedgerConfig {
            authority: "zz".to_owned(),
            ..config.clone()
        };
        assert_eq!(wrong.policy().expect_err("no id").key, "authority");
        let wrong = LedgerConfig {
            log_key: "x+y+z".to_owned(),
            ..config.clone()
        };
        assert_eq!(wrong.policy().expect_err("no key").key, "log_key");
        let error = config.clone().of_a_server().expect_err("no mark");
        assert_eq!(error.key, "high_water_mark");
        let config = LedgerConfig {
            high_water_mark: Some("replica.mark".into()),
            ..config
        };
        let desk = config.relative_to(Path::new("/party")).of_the_desk();
        let desk = desk.of_a_server().expect("it has a mark");
        assert_eq!(desk.replica, Path::new("/party/replica-desk"));
        let mark = desk.high_water_mark.expect("it has a mark");
        assert_eq!(mark, Path::new("/party/replica.mark-desk"));
    }
}
