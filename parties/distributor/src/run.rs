//! A run: brings all ingested deeds to the ledger, from any state that an earlier run left.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use merits_party::Retry;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::{
    attempts::Tried,
    consents::Consents,
    forming::Forming,
    node::Node,
    outbox::{OutboxError, SubmitPort, empty_outbox},
    pool::{ProverPool, ProvingError, TermsFn},
    progress::Progress,
    proving::form_and_prove,
    sources::Sources,
    summary::RunSummary,
};

/// Why a run ended early. Completed work is kept, and running again continues from there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// Forming or proving.
    #[error(transparent)]
    Proving(#[from] ProvingError),
    /// Submitting.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

/// Rounds of forming and proving: deeds of batches that were taken apart, and other claims of a
/// refused batch, are formed again. A few rounds complete everything that can be completed.
const ROUNDS: usize = 4;

/// The inputs of a run.
pub struct Run<'a, L> {
    /// The node.
    pub node: &'a Node,
    /// What proves.
    pub pool: &'a ProverPool,
    /// Where entries go.
    pub ledger: &'a L,
    /// The ledger's terms.
    pub terms: &'a TermsFn<'a>,
    /// People's consents in the same state.
    pub consents: Consents<'a>,
    /// The sources in the same state.
    pub sources: &'a Sources<'a>,
    /// The retry policy for a ledger that does not answer.
    pub patience: Retry,
    /// Sees events.
    pub progress: &'a dyn Progress,
    /// Once true, the run ends after the proofs in flight; proven batches are still submitted, if
    /// the ledger answers.
    pub stop: &'a AtomicBool,
}

/// Deletes the data of withdrawn consents; then forms, proves and submits until only deeds are left
/// that wait for a ticket or for their source. Forming, proving and submitting overlap. Figures are added to `summary`,
/// also when the run ends early.
///
/// # Errors
/// [`RunError`].
pub async fn run<L: SubmitPort>(
    run: &Run<'_, L>,
    rng: &mut (impl CryptoRng + Send),
    summary: &mut RunSummary,
) -> Result<(), RunError> {
    let &Run {
        node,
        pool,
        ledger,
        terms,
        consents,
        sources,
        patience,
        progress,
        stop,
    } = run;
    let _lock = node.store().lock()?;
    // Before anything is claimed for them.
    let followed = node.follow_consents(&consents, rng).await?;
    summary.followed.erased.extend(followed.erased);
    summary.followed.lapsed += followed.lapsed;
    let tried = Tried::default();
    let refused_before = node.store().counts(node.scale()).await?.refused;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let filling = AtomicBool::new(true);
        let produce = async {
            let forming = Forming {
                node,
                pool,
                terms,
                consents: &consents,
                sources,
                progress,
                tried: &tried,
            };
            let results = form_and_prove(forming, rng, stop).await;
            // Also when proving failed: proven batches must be submitted.
            filling.store(false, Ordering::Release);
            node.outbox_filled();
            results
        };
        let ((formed, proved), submitted) = tokio::join!(
            produce,
            empty_outbox(node, ledger, sources, patience, &filling, stop, progress)
        );
        summary.times.proving += start.elapsed();
        if let Ok(formed) = &formed {
            summary.times.forming += formed.elapsed;
            summary.formed.add(formed);
            // Among those that proving counts.
            summary.proved.dissolved += formed.dissolved;
        }
        if let Ok(proved) = &proved {
            summary.proved.add(proved);
        }
        let submitted = submitted?;
        summary.submitted.acknowledged += submitted.acknowledged;
        summary.submitted.earned += submitted.earned;
        summary.submitted.unopened += submitted.unopened;
        summary.submitted.refused.extend(submitted.refused);
        summary.counts = node.store().counts(node.scale()).await?;
        summary.newly_refused = summary.counts.refused.saturating_sub(refused_before);
        summary.submitted.outdated += submitted.outdated;
        summary.submitted.damaged += submitted.damaged;
        summary.aside = node.store().aside(node.scale()).await?;
        formed?;
        proved?;
        let waiting = summary.formed.waiting.total();
        let settled = summary.counts.ingested <= waiting && summary.counts.formed == 0;
        // With outdated terms, another round would only make the same entries again.
        if settled || submitted.outdated > 0 || stop.load(Ordering::Relaxed) {
            break;
        }
    }
    summary.lost_earnings = node.store().missing_earnings(node.scale()).await?;
    tried
        .prover_at_fault()
        .map_or(Ok(()), |error| Err(error.into()))
}
