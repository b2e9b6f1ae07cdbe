//! The `[ledger]` table of every party's configuration: the log, its address, and its founding
//! parameters.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use merits_ledger::{AnchorInterval, BoardFacts, LedgerPolicy};
use merits_primitives::ids::{Origin, PartyId};
use merits_tls::TlsFiles;
use merits_verifier::{
    groth16::KeyPolicy,
    log::{LogKey, Quorum, WitnessKey, WitnessPolicy},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::mark::COMMANDS_SUFFIX;

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
    pub anchor_seconds: NonZeroU32,
    /// The board at the founding, as the coordinator's configuration states it: a founding parameter of the ledger.
    #[serde(default = "board")]
    pub board: String,
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
    /// The cosignatures without which nothing of the log is believed. Without this table, the log's
    /// own word is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<WitnessesConfig>,
}

/// The `[ledger.log]` table: the witnesses that a party knows, and how many of them must have
/// cosigned a checkpoint before the party believes it. The party gets their keys from them, over a
/// trusted channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessesConfig {
    /// Keys of witnesses, as `merits witness cosign key` prints them.
    pub witnesses: Vec<String>,
    /// How many of them must have cosigned.
    pub threshold: usize,
    /// How many of them may be false: the threshold must be over (witnesses + faulty) / 2.
    #[serde(default)]
    pub faulty: usize,
    /// Keys by which witnesses say that they ran the ledger's rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validating: Vec<String>,
    /// How many of those must have cosigned.
    #[serde(default)]
    pub validating_threshold: usize,
    /// How many of those may be false.
    #[serde(default)]
    pub validating_faulty: usize,
}

impl WitnessesConfig {
    /// The policy, checked.
    ///
    /// # Errors
    /// [`LedgerConfigError`] names the key.
    pub fn policy(&self) -> Result<WitnessPolicy, LedgerConfigError> {
        let refuse = |key, reason: String| LedgerConfigError { key, reason };
        let keys = |key, texts: &[String]| {
            let parse = |text: &String| {
                WitnessKey::parse(text).map_err(|error| refuse(key, format!("{text:?}: {error}")))
            };
            texts.iter().map(parse).collect::<Result<Vec<_>, _>>()
        };
        let quorum = |key, keys, threshold, faulty| {
            Quorum::new(keys, threshold, faulty).map_err(|error| refuse(key, error.to_string()))
        };
        let witnesses = keys("log.witnesses", &self.witnesses)?;
        let witnesses = quorum("log.threshold", witnesses, self.threshold, self.faulty)?;
        let validating = keys("log.validating", &self.validating)?;
        let validating = if validating.is_empty() {
            if self.validating_threshold > 0 || self.validating_faulty > 0 {
                let reason = "`log.validating` names no key".to_owned();
                return Err(refuse("log.validating_threshold", reason));
            }
            None
        } else {
            let (threshold, faulty) = (self.validating_threshold, self.validating_faulty);
            Some(quorum(
                "log.validating_threshold",
                validating,
                threshold,
                faulty,
            )?)
        };
        WitnessPolicy::new(witnesses, validating)
            .map_err(|error| refuse("log.validating", error.to_string()))
    }
}

fn tickets() -> bool {
    true
}

fn board() -> String {
    BoardFacts::alone().to_string()
}

fn anchor_seconds() -> NonZeroU32 {
    AnchorInterval::HOUR.as_secs()
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

    /// The cosignatures that this party demands, if it demands any.
    ///
    /// # Errors
    /// [`LedgerConfigError`].
    pub fn witnesses(&self) -> Result<Option<WitnessPolicy>, LedgerConfigError> {
        self.log.as_ref().map(WitnessesConfig::policy).transpose()
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
        let authority = PartyId(authority);
        let board = self.board.parse::<BoardFacts>();
        let board = board
            .and_then(|board| board.beside(&authority))
            .map_err(|error| LedgerConfigError {
                key: "board",
                reason: error.to_string(),
            })?;
        Ok(LedgerPolicy {
            origin: self.origin()?,
            authority,
            keys: KeyPolicy {
                allow_dev_keys: self.allow_dev_keys,
            },
            least_claims_per_total: self.least_claims_per_total,
            tickets: self.tickets,
            anchor_interval: AnchorInterval::from_secs(self.anchor_seconds),
            board,
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
    pub fn of_commands(mut self) -> Self {
        self.replica.as_mut_os_string().push(COMMANDS_SUFFIX);
        if let Some(mark) = &mut self.high_water_mark {
            mark.as_mut_os_string().push(COMMANDS_SUFFIX);
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
            anchor_seconds: anchor_seconds(),
            board: board(),
            replica: "replica".into(),
            high_water_mark: None,
            allow_dev_keys: false,
            log: None,
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
        let text = toml::to_string(&config).expect("written");
        assert_eq!(toml::from_str(&text), Ok(config.clone()));
        let text = text.replace("anchor_seconds = 3600", "anchor_seconds = 0");
        let error = toml::from_str::<LedgerConfig>(&text).expect_err("no interval");
        assert!(error.to_string().contains("anchor_seconds"), "{error}");
        const WITNESS: &str =
            "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";
        assert_eq!(config.witnesses(), Ok(None));
        let demanding = |witnesses: &[&str], threshold, faulty| LedgerConfig {
            log: Some(WitnessesConfig {
                witnesses: witnesses.iter().map(ToString::to_string).collect(),
                threshold,
                faulty,
                validating: Vec::new(),
                validating_threshold: 0,
                validating_faulty: 0,
            }),
            ..config.clone()
        };
        let policy = demanding(&[WITNESS], 1, 0).witnesses().expect("valid");
        assert_eq!(policy.expect("demanded").witnesses().threshold(), 1);
        for (witnesses, threshold, faulty, key) in [
            (&["x"][..], 1, 0, "log.witnesses"),
            (&[], 0, 0, "log.threshold"),
            (&[WITNESS], 0, 0, "log.threshold"),
            (&[WITNESS], 2, 0, "log.threshold"),
            (&[WITNESS], 1, 1, "log.threshold"),
            (&[WITNESS, WITNESS], 2, 0, "log.threshold"),
        ] {
            let wrong = demanding(witnesses, threshold, faulty).witnesses();
            assert_eq!(wrong.expect_err("wrong").key, key);
        }
        let error = config.clone().of_a_server().expect_err("no mark");
        assert_eq!(error.key, "high_water_mark");
        let config = LedgerConfig {
            high_water_mark: Some("replica.mark".into()),
            ..config
        };
        let commands = config.relative_to(Path::new("/party")).of_commands();
        let commands = commands.of_a_server().expect("it has a mark");
        assert_eq!(commands.replica, Path::new("/party/replica-commands"));
        let mark = commands.high_water_mark.expect("it has a mark");
        assert_eq!(mark, Path::new("/party/replica.mark-commands"));
    }
}
