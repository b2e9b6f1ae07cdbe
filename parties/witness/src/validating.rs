//! For a witness that also runs the ledger's rules: a verified copy that follows the log, and the
//! question whether a checkpoint is of that copy.
//!
//! The copy refuses a log whose newest entry is more than five minutes ahead of this machine's
//! clock, so such a checkpoint gets no validating cosignature.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use merits_replica::{FollowError, Follower, ReplicaError};
use merits_verifier::log::Checkpoint;
use thiserror::Error;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

/// How often the copy is brought up to date when nobody asks.
const EVERY: Duration = Duration::from_secs(1);

/// The shortest time between two attempts. Anybody may show a checkpoint that the coordinator does not
/// have, and until that caller's time is over, one attempt follows the other.
const APART: Duration = Duration::from_millis(20);

/// The same while the coordinator does not answer.
const NOT_REACHED: Duration = Duration::from_millis(200);

/// Why a checkpoint is not found to be valid.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotValid {
    /// The copy has not come so far, most often because it verifies many entries.
    #[error("this witness has verified {verified} of the {size} entries so far{}", .why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Behind {
        /// Entries of the copy.
        verified: u64,
        /// Entries of the checkpoint.
        size: u64,
        /// Why the copy does not grow, if it does not.
        why: Option<String>,
    },
    /// The checkpoint's last entry lacks the digest of the state before it.
    #[error(
        "entry {index}, the last one under the checkpoint, lacks the digest of the state before it: the log must not \
         sign a checkpoint there"
    )]
    NoState {
        /// Its leaf.
        index: u64,
    },
    /// The copy has another history.
    #[error("the checkpoint is another history than the one that this witness verified")]
    OtherHistory,
    /// The copy cannot be read.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
}

/// A copy of the log that is kept up to date.
#[derive(Debug)]
pub struct Validator {
    follower: Follower,
    wanted: Arc<Notify>,
    /// Counts attempts, with the last one's error.
    tried: watch::Receiver<(u64, Option<String>)>,
    task: JoinHandle<()>,
}

impl Validator {
    /// Keeps a follower's copy up to date. It refuses entries of the future.
    pub fn start(follower: Follower) -> Self {
        let follower = follower.refusing_the_future();
        let wanted = Arc::new(Notify::new());
        let (attempts, tried) = watch::channel((0, None));
        let task = tokio::spawn(follow(follower.clone(), Arc::clone(&wanted), attempts));
        Self {
            follower,
            wanted,
            tried,
            task,
        }
    }

    /// Whether the checkpoint is of the verified copy. Waits at most so long for the copy to grow.
    pub fn holds<'a>(
        &'a self,
        checkpoint: &'a Checkpoint,
        patience: Duration,
    ) -> BoxFuture<'a, Result<(), NotValid>> {
        Box::pin(async move {
            let mut tried = self.tried.clone();
            let until = tokio::time::Instant::now() + patience;
            tried.borrow_and_update();
            while self.verified() < checkpoint.size {
                self.wanted.notify_one();
                // An attempt that is under way now may have begun before the entries were there.
                match tokio::time::timeout_at(until, tried.changed()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => break,
                }
            }
            let verified = self.verified();
            if verified < checkpoint.size {
                return Err(NotValid::Behind {
                    verified,
                    size: checkpoint.size,
                    why: tried.borrow().1.clone(),
                });
            }
            let replica = self.follower.replica();
            if replica.root_at(checkpoint.size)? != Some(checkpoint.root) {
                return Err(NotValid::OtherHistory);
            }
            // The copy checked every digest of the state that there is. It may have gone past this checkpoint, so
            // whether one is at this place is looked up.
            let Some(index) = checkpoint.size.checked_sub(1) else {
                return Ok(());
            };
            match replica.leaf(index)? {
                Some(leaf) if leaf.state.is_some() => Ok(()),
                _ => Err(NotValid::NoState { index }),
            }
        })
    }

    fn verified(&self) -> u64 {
        self.follower.replica().size()
    }
}

impl Drop for Validator {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long the next attempt waits, even if somebody asks.
fn pause_after(error: Option<&FollowError>) -> Duration {
    match error {
        None => APART,
        // It will not be better a moment later.
        Some(FollowError::Replica(_) | FollowError::Ahead { .. }) => EVERY,
        Some(_) => NOT_REACHED,
    }
}

async fn follow(
    follower: Follower,
    wanted: Arc<Notify>,
    attempts: watch::Sender<(u64, Option<String>)>,
) {
    let mut told = false;
    loop {
        let error = follower.sync().await.err();
        match &error {
            Some(error) if !told => {
                tracing::warn!(%error, "the verified copy of the log does not grow, so newer checkpoints get no validating cosignature");
            }
            None if told => tracing::info!("the verified copy of the log grows again"),
            _ => {}
        }
        told = error.is_some();
        let pause = pause_after(error.as_ref());
        attempts.send_modify(|(count, last)| {
            *count += 1;
            *last = error.as_ref().map(ToString::to_string);
        });
        tokio::time::sleep(pause).await;
        tokio::select! {
            () = wanted.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a pause, a caller that shows a checkpoint which the coordinator does not have, or while it is not
    /// there, would have this witness ask it as fast as it can.
    #[test]
    fn no_attempt_follows_another_at_once() {
        assert_eq!(pause_after(None), APART);
        let ahead = FollowError::Ahead { ahead: 600 };
        assert_eq!(pause_after(Some(&ahead)), EVERY);
        assert_eq!(pause_after(Some(&FollowError::Interrupted)), NOT_REACHED);
        assert!(APART > Duration::ZERO && NOT_REACHED > APART);
    }
}
