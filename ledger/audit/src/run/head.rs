//! What is stored about the log as a whole: its founding facts, its newest checkpoint, the witnesses' cosignatures;
//! and the high-water mark.

use std::collections::HashMap;

use merits_ledger::{
    LedgerPolicy,
    storage::{Inspection, LogRow, StoreFailure},
    tree::{self, Frontier, Node},
};
use merits_verifier::{
    log::{Checkpoint, CosignatureError, Hash, LogKey, SignedCheckpoint},
    signature::PublicKey,
};

use super::{Subject, checks};
use crate::report::{Finding, Findings};

/// Compares the stored founding facts with those that the ledger must have.
pub(super) async fn check_facts<N: Inspection>(
    db: &mut N,
    policy: &LedgerPolicy,
    findings: &mut Findings,
) -> Result<(), StoreFailure> {
    let stored = db.facts().await.map_err(N::explain)?;
    let stored = stored
        .iter()
        .map(|(fact, value)| (fact.as_str(), value.as_str()));
    for differs in policy.differences(stored) {
        let what = format!("{differs}");
        findings.push(Finding::of_log(checks::FOUNDING, what));
    }
    Ok(())
}

/// Compares the published tree that a mark covers with the leaves.
pub(super) fn check_mark(
    mark: &Checkpoint,
    nodes: &HashMap<Node, Hash>,
    found: u64,
    findings: &mut Findings,
) {
    let marked = mark.size;
    let what = if found < marked {
        format!(
            "{marked} entries were published, and there are {found} leaves: this is an older copy; bring \
             back the newest data, or restore a backup that holds all {marked}"
        )
    } else if tree::root(nodes, marked).ok() != Some(mark.root) {
        format!(
            "the first {marked} leaves are not those that were published: this is another history of the \
             log; bring back the data that the mark belongs to"
        )
    } else {
        return;
    };
    findings.push(Finding::of_log(checks::MARK, what));
}

/// Compares the log's row and its checkpoint with the leaves: how many there are, and their tree if all are there.
pub(super) async fn check_log<N: Inspection>(
    db: &mut N,
    subject: Subject<'_>,
    (count, tree): (u64, Option<&Frontier>),
    findings: &mut Findings,
) -> Result<(), StoreFailure> {
    let mut find = |what: String| findings.push(Finding::of_log(checks::LOG, what));
    let Some(row) = db.log_row().await.map_err(N::explain)? else {
        find("the log was never founded".to_owned());
        return Ok(());
    };
    // The founding facts have this origin too.
    let origin = &subject.policy.origin;
    if row.origin != origin.as_str() {
        find(format!("it is the log {}, not {origin}", row.origin));
        return Ok(());
    }
    let stored = <[u8; 32]>::try_from(&row.log_key[..]).ok();
    let Some(stored) = stored.and_then(|bytes| PublicKey::from_bytes(&bytes).ok()) else {
        find("the log key is not an Ed25519 key".to_owned());
        return Ok(());
    };
    let stored = LogKey::new(origin.clone(), stored);
    let key = subject.key.unwrap_or(&stored);
    if *key != stored {
        find(format!(
            "it is stored under the log key {stored}, not {key}"
        ));
    }
    if row.size != count {
        let size = row.size;
        find(format!("its size is {size}, and there are {count} leaves"));
    }
    match read(&row, key, subject) {
        Err(error @ CosignatureError::Checkpoint(_)) => find(format!("the checkpoint: {error}")),
        Err(error) => {
            let what = format!("the checkpoint is not believed: {error}");
            findings.push(Finding::of_log(checks::COSIGNATURES, what));
        }
        Ok(checkpoint) => {
            if (checkpoint.size, &checkpoint.root[..]) != (row.size, &row.root[..]) {
                find("the checkpoint is not of the stored size and root".to_owned());
            }
            if tree.is_some_and(|tree| tree.root() != checkpoint.root) {
                find("the leaves lead to another root than the checkpoint's".to_owned());
            }
        }
    }
    Ok(())
}

/// The stored checkpoint, with its signature, and the cosignatures that are demanded.
fn read(row: &LogRow, key: &LogKey, subject: Subject<'_>) -> Result<Checkpoint, CosignatureError> {
    let signed = SignedCheckpoint::parse(&row.checkpoint)?;
    match subject.witnesses {
        None => Ok(signed.verify(key)?),
        Some(witnesses) => {
            let cosigned = signed.verify_cosigned(key, witnesses)?;
            Ok(cosigned.checkpoint().clone())
        }
    }
}
