//! The contents of a distributor's store, and a preview of its next run: a report that works beside
//! a run and without the network.

use futures::future::BoxFuture;
use merits_ledger::State;
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, ScaleId},
};
use serde::Serialize;

use crate::{
    config::DistributorConfig,
    error::DistributorError,
    open_store::OpenStore,
    outlook::Outlook,
    store::{Aside, StoreCounts, TicketCounts},
};

/// The contents of a store.
#[derive(Debug, Clone, Serialize)]
pub struct StatusReport {
    /// The scale.
    #[serde(serialize_with = "crate::report::text")]
    pub scale: ScaleId,
    /// Deeds and batches by state.
    pub counts: StoreCounts,
    /// Tickets by state.
    pub tickets: TicketCounts,
    /// The preview of the next run.
    pub outlook: Outlook,
    /// Why the outlook was not compared with the ledger; `None` when it was.
    pub not_compared: Option<String>,
    /// Deeds of which no claim could be made.
    pub aside: Vec<Aside>,
    /// Claims on the ledger whose earnings the store has lost. To find them, the earnings of all claims are opened, one
    /// after the other.
    pub lost_earnings: u64,
    /// Whether the distributor vouches for whose records these are.
    pub vouched: bool,
    /// Batches that the ledger refused, and why.
    #[serde(serialize_with = "crate::report::refusals")]
    pub refusals: Vec<(EntryId, String)>,
    /// Tickets that it refused, and why.
    #[serde(serialize_with = "crate::report::refusals")]
    pub ticket_refusals: Vec<(EntryId, String)>,
}

impl OpenStore {
    /// What the store holds at `now`, and what the next run would find.
    ///
    /// # Errors
    /// [`DistributorError`]. A missing or busy copy of the log is not an error: the report states
    /// it.
    pub fn status<'a>(
        &'a self,
        config: &'a DistributorConfig,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<StatusReport, DistributorError>> {
        Box::pin(async move {
            let (store, scale) = (self.store(), self.scale());
            let (outlook, not_compared) = match kept_state(config).await {
                Ok(state) => {
                    let outlook = Outlook::of(store, scale, &self.party(), &state, now).await?;
                    (outlook, None)
                }
                Err(error) => {
                    let outlook = Outlook::of_store(store, scale, config.ledger.tickets).await?;
                    (outlook, Some(with_causes(&error)))
                }
            };
            Ok(StatusReport {
                scale: scale.clone(),
                counts: store.counts(scale).await?,
                tickets: store.ticket_counts(scale).await?,
                outlook,
                not_compared,
                aside: store.aside(scale).await?,
                lost_earnings: store.acknowledged(scale).await?.lost,
                vouched: store.vouched(scale).await?,
                refusals: store.refusals(scale).await?,
                ticket_refusals: store.ticket_refusals(scale).await?,
            })
        })
    }
}

/// The ledger's state from this distributor's copy of the log, without the network. The copy is
/// missing before the first run, and in use during a run.
async fn kept_state(config: &DistributorConfig) -> Result<State, DistributorError> {
    if !config.ledger.replica.is_dir() {
        return Err(DistributorError::NoReplica(config.ledger.replica.clone()));
    }
    let replica = config.ledger.open().await?;
    if replica.size() == 0 {
        return Err(DistributorError::EmptyReplica);
    }
    Ok(replica.state()?.clone())
}

/// An error with its causes in one line. Many of ours end in their cause already.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
