//! The work of a clearing bank: brings its copy of the log up to date, audits all of it, and
//! computes the accounts.

use std::collections::HashMap;

use futures::future::BoxFuture;
use merits_ledger::{Entry, History, ReplayError, State, entry::EARN_BATCH, rows::RowError};
use merits_primitives::ids::EntryId;
use merits_replica::{FollowError, Follower, JoinError, Replica, ReplicaError, Security};
use merits_verifier::codec::Canonical as _;
use serde::Serialize;
use thiserror::Error;

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
        self.batches.invalid.is_empty()
            && self.online.as_ref().is_none_or(Vec::is_empty)
            && self.totals.iter().all(|(_, total)| total.is_ok())
    }

    /// Which data the clearing bank saw.
    pub fn saw(&self) -> String {
        format!(
            "{} batches with {} claims: scale, period, distributor, source, proofs; {} opened totals",
            self.batches.valid.len() + self.batches.invalid.len(),
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
        Some((address, security)) => {
            let (log, earned) = {
                let replica = follower.replica();
                let mut earned = Vec::new();
                for leaf in replica.leaves() {
                    let (_, leaf) = leaf?;
                    if leaf.entry.kind == EARN_BATCH {
                        earned.push(leaf.entry);
                    }
                }
                (replica.key().clone(), earned)
            };
            Some(verify_online(address, security, log, earned).await?)
        }
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
        for leaf in replica.leaves() {
            let (_, leaf) = leaf?;
            let bytes = leaf.to_bytes();
            history.push(&bytes, replica.blobs_of(&bytes)?, rng)?;
            auditor.push(history.state(), leaf.entry, rng);
        }
        Ok::<_, AuditError>(Report {
            batches: auditor.finish(rng),
            online,
            totals: totals(&replica, state)?,
            issuance: issuance(state)?,
        })
    });
    report.await.map_err(|_| FollowError::Interrupted)?
}

type Totals = Vec<(EntryId, Result<CheckedTotal, TotalFault>)>;

fn totals(replica: &Replica, state: &State) -> Result<Totals, ReplicaError> {
    let mut totals = Vec::new();
    for leaf in replica.leaves() {
        let (_, leaf) = leaf?;
        let id = leaf.entry.id();
        let Some(Ok(Entry::TotalsOpened(opened))) =
            Entry::decode(leaf.entry.kind, &leaf.entry.statement)
        else {
            continue;
        };
        let Some(keys) = state.epochs().get(opened.key.epoch) else {
            continue;
        };
        // Data that cannot be read must not count as absent.
        let mut covered = HashMap::new();
        for id in &opened.entries {
            if let Some(leaf) = replica.entry(id)? {
                covered.insert(*id, leaf.entry);
            }
        }
        let find = |id: &EntryId| covered.get(id).cloned();
        totals.push((id, verify_total(state.origin(), &opened, keys, find)));
    }
    Ok(totals)
}
