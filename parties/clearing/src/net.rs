//! The work of a clearing bank: brings its copy of the log up to date, audits all of it, and
//! computes the accounts.
//!
//! An audit trusts nothing that was verified before, so it reads the whole copy each time. It reads leaf by
//! leaf, and its memory holds one group of proofs and the findings.

use futures::future::BoxFuture;
use merits_ledger::{
    Entry, History, ReplayError, State,
    entry::{EARN_BATCH, TOTALS_OPENED},
    rows::RowError,
};
use merits_primitives::ids::EntryId;
use merits_replica::{FollowError, Follower, JoinError, ReplicaError, Security};
use merits_verifier::{
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
};
use serde::Serialize;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    batches::{Audit, Auditor},
    config::ClearingConfig,
    issuance::{IssuanceLine, issuance},
    online::{Invalid, OnlineFault, verify_online},
    totals::{CheckedTotal, TotalFault, verify_total},
};

/// Why an audit could not be made. Its findings are in the [`Report`].
#[derive(Debug, Error)]
pub enum AuditError {
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
    Online(#[from] OnlineFault),
}

/// A clearing bank's findings.
#[derive(Debug, Serialize)]
pub struct Report {
    /// All batches, verified together offline.
    pub batches: Audit,
    /// Batches that the coordinator's Verifier calls invalid; `None` when it was not asked.
    #[serde(serialize_with = "crate::report::optional_faults")]
    pub online: Option<Invalid>,
    /// Opened totals, each checked from the log alone.
    #[serde(serialize_with = "crate::report::outcomes")]
    pub totals: Vec<(EntryId, Result<CheckedTotal, TotalFault>)>,
    /// The accounts.
    pub issuance: Vec<IssuanceLine>,
}

impl Report {
    /// Nothing was found wrong.
    pub fn is_clean(&self) -> bool {
        self.faults().is_empty()
    }

    /// Everything that was found wrong: the entry, and why.
    pub fn faults(&self) -> Vec<(EntryId, String)> {
        let Self {
            batches,
            online,
            totals,
            issuance: _,
        } = self;
        let offline = batches.invalid.iter();
        let offline = offline.map(|(entry, fault)| (*entry, fault.to_string()));
        let online = online.iter().flatten();
        let online = online.map(|(entry, fault)| (*entry, format!("online: {fault}")));
        let totals = totals.iter().filter_map(|(entry, total)| {
            let fault = total.as_ref().err()?;
            Some((*entry, format!("total: {fault}")))
        });
        totals.chain(offline).chain(online).collect()
    }

    /// Which data the clearing bank saw.
    pub fn saw(&self) -> String {
        format!(
            "{} batches with {} claims: scale, period, distributor, source, proofs; {} opened totals",
            self.batches.valid + self.batches.invalid.len() as u64,
            self.batches.claims,
            self.totals.len()
        )
    }

    /// A description of what it did not see, because it is encrypted, committed to, or never left
    /// the distributor.
    pub fn hidden(&self) -> &'static str {
        "who earned, how much each, and from which records"
    }
}

impl ClearingConfig {
    /// Brings the bank's copy up to date and audits it, as the configuration says.
    ///
    /// # Errors
    /// [`AuditError`] when the copy or the service cannot be reached.
    pub fn audit(&self) -> BoxFuture<'_, Result<Report, AuditError>> {
        Box::pin(async move {
            let follower = self.ledger.follow().await?;
            let security = self.ledger.security().map_err(JoinError::from)?;
            let online = self
                .verify_online
                .then_some((self.ledger.coordinator.as_str(), &security));
            audit_log(&follower, online).await
        })
    }
}

/// Follows the log to its end and audits it. With `online`, the address of its coordinator and how to
/// call it, that coordinator's Verifier checks the batches as well.
///
/// # Errors
/// [`AuditError`] when the copy or the service cannot be reached.
pub async fn audit_log(
    follower: &Follower,
    online: Option<(&str, &Security)>,
) -> Result<Report, AuditError> {
    follower.sync().await?;
    let online = match online {
        None => None,
        Some((address, security)) => Some(ask(follower, address, security).await?),
    };
    let follower = follower.clone();
    // Proofs cost the CPU: never on the async runtime.
    let report = tokio::task::spawn_blocking(move || {
        let replica = follower.replica();
        let state = replica.state()?;
        // Each batch is checked against the state of its own time.
        let rng = &mut rand::rng();
        let mut history = History::new(state.policy().clone());
        let mut auditor = Auditor::default();
        let mut totals = Vec::new();
        for leaf in replica.leaves() {
            let (_, leaf) = leaf?;
            let bytes = leaf.to_bytes();
            history.push(&bytes, replica.blobs_of(&bytes)?, rng)?;
            totals.extend(total(state, &leaf)?);
            auditor.push(history.state(), leaf.entry, rng);
        }
        Ok::<_, AuditError>(Report {
            batches: auditor.finish(rng),
            online,
            totals,
            issuance: issuance(state)?,
        })
    });
    report.await.map_err(|_| FollowError::Interrupted)?
}

/// Streams the copy's batches to the coordinator's Verifier.
async fn ask(
    follower: &Follower,
    address: &str,
    security: &Security,
) -> Result<Invalid, AuditError> {
    let log = follower.replica().key().clone();
    let (send, batches) = mpsc::channel(BATCHES);
    let follower = follower.clone();
    let reading = tokio::task::spawn_blocking(move || send_batches(&follower, &send));
    let told = verify_online(address, security, log, ReceiverStream::new(batches)).await;
    // A copy that cannot be read ends the stream early, and is the reason.
    reading.await.map_err(|_| FollowError::Interrupted)??;
    Ok(told?)
}

/// Sends the copy's batches, in order, until nobody receives them.
fn send_batches(follower: &Follower, send: &mpsc::Sender<SignedEntry>) -> Result<(), ReplicaError> {
    let mut next = 0;
    loop {
        // The copy is not locked while the network is waited for.
        let mut page = Vec::new();
        for leaf in follower.replica().leaves_from(next).take(BATCHES) {
            page.push(leaf?);
        }
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        next = last + 1;
        for (_, leaf) in page {
            if leaf.entry.kind == EARN_BATCH && send.blocking_send(leaf.entry).is_err() {
                return Ok(());
            }
        }
    }
}

/// Batches that wait for the network.
const BATCHES: usize = 64;

type Total = (EntryId, Result<CheckedTotal, TotalFault>);

/// The result for a leaf that opens a total.
fn total(state: &State, leaf: &Leaf) -> Result<Option<Total>, ReplicaError> {
    if leaf.entry.kind != TOTALS_OPENED {
        return Ok(None);
    }
    let Some(Ok(Entry::TotalsOpened(opened))) =
        Entry::decode(leaf.entry.kind, &leaf.entry.statement)
    else {
        return Ok(None);
    };
    let Some(keys) = state.epochs().get(opened.key.epoch) else {
        return Ok(None);
    };
    let interval = state.totals().interval(&opened.key, opened.number)?;
    let checked = verify_total(state.origin(), &opened, keys, interval.as_ref());
    Ok(Some((leaf.entry.id(), checked)))
}
