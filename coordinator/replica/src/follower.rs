//! A replica that follows a coordinator.

use std::sync::{Arc, RwLock, RwLockReadGuard};

use merits_verifier::log::verify_consistency;
use thiserror::Error;

use crate::{
    client::{Client, ClientError},
    replica::{Replica, ReplicaError, Update},
};

/// Why a replica could not be brought up to date.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The wire.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What came over it.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The thread that verified panicked: a bug.
    #[error("verification stopped unexpectedly: open the replica again")]
    Interrupted,
}

/// What an update brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Leaves before.
    pub from: u64,
    /// Leaves now.
    pub to: u64,
}

/// A replica and the connection that feeds it. Clones share both.
#[derive(Debug, Clone)]
pub struct Follower {
    client: Client,
    replica: Arc<RwLock<Replica>>,
    /// One update at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Follower {
    /// Joins a replica to a client of the same log.
    pub fn new(client: Client, replica: Replica) -> Self {
        Self {
            client,
            replica: Arc::new(RwLock::new(replica)),
            turn: Arc::default(),
        }
    }

    /// The client, for submissions.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The replica. Do not hold the guard across an await.
    pub fn replica(&self) -> RwLockReadGuard<'_, Replica> {
        // A writer that panicked left `replay` empty, which every reader sees as `Stopped`.
        self.replica
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Fetches, verifies and applies what the log has and the replica has not.
    ///
    /// # Errors
    /// [`FollowError`]; [`ReplicaError::Rewritten`] when the log no longer continues what it
    /// signed before.
    pub async fn sync(&self) -> Result<Progress, FollowError> {
        let _turn = self.turn.lock().await;
        let mut client = self.client.clone();
        let checkpoint = client.checkpoint().await?;
        let mut update = self.replica().update(&checkpoint)?;
        let progress = Progress {
            from: update.next(),
            to: update.until(),
        };
        if update.is_complete() {
            return Ok(progress);
        }
        self.require_consistency(&mut client, &update).await?;
        let mut pages = client.leaves(update.next(), update.until()).await?;
        while !update.is_complete() {
            let page = pages
                .next()
                .await?
                .ok_or(ClientError::Malformed("end of the stream"))?;
            update.push(page);
        }
        tracing::debug!(from = progress.from, to = progress.to, "verifying leaves");
        let replica = Arc::clone(&self.replica);
        // Proofs and signatures cost the CPU: never on the async runtime.
        tokio::task::spawn_blocking(move || {
            let mut replica = replica
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            replica.finish(update, &mut rand::rng())
        })
        .await
        .map_err(|_| FollowError::Interrupted)??;
        Ok(progress)
    }

    /// Before anything is fetched: the log must show that its new tree continues the one that
    /// was verified. If it cannot, it signed two histories, and both signatures are kept.
    async fn require_consistency(
        &self,
        client: &mut Client,
        update: &Update,
    ) -> Result<(), FollowError> {
        let Some(old) = self.replica().checkpoint().cloned() else {
            return Ok(());
        };
        let proof = client.consistency_proof(old.size, update.until()).await?;
        let shown = verify_consistency(old.size, &old.root, update.until(), &update.root(), &proof);
        match shown {
            Ok(()) => Ok(()),
            Err(_) => Err(self.replica().convict(update)?.into()),
        }
    }
}
