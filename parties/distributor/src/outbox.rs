//! The outbox: submits proven batches to the ledger until it answers.
//!
//! An entry's id is the hash of what it states, without proof and signature. It makes no difference
//! whether a submission or only its answer was lost: the same entry gets the old receipt. So a
//! batch leaves the outbox only when its receipt or its refusal is in the store.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use merits_ledger::{Entry, entry::EarnBatch};
use merits_party::Retry;
use merits_primitives::ids::EntryId;
use merits_verifier::{
    FieldPath, Reason, ReasonCode, codec::Canonical, entry::SignedEntry, fields,
};
use serde::Serialize;
use thiserror::Error;
use tokio::task::JoinSet;

use crate::{
    earnings::EarnedSum,
    node::Node,
    progress::{Event, Progress},
    sources::Sources,
    store::{OutboxItem, RefusalCause, StoreError},
};

/// The ledger's interface for the outbox: it can append, but has no copy of the log.
pub trait SubmitPort: Clone + Send + Sync + 'static {
    /// Submits an entry; the answer is its receipt, checked against the log's key.
    fn submit(
        &self,
        entry: SignedEntry,
    ) -> impl Future<Output = Result<String, SubmitFault>> + Send;
}

/// Why no receipt came.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubmitFault {
    /// The ledger refuses the entry.
    #[error("refused ({code}{}): {message}", if .field.is_empty() { String::new() } else { format!(", {}", .field) })]
    Refused {
        /// The reason. A newer ledger may give one that this program does not know.
        code: ReasonCode,
        /// The field at fault.
        field: FieldPath,
        /// For people.
        message: String,
    },
    /// The ledger does not answer, or asks to retry later.
    #[error("the ledger does not answer: {0}")]
    Unavailable(String),
}

/// Why the outbox stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task panicked.
    #[error(
        "a submission ended without an answer, which is this program's fault: run again, the outbox keeps the entry"
    )]
    TaskLost,
    /// The ledger did not answer for too long. Everything is still in the outbox.
    #[error(
        "the ledger did not answer {tries} attempts; the last failed with: {reason}. The outbox keeps {left} entries; run again when it is back"
    )]
    GaveUp {
        /// Attempts.
        tries: u32,
        /// The last answer.
        reason: String,
        /// Entries that wait.
        left: usize,
    },
}

/// How a submission without an answer is repeated: twelve attempts in almost a minute.
pub const PATIENCE: Retry = Retry {
    attempts: 12,
    first_wait: Duration::from_millis(200),
    growth: 2,
    longest_wait: Duration::from_secs(10),
};

/// The result of submitting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SubmitReport {
    /// Entries with a receipt.
    pub acknowledged: u64,
    /// The earnings of their claims, each opened once.
    pub earned: EarnedSum,
    /// Claims of them whose earnings do not open, although nobody forgot their subjects.
    pub unopened: u64,
    /// Entries that the ledger refused, and why.
    #[serde(serialize_with = "crate::report::refusals")]
    pub refused: Vec<(EntryId, SubmitFault)>,
    /// Batches whose signed entry is lost or damaged in the store: they are proven again.
    pub damaged: u64,
    /// The refused ones whose terms have changed on the ledger: their claims wait to be stated
    /// again, by newer terms than this run has.
    pub outdated: u64,
}

/// Concurrent submissions: the coordinator verifies proofs in groups, so it should have several.
const IN_FLIGHT: u32 = 16;

/// Attempts without an answer that remain for a run that was asked to stop.
const TRIES_WHEN_STOPPING: u32 = 2;

/// Submits everything in the outbox; ends when it is empty and `filling` is over. Once `stop` is
/// true, it no longer waits for a ledger that does not answer.
///
/// # Errors
/// [`OutboxError`]; entries without an answer stay in the outbox.
pub async fn empty_outbox(
    node: &Node,
    ledger: &impl SubmitPort,
    sources: &Sources<'_>,
    patience: Retry,
    filling: &AtomicBool,
    stop: &AtomicBool,
    progress: &dyn Progress,
) -> Result<SubmitReport, OutboxError> {
    let mut report = SubmitReport::default();
    let mut tries = 0;
    loop {
        // Read this before the outbox: entries that are added afterwards are found in the next
        // round.
        let more_to_come = filling.load(Ordering::Acquire);
        let items = node.store().outbox(None, IN_FLIGHT).await?;
        if items.is_empty() {
            if !more_to_come {
                return Ok(report);
            }
            node.outbox_waits().await;
            continue;
        }
        let left = items.len();
        match submit_some(node, ledger, sources, items, &mut report, progress).await? {
            None => tries = 0,
            Some(reason) => {
                tries += 1;
                progress.event(Event::Unavailable { tries });
                let patience = match stop.load(Ordering::Relaxed) {
                    true => patience.at_most(TRIES_WHEN_STOPPING),
                    false => patience,
                };
                let Some(pause) = patience.wait(tries) else {
                    return Err(OutboxError::GaveUp {
                        tries,
                        reason,
                        left,
                    });
                };
                wait(pause, stop).await;
            }
        }
    }
}

/// Waits this long, or until the run is asked to stop.
async fn wait(duration: Duration, stop: &AtomicBool) {
    const SLICE: Duration = Duration::from_millis(100);
    let mut left = duration;
    while !left.is_zero() && !stop.load(Ordering::Relaxed) {
        let slice = left.min(SLICE);
        tokio::time::sleep(slice).await;
        left -= slice;
    }
}

/// Submits entries concurrently and stores the answers. Returns `Some` when none of them got an
/// answer.
async fn submit_some(
    node: &Node,
    ledger: &impl SubmitPort,
    sources: &Sources<'_>,
    items: Vec<OutboxItem>,
    report: &mut SubmitReport,
    progress: &dyn Progress,
) -> Result<Option<String>, OutboxError> {
    let mut tasks = JoinSet::new();
    for item in items {
        let envelope = item.envelope.as_deref();
        let Some(Ok(entry)) = envelope.map(SignedEntry::from_bytes) else {
            // A new proof has the same statement and the same id on the ledger.
            tracing::warn!(entry = %item.entry_id, "a proven batch in the store is damaged and is proven again");
            node.store().prove_again(item.id).await?;
            report.damaged += 1;
            continue;
        };
        let ledger = ledger.clone();
        tasks.spawn(async move { (item, ledger.submit(entry).await) });
    }
    let mut answered = tasks.is_empty();
    let mut silence = String::new();
    while let Some(done) = tasks.join_next().await {
        let (item, answer) = done.map_err(|_| OutboxError::TaskLost)?;
        match answer {
            Ok(receipt) => {
                answered = true;
                node.store().acknowledge(item.id, &receipt).await?;
                report.acknowledged += 1;
                let found = node.store().earned_in(item.id).await?;
                report.earned += found.earned;
                report.unopened += found.lost;
                // Entries of one run are far fewer than 2^32.
                progress.event(Event::Acknowledged {
                    done: report.acknowledged as usize,
                });
            }
            Err(SubmitFault::Unavailable(reason)) => silence = reason,
            Err(fault @ SubmitFault::Refused { .. }) => {
                answered = true;
                let SubmitFault::Refused { code, field, .. } = &fault else {
                    continue;
                };
                let cause = refusal_cause(code, field);
                tracing::warn!(entry = %item.entry_id, %fault, "the ledger refused a batch");
                if cause == RefusalCause::Source
                    && let Some(batch) = batch_of(&item)
                {
                    sources.refused(&batch);
                }
                node.store()
                    .refuse(item.id, &fault.to_string(), cause)
                    .await?;
                report.outdated += u64::from(cause == RefusalCause::Terms);
                report.refused.push((item.entry_id, fault));
                progress.event(Event::Refused);
            }
        }
    }
    Ok((!answered).then_some(silence))
}

/// The batch of an item.
fn batch_of(item: &OutboxItem) -> Option<EarnBatch> {
    let entry = SignedEntry::from_bytes(item.envelope.as_deref()?).ok()?;
    match Entry::decode(entry.kind, &entry.statement) {
        Some(Ok(Entry::EarnBatch(batch))) => Some(batch),
        _ => None,
    }
}

/// The cause of a refusal, by its reason and field (`merits_ledger::Refusal`).
fn refusal_cause(code: &ReasonCode, field: &FieldPath) -> RefusalCause {
    let of = |cause: fn(usize) -> RefusalCause| {
        field
            .index_in(&fields::CLAIMS)
            .map_or(RefusalCause::Unnamed, cause)
    };
    let Some(reason) = code.known() else {
        return RefusalCause::Unnamed;
    };
    match reason {
        // The ledger has changed since the batch was formed, or is not ready yet: state it again.
        Reason::EpochNotAccepted
        | Reason::EpochUnknown
        | Reason::ScaleSuperseded
        | Reason::ScaleUnknown
        | Reason::ScaleNotApproved
        | Reason::ScaleRetired
        | Reason::ScaleNotYetValid
        | Reason::ConstantNotApproved
        | Reason::ConstantCount
        | Reason::OtherAsset
        | Reason::OtherExpiry
        | Reason::OtherSchema
        | Reason::OtherPeriod
        | Reason::PeriodNotOver
        | Reason::PartyUnknown
        | Reason::RoleMissing => RefusalCause::Terms,
        // The source, or this distributor: no claim is at fault.
        Reason::PartySuspended
        | Reason::PartyEnded
        | Reason::KeyRotated
        | Reason::SourceUnknown
        | Reason::SourceSignatureInvalid => RefusalCause::Source,
        // One claim is named; the others can be claimed again.
        Reason::CommitmentUsed
        | Reason::NoteUsed
        | Reason::EphemeralTrivial
        | Reason::EphemeralNotOnCurve
        | Reason::ClaimAsTotal
        | Reason::DuplicateInBatch => of(RefusalCause::Claim),
        // The ticket of one claim is named: its deed may be claimed with another ticket.
        Reason::TicketMissing
        | Reason::TicketOfAnother
        | Reason::TicketLapsed
        | Reason::TicketOther
        | Reason::TicketOtherRecords
        | Reason::TicketTwice
        | Reason::ConsentWithdrawn => of(RefusalCause::Ticket),
        _ => RefusalCause::Unnamed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_follows_code_and_field() {
        let claim = |index| FieldPath::name(fields::CLAIMS).index(index);
        let cause = |reason: Reason, field: FieldPath| refusal_cause(&reason.into(), &field);
        for (reason, field, expected) in [
            (
                Reason::CommitmentUsed,
                claim(3).then(fields::C),
                RefusalCause::Claim(3),
            ),
            (
                Reason::NoteUsed,
                claim(0).then(fields::CM),
                RefusalCause::Claim(0),
            ),
            (
                Reason::CommitmentUsed,
                FieldPath::NONE,
                RefusalCause::Unnamed,
            ),
            (
                Reason::TicketLapsed,
                claim(2).then(fields::TICKET),
                RefusalCause::Ticket(2),
            ),
            (
                Reason::ConsentWithdrawn,
                claim(2).then(fields::TICKET),
                RefusalCause::Ticket(2),
            ),
            (
                Reason::TicketOtherRecords,
                claim(1).then(fields::B),
                RefusalCause::Ticket(1),
            ),
            (
                Reason::CommitmentUsed,
                FieldPath::name(fields::CLAIMS).then(fields::C),
                RefusalCause::Unnamed,
            ),
            (
                Reason::EpochNotAccepted,
                fields::EPOCH.into(),
                RefusalCause::Terms,
            ),
            (
                Reason::ProofInvalid,
                fields::PROOF.into(),
                RefusalCause::Unnamed,
            ),
            (
                Reason::PeriodNotOver,
                fields::PERIOD.into(),
                RefusalCause::Terms,
            ),
            (
                Reason::PartySuspended,
                fields::PARTY.into(),
                RefusalCause::Source,
            ),
            (
                Reason::PartyEnded,
                fields::PARTY.into(),
                RefusalCause::Source,
            ),
            (
                Reason::SourceSignatureInvalid,
                claim(1).then(fields::SOURCE_SIGNATURE),
                RefusalCause::Source,
            ),
        ] {
            assert_eq!(cause(reason, field), expected, "{reason}");
        }
    }

    /// An unknown reason does not name a claim, whatever its field.
    #[test]
    fn a_reason_of_a_newer_ledger_names_no_claim() {
        let code = "moon-too-full".parse().expect("a reason's text");
        let field = FieldPath::name(fields::CLAIMS).index(3);
        assert_eq!(refusal_cause(&code, &field), RefusalCause::Unnamed);
    }
}
