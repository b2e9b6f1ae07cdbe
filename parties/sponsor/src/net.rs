//! A sponsor at work: brings its copy of the log up to date, then checks each batch.

use merits_replica::{ClientError, FollowError, Follower, ReplicaError};
use merits_verifier::{entry::SignedEntry, receipt::Receipt};
use thiserror::Error;

use crate::{
    offline::OfflineVerifier,
    report::{BatchOutcome, Report, Verdict},
};

/// Kind of an earn batch.
const EARN_BATCH: u16 = 0x0401;

/// Why a verification could not be made. What it found wrong is in the [`Report`].
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The copy of the log.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The copy cannot be read.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The Verifier service.
    #[error(transparent)]
    Online(#[from] ClientError),
}

/// Follows the log to its end and checks every batch: offline by its receipt, made from the own
/// copy, and with `online` also by the coordinator's Verifier.
///
/// # Errors
/// [`VerifyError`] when the copy or the service cannot be reached.
pub async fn verify(follower: &Follower, online: bool) -> Result<Report, VerifyError> {
    follower.sync().await?;
    let subjects = subjects(follower);
    let mut verdicts = Vec::with_capacity(subjects.len());
    let mut client = follower.client();
    for (_, entry) in &subjects {
        verdicts.push(if online {
            let verdict = client.verify_entry(entry).await?;
            Some(if verdict.valid {
                Verdict::Valid
            } else {
                Verdict::Invalid {
                    reason: verdict.reason,
                    message: verdict.message,
                }
            })
        } else {
            None
        });
    }
    let follower = follower.clone();
    // Proofs cost the CPU: never on the async runtime.
    let report = tokio::task::spawn_blocking(move || {
        let replica = follower.replica();
        let state = replica.state()?;
        let mut offline = OfflineVerifier::new(state, replica.key());
        let outcomes: Vec<BatchOutcome> = subjects
            .into_iter()
            .zip(verdicts)
            .map(|((receipt, entry), online)| BatchOutcome {
                entry: entry.id(),
                offline: offline.check(&receipt),
                online,
            })
            .collect();
        Ok::<_, ReplicaError>(Report::new(state, &outcomes))
    });
    Ok(report.await.map_err(|_| FollowError::Interrupted)??)
}

fn subjects(follower: &Follower) -> Vec<(Receipt, SignedEntry)> {
    let replica = follower.replica();
    replica
        .leaves()
        .map(|(_, leaf)| leaf.entry)
        .filter(|entry| entry.kind == EARN_BATCH)
        .filter_map(|entry| Some((replica.receipt(&entry.id())?, entry)))
        .collect()
}
