//! From the `[ledger]` table of a configuration to a copy that follows its log.

use std::{path::Path, time::Duration};

use futures::future::BoxFuture;
use merits_ledger::FactDiffers;
use thiserror::Error;

use crate::{
    archive::file::{has_copy, require_version},
    client::{Client, ClientError},
    config::{LedgerConfig, LedgerConfigError},
    follower::Follower,
    mark::{COMMANDS_SUFFIX, HighWaterMark, MarkError, read_checkpoint},
    replica::{Replica, ReplicaError},
    retry::Retry,
};

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
    /// The own copy.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The configuration says otherwise than the ledger was founded on.
    #[error(
        "these founding facts in the configuration differ from the ledger's: {}. They never change: set them \
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
    /// Connects to the coordinator, without a copy of the log.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn connect(&self) -> BoxFuture<'_, Result<Client, JoinError>> {
        Box::pin(async move {
            let policy = self.witnesses()?;
            let key = self.log_key()?;
            let client = Client::connect_over(&self.coordinator, key, self.security()?).await?;
            Ok(match policy {
                None => client,
                Some(policy) => client.demanding(policy),
            })
        })
    }

    /// Opens this party's copy, without the network.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn open(&self) -> BoxFuture<'_, Result<Replica, JoinError>> {
        Box::pin(async move {
            let (directory, key, policy) = (self.replica.clone(), self.log_key()?, self.policy()?);
            let (mark, witnesses) = (self.high_water_mark.clone(), self.witnesses()?);
            // The copy is verified again when it is opened: work for a thread that may block.
            let opened = tokio::task::spawn_blocking(move || -> Result<Replica, ReplicaError> {
                // A mark at a wrong place is told before anything is made.
                let mark = mark
                    .map(|path| HighWaterMark::of_copy(&path, &directory, &key))
                    .transpose()?;
                let mut replica = Replica::open(&directory, key, policy, &mut rand::rng())?;
                if let Some(witnesses) = witnesses {
                    replica = replica.demanding(witnesses);
                }
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

    /// Begins the high-water mark again, where it was lost, at a checkpoint in a file: the newest that any
    /// party has. An older copy refuses reads until it is synchronised. Returns the mark's size.
    ///
    /// # Errors
    /// [`JoinError`]: a mark that exists, a file that is not a checkpoint of this log, a copy that has
    /// another tree of the same size.
    pub fn begin_mark<'a>(&'a self, checkpoint: &'a Path) -> BoxFuture<'a, Result<u64, JoinError>> {
        Box::pin(async move {
            let config = self.clone().of_a_server()?;
            let (key, policy) = (config.log_key()?, config.policy()?);
            let (file, copy) = (checkpoint.to_owned(), config.replica);
            let of_commands = copy.to_string_lossy().ends_with(COMMANDS_SUFFIX);
            let path = config.high_water_mark.unwrap_or_default();
            let begun = tokio::task::spawn_blocking(move || -> Result<u64, ReplicaError> {
                // Only some roles have one, and its first synchronisation makes its mark.
                if of_commands && !has_copy(&copy) {
                    return Err(MarkError::NoCopy { copy }.into());
                }
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

    /// Connects, opens this party's copy, and joins the two.
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn follow(&self) -> BoxFuture<'_, Result<Follower, JoinError>> {
        Box::pin(async move {
            // A mistake in the file is the user's own, and so is a copy of another version: say it before the network
            // has its say.
            let policy = self.policy()?;
            require_version(&self.replica).map_err(ReplicaError::from)?;
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

    /// Opens this party's copy; waits a moment for another command that has it. One that only looks, such as
    /// `distributor status`, has it for a fraction of a second, and must not end a run that begins beside it.
    async fn open_soon(&self) -> Result<Replica, JoinError> {
        let mut failed = 0;
        loop {
            let opened = self.open().await;
            let in_use = matches!(&opened, Err(JoinError::Replica(error)) if error.is_in_use());
            failed += 1;
            match OPENING.wait(failed).filter(|_| in_use) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return opened,
            }
        }
    }
}

/// How a copy is opened that another command has: two seconds in all.
const OPENING: Retry = Retry {
    attempts: 41,
    first_wait: Duration::from_millis(50),
    growth: 1,
    longest_wait: Duration::from_millis(50),
};
