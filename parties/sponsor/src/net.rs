//! The work of a sponsor: brings its copy of the log up to date, then checks each batch.

use futures::future::BoxFuture;
use merits_kit::offline::{OfflineFault, OfflineVerifier, VerifiedBatch};
use merits_ledger::{History, ReplayError, entry::EARN_BATCH, rows::RowError};
use merits_replica::{ClientError, FollowError, Follower, JoinError, ReplicaError};
use merits_verifier::{codec::Canonical as _, entry::SignedEntry};
use thiserror::Error;

use crate::{
    config::SponsorConfig,
    report::{BatchOutcome, Report},
};

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
/// sponsor's copy, and with `online` also by the coordinator's Verifier, which says whether its log has the batch with
/// exactly these bytes.
///
/// It trusts nothing that was verified before, so it reads the whole copy each time. Its memory holds one page
/// of leaves and the findings.
///
/// # Errors
/// [`VerifyError`] when the copy or the service cannot be reached.
pub async fn verify(follower: &Follower, online: bool) -> Result<Report, VerifyError> {
    follower.sync().await?;
    let (log, policy, size) = {
        let replica = follower.replica();
        let policy = replica.state()?.policy().clone();
        (replica.key().clone(), policy, replica.size())
    };
    let mut client = follower.client();
    let mut report = Report::default();
    let mut check = Check {
        next: 0,
        until: size,
        history: History::new(policy),
        offline: OfflineVerifier::new(&log),
    };
    while check.next < size {
        let (of, page) = (follower.clone(), check);
        // Proofs cost the CPU: never on the async runtime.
        let checked = tokio::task::spawn_blocking(move || page.page(&of)).await;
        let batches;
        (check, batches) = checked.map_err(|_| FollowError::Interrupted)??;
        for (entry, offline) in batches {
            let online = match online {
                true => Some(client.verify_entry(&entry).await?),
                false => None,
            };
            report.add(&BatchOutcome {
                entry: entry.id(),
                offline,
                online,
            });
        }
    }
    Ok(report.finish(follower.replica().state()?)?)
}

/// A walk over the copy.
struct Check {
    /// The next leaf.
    next: u64,
    /// The number of leaves.
    until: u64,
    /// Each batch is checked against the state of its own time.
    history: History,
    offline: OfflineVerifier,
}

type Checked = (SignedEntry, Result<VerifiedBatch, OfflineFault>);

impl Check {
    /// Checks the batches among the next leaves.
    fn page(mut self, follower: &Follower) -> Result<(Self, Vec<Checked>), VerifyError> {
        let replica = follower.replica();
        let rng = &mut rand::rng();
        let mut batches = Vec::new();
        let end = self.until.min(self.next + PAGE);
        for leaf in replica.leaves_from(self.next) {
            let (index, leaf) = leaf?;
            if index == end {
                break;
            }
            self.next = index + 1;
            let bytes = leaf.to_bytes();
            let blobs = replica.blobs_of(&bytes)?;
            self.history.push(&bytes, blobs, rng)?;
            if leaf.entry.kind != EARN_BATCH {
                continue;
            }
            if let Some(receipt) = replica.receipt(&leaf.entry.id())? {
                let offline = self.offline.check(self.history.state(), &receipt);
                batches.push((leaf.entry, offline));
            }
        }
        Ok((self, batches))
    }
}

/// Leaves that are checked together.
const PAGE: u64 = 256;
