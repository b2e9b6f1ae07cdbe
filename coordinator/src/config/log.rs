//! The `[log]` table: tiles, and the witnesses that are asked to cosign.

use std::net::SocketAddr;

use merits_fetch::Address;
use merits_verifier::log::{Quorum, WitnessKey, WitnessPolicy};
use serde::Deserialize;

use crate::error::ConfigError;

/// The log over HTTP, and its witnesses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Where to serve the log as tiles; port 0 takes a free one. Not served without it.
    pub listen: Option<SocketAddr>,
    /// Witnesses that are asked to cosign each checkpoint.
    pub witnesses: Vec<WitnessAddress>,
    /// How many of their keys must have cosigned a checkpoint before it is shown as cosigned.
    pub threshold: usize,
    /// How many witnesses may be false.
    pub faulty: usize,
    /// The same for their validating keys.
    pub validating_threshold: usize,
    /// The same for their validating keys.
    pub validating_faulty: usize,
}

/// A witness that is asked to cosign.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessAddress {
    /// Where it takes checkpoints, such as `http://witness.example.org:7711`.
    pub address: String,
    /// Its key, as `merits witness cosign key` prints it.
    pub key: String,
    /// The key by which it says that it also ran the ledger's rules, if it does.
    pub validating_key: Option<String>,
}

impl LogConfig {
    /// The quorums of the witnesses; none without witnesses.
    ///
    /// # Errors
    /// [`ConfigError::Value`] names the key.
    pub fn policy(&self) -> Result<Option<WitnessPolicy>, ConfigError> {
        let refuse = |key, reason: String| ConfigError::Value { key, reason };
        let key = |text: &String| {
            WitnessKey::parse(text)
                .map_err(|error| refuse("log.witnesses", format!("{text:?}: {error}")))
        };
        let keys: Result<Vec<_>, _> = self.witnesses.iter().map(|one| key(&one.key)).collect();
        let validating = (self.witnesses.iter()).filter_map(|one| one.validating_key.as_ref());
        let validating: Result<Vec<_>, _> = validating.map(key).collect();
        let (keys, validating) = (keys?, validating?);
        let idle = [
            ("log.threshold", self.threshold, keys.is_empty()),
            ("log.faulty", self.faulty, keys.is_empty()),
            (
                "log.validating_threshold",
                self.validating_threshold,
                validating.is_empty(),
            ),
            (
                "log.validating_faulty",
                self.validating_faulty,
                validating.is_empty(),
            ),
        ];
        for (key, value, nobody) in idle {
            if nobody && value > 0 {
                return Err(refuse(
                    key,
                    "there is no such witness in log.witnesses".into(),
                ));
            }
        }
        if keys.is_empty() {
            return Ok(None);
        }
        let quorum = |key, keys, threshold, faulty| {
            Quorum::new(keys, threshold, faulty).map_err(|error| refuse(key, error.to_string()))
        };
        let witnesses = quorum("log.threshold", keys, self.threshold, self.faulty)?;
        let validating = match validating.is_empty() {
            true => None,
            false => Some(quorum(
                "log.validating_threshold",
                validating,
                self.validating_threshold,
                self.validating_faulty,
            )?),
        };
        let policy = WitnessPolicy::new(witnesses, validating);
        let policy = policy.map_err(|error| refuse("log.witnesses", error.to_string()))?;
        Ok(Some(policy))
    }

    /// The witnesses to ask: where they are, and their keys.
    pub(crate) fn asked(&self) -> Result<Vec<(Address, Vec<WitnessKey>)>, ConfigError> {
        let refuse = |reason: String| ConfigError::Value {
            key: "log.witnesses",
            reason,
        };
        let key = |text: &String| WitnessKey::parse(text).map_err(|e| refuse(e.to_string()));
        let witness = |one: &WitnessAddress| -> Result<_, ConfigError> {
            let address = Address::parse(&one.address).map_err(|e| refuse(e.to_string()))?;
            let keys: Result<Vec<_>, _> = [Some(&one.key), one.validating_key.as_ref()]
                .into_iter()
                .flatten()
                .map(key)
                .collect();
            Ok((address, keys?))
        };
        self.witnesses.iter().map(witness).collect()
    }
}
