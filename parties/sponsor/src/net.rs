//! The work of a sponsor: brings its copy of the log up to date, then checks each batch.

use futures::future::BoxFuture;
use merits_kit::offline::OfflineVerifier;
use merits_ledger::{History, ReplayError, entry::EARN_BATCH, rows::RowError};
use merits_replica::{ClientError, FollowError, Follower, JoinError, ReplicaError, Verdict};
use merits_verifier::{Reason, codec::Canonical as _, entry::SignedEntry};
use thiserror::Error;

use crate::{
    config::SponsorConfig,
    report::{BatchOutcome, Report},
};

/// Reasons that depend on the present time, not on the time when the entry was appended.
const ENDED_SINCE: [Reason; 3] = [
    Reason::PartySuspended,
    Reason::ScaleRetired,
    Reason::EpochNotAccepted,
];

/// Why a verification could not be made. Its findings are in the [`Report`].
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The ledger could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// A row of the copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The copy of the log.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The copy cannot be read.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// An entry that governs others breaks the rules: the copy was altered in memory.
    #[error(transparent)]
    History(#[from] ReplayError),
    /// The Verifier service.
    #[error(transparent)]
    Online(#[from] ClientError),
}

impl SponsorConfig {
    /// Brings the sponsor's copy up to date and checks every batch in it, as the configuration says.
    ///
    /// # Errors
    /// [`VerifyError`] when the copy or the service cannot be reached.
    pub fn verify(&self) -> BoxFuture<'_, Result<Report, VerifyError>> {
        Box::pin(async move {
            let follower = self.ledger.follow().await?;
            verify(&follower, self.verify_online).await
        })
    }
}

/// Follows the log to its end and checks every batch: offline by its receipt, made from the
/// sponsor's copy, and with `online` also by the coordinator's Verifier.
///
/// # Errors
/// [`VerifyError`] when the copy or the service cannot be reached.
pub async fn verify(follower: &Follower, online: bool) -> Result<Report, VerifyError> {
    follower.sync().await?;
    let (leaves, subjects) = subjects(follower)?;
    let mut verdicts = Vec::with_capacity(subjects.len());
    let mut client = follower.client();
    for entry in &subjects {
        verdicts.push(if online {
            let verdict = client.verify_entry(entry).await?;
            // The service checks against today's state. What has ended since then does not affect
            // the batch.
            let ended = match &verdict {
                Verdict::Valid => false,
                Verdict::Invalid(fault) => ENDED_SINCE.iter().any(|reason| fault.reason == *reason),
            };
            (!ended).then_some(verdict)
        } else {
            None
        });
    }
    let follower = follower.clone();
    // Proofs cost the CPU: never on the async runtime.
    let report = tokio::task::spawn_blocking(move || {
        let replica = follower.replica();
        let state = replica.state()?;
        let rng = &mut rand::rng();
        // Each batch is checked against the state of its own time.
        let mut history = History::new(state.policy().clone());
        let mut offline = OfflineVerifier::new(replica.key());
        let mut verdicts = verdicts.into_iter();
        let mut outcomes = Vec::new();
        for leaf in replica.leaves().take(leaves) {
            let (_, leaf) = leaf?;
            let bytes = leaf.to_bytes();
            history.push(&bytes, replica.blobs_of(&bytes)?, rng)?;
            let entry = leaf.entry.id();
            if leaf.entry.kind != EARN_BATCH {
                continue;
            }
            let Some(receipt) = replica.receipt(&entry)? else {
                continue;
            };
            outcomes.push(BatchOutcome {
                entry,
                offline: offline.check(history.state(), &receipt),
                online: verdicts.next().flatten(),
            });
        }
        Ok::<_, VerifyError>(Report::new(state, &outcomes)?)
    });
    report.await.map_err(|_| FollowError::Interrupted)?
}

fn subjects(follower: &Follower) -> Result<(usize, Vec<SignedEntry>), ReplicaError> {
    let replica = follower.replica();
    let mut leaves = 0;
    let mut entries = Vec::new();
    for leaf in replica.leaves() {
        let (_, leaf) = leaf?;
        leaves += 1;
        if leaf.entry.kind == EARN_BATCH {
            entries.push(leaf.entry);
        }
    }
    Ok((leaves, entries))
}
