//! The `[ledger]` table of every party's configuration: the log, its address, and its founding
//! parameters.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future::BoxFuture;
use merits_ledger::{FactDiffers, LedgerPolicy};
use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::{groth16::KeyPolicy, log::LogKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    client::{Client, ClientError},
    follower::Follower,
    mark::{DESK, HighWaterMark, MarkError, read_checkpoint},
    replica::{Replica, ReplicaError},
};

/// The ledger that a party follows. The party gets the log key and the authority once, from the
/// ledger's operator over a trusted channel; everything else is verified under them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    /// The coordinator's gRPC address, such as `http://127.0.0.1:7700`.
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

/// Why a party could not join its ledger.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] LedgerConfigError),
    /// The coordinator.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The party's own copy.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The configuration differs from the ledger's founding parameters.
    #[error(
        "the configuration differs from what the ledger was founded on: {}. These facts never change: set them \
         in the [ledger] table as the ledger's operator says",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    OtherFacts(Vec<FactDiffers>),
    /// The thread that verified panicked: a bug.
    #[error(
        "the verification of the copy of the log stopped, which is this program's fault: start it again"
    )]
    Interrupted,
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

    /// The same with its relative paths resolved against `base`.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.replica = base.join(self.replica);
        self.high_water_mark = self.high_water_mark.map(|mark| base.join(mark));
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

    /// Connects to the coordinator, without a copy of the log.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn connect(&self) -> BoxFuture<'_, Result<Client, JoinError>> {
        Box::pin(async move { Ok(Client::connect(&self.coordinator, self.log_key()?).await?) })
    }

    /// Opens the party's copy without using the network.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn open(&self) -> BoxFuture<'_, Result<Replica, JoinError>> {
        Box::pin(async move {
            let (directory, key, policy) = (self.replica.clone(), self.log_key()?, self.policy()?);
            let mark = self.high_water_mark.clone();
            // Opening a copy checks it again, which needs a thread that may block.
            let opened = tokio::task::spawn_blocking(move || -> Result<Replica, ReplicaError> {
                // Report a mark at a wrong place before anything is made.
                let mark = mark
                    .map(|path| HighWaterMark::of_copy(&path, &directory, &key))
                    .transpose()?;
                let replica = Replica::open(&directory, key, policy, &mut rand::rng())?;
                match mark {
                    None => Ok(replica),
                    Some(mark) => replica.guarded_by(mark),
                }
            })
            .await
            .map_err(|_| JoinError::Interrupted)?;
            Ok(opened?)
        })
    }

    /// Begins a lost high-water mark again, at a checkpoint in a file: the newest that any party
    /// has. The copy may be older, and then it answers nothing until it is synchronised. Returns
    /// the size that the mark covers.
    ///
    /// # Errors
    /// [`JoinError`]: an existing mark, a file that is not a checkpoint of this log, a copy with
    /// another tree of the same size.
    pub fn begin_mark<'a>(&'a self, checkpoint: &'a Path) -> BoxFuture<'a, Result<u64, JoinError>> {
        Box::pin(async move {
            let config = self.clone().of_a_server()?;
            let (key, policy) = (config.log_key()?, config.policy()?);
            let (file, copy) = (checkpoint.to_owned(), config.replica);
            let path = config.high_water_mark.unwrap_or_default();
            let begun = tokio::task::spawn_blocking(move || -> Result<u64, ReplicaError> {
                let mark = HighWaterMark::begin_of_copy(&path, &copy, &key)?;
                if let Some(newest) = mark.newest() {
                    let size = newest.size;
                    return Err(MarkError::Begun { path, size }.into());
                }
                let replica = Replica::open(&copy, key.clone(), policy, &mut rand::rng())?;
                let (newest, signed) = read_checkpoint(&file, &key)?;
                let replica = replica.begin_mark(mark, &newest, &signed)?;
                Ok(newest.size.max(replica.size()))
            })
            .await
            .map_err(|_| JoinError::Interrupted)?;
            Ok(begun?)
        })
    }

    /// Connects, opens the party's copy, and joins the two.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn follow(&self) -> BoxFuture<'_, Result<Follower, JoinError>> {
        Box::pin(async move {
            // Report the user's mistakes in the file before errors of the network.
            let policy = self.policy()?;
            let mut client = self.connect().await?;
            let facts = client.founding_facts().await?;
            let facts = facts
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            let differences = policy.differences(facts);
            if !differences.is_empty() {
                return Err(JoinError::OtherFacts(differences));
            }
            Ok(Follower::new(client, self.open_soon().await?))
        })
    }

    /// Opens the party's copy, and waits a moment if another command has it open. A command that
    /// only reads, such as `distributor status`, has it open for a fraction of a second and must
    /// not end a run that begins meanwhile.
    async fn open_soon(&self) -> Result<Replica, JoinError> {
        for _ in 0..LOOKS {
            match self.open().await {
                Err(JoinError::Replica(error)) if error.is_in_use() => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                opened => return opened,
            }
        }
        self.open().await
    }
}

/// The interval and number of attempts to open a copy that another command has open: two seconds in
/// total.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS: u32 = 40;

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
