//! Deposits of tickets. They are submitted until the ledger answers, as the outbox does for
//! batches.
//!
//! A deposit's entry id is the hash of its statement, so after an interrupted run the same ticket
//! gets the old receipt. A refusal that the log signed sets the ticket aside with its reason; a
//! person may then give another.

use merits_party::Retry;
use merits_primitives::ids::EntryId;
use merits_verifier::{codec::Canonical, entry::SignedEntry};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{
    node::Node,
    outbox::{OutboxError, SubmitFault, SubmitPort},
    store::{Deposit, TicketEnd},
};

/// The result of depositing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DepositReport {
    /// Tickets that are on the ledger now.
    pub deposited: u64,
    /// Tickets that it refused, and why.
    #[serde(serialize_with = "crate::report::refusals")]
    pub refused: Vec<(EntryId, SubmitFault)>,
    /// Tickets whose deposit is damaged in the store: their files must be handed in again.
    #[serde(serialize_with = "crate::report::texts")]
    pub damaged: Vec<EntryId>,
}

/// Concurrent deposits, because the coordinator verifies proofs in groups.
const IN_FLIGHT: u32 = 32;

/// Deposits every ticket that waits for it.
///
/// # Errors
/// [`OutboxError`]; tickets without an answer wait for the next time.
pub async fn deposit_tickets(
    node: &Node,
    ledger: &impl SubmitPort,
    patience: Retry,
) -> Result<DepositReport, OutboxError> {
    let mut report = DepositReport::default();
    let mut tries = 0;
    loop {
        let waiting = node.store().waiting_deposits(IN_FLIGHT).await?;
        if waiting.is_empty() {
            return Ok(report);
        }
        let left = waiting.len();
        let Some(reason) = deposit_some(node, ledger, waiting, &mut report).await? else {
            tries = 0;
            continue;
        };
        tries += 1;
        let Some(pause) = patience.wait(tries) else {
            return Err(OutboxError::GaveUp {
                tries,
                reason,
                left,
            });
        };
        tokio::time::sleep(pause).await;
    }
}

/// Returns `Some` when none of them got an answer.
async fn deposit_some(
    node: &Node,
    ledger: &impl SubmitPort,
    waiting: Vec<Deposit>,
    report: &mut DepositReport,
) -> Result<Option<String>, OutboxError> {
    let mut tasks = JoinSet::new();
    for deposit in waiting {
        let Ok(entry) = SignedEntry::from_bytes(&deposit.envelope) else {
            tracing::warn!(entry = %deposit.entry_id, "a ticket's deposit in the store is damaged");
            node.store().end_damaged(deposit.id).await?;
            report.damaged.push(deposit.entry_id);
            continue;
        };
        let ledger = ledger.clone();
        tasks.spawn(async move { (deposit, ledger.submit(entry).await) });
    }
    let mut answered = tasks.is_empty();
    let mut silence = String::new();
    while let Some(done) = tasks.join_next().await {
        let (deposit, answer) = done.map_err(|_| OutboxError::TaskLost)?;
        match answer {
            Ok(receipt) => {
                answered = true;
                node.store().deposited(deposit.id, &receipt).await?;
                report.deposited += 1;
            }
            Err(SubmitFault::Unavailable(reason)) => silence = reason,
            Err(fault @ SubmitFault::Refused { .. }) => {
                answered = true;
                tracing::warn!(entry = %deposit.entry_id, %fault, "the ledger refused a ticket");
                let reason = fault.to_string();
                let end = TicketEnd::Refused(&reason);
                node.store().end_ticket(deposit.id, end).await?;
                report.refused.push((deposit.entry_id, fault));
            }
        }
    }
    Ok((!answered).then_some(silence))
}
