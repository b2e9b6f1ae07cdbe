//! A whole stored ledger: every leaf, and everything that is stored beside the leaves.
//!
//! [`check`] reads the raw tables of a copy or of a coordinator's ledger. Nothing in them is trusted. It verifies the
//! signatures, the proof and the rules of every leaf, and compares ids, tree nodes, blobs, used values, rows and the
//! checkpoint with what the leaves give. Each finding names the leaf that it is about.
//!
//! An audit may go on where an earlier one stopped ([`Start`]). Then signatures, proofs and rules are verified for
//! the newer leaves only. Everything else is compared from the first leaf again, because that costs little.

mod head;
mod leaves;
mod stored;
mod tree;

use std::collections::BTreeMap;

use merits_ledger::{
    LedgerPolicy, Replay, ReplayCounts, State,
    rows::RowKey,
    storage::{Inspection, Outlook, StoreFailure},
    tree::Frontier,
};
use merits_primitives::ids::EntryId;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Checkpoint, Hash, LogKey, WitnessPolicy},
};
use rand_core::CryptoRng;

use crate::report::{Finding, Findings};
use leaves::{FromLeaves, walk, writers};

/// The names of the checks in their findings.
pub mod checks {
    /// The database itself.
    pub const FILE: &str = "file";
    /// Leaves and the ids under which they are stored.
    pub const LEAF: &str = "leaf";
    /// Signatures, proofs and rules.
    pub const RULES: &str = "rules";
    /// The tree's nodes.
    pub const NODE: &str = "node";
    /// What entries name by its digest.
    pub const BLOB: &str = "blob";
    /// Values that may occur once.
    pub const USED: &str = "used";
    /// Rows of the state.
    pub const ROW: &str = "row";
    /// The description of the state.
    pub const STATE: &str = "state";
    /// The log's row and its checkpoint.
    pub const LOG: &str = "log";
    /// The witnesses' cosignatures.
    pub const COSIGNATURES: &str = "cosignatures";
    /// The founding facts.
    pub const FOUNDING: &str = "founding";
    /// The high-water mark.
    pub const MARK: &str = "mark";
    /// What an earlier audit verified.
    pub const PROGRESS: &str = "progress";
}

/// What a stored ledger must be.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its founding facts.
    pub policy: &'a LedgerPolicy,
    /// The log's key; `None` takes the stored one, as the log's own operator may.
    pub key: Option<&'a LogKey>,
    /// The cosignatures that its checkpoint must have.
    pub witnesses: Option<&'a WitnessPolicy>,
    /// A tree of the log that is known, and that it must contain.
    pub mark: Option<&'a Checkpoint>,
}

/// Where an earlier audit stopped. It is trusted for one thing: that the signatures, the proofs and the rules of its
/// leaves were verified, and that `state` is the state that they make.
#[derive(Debug, Clone)]
pub struct Start {
    /// The root of those leaves. Other leaves are found, and then all are verified again.
    pub root: Hash,
    /// The state after them, in memory.
    pub state: State,
}

/// What was checked, and what is wrong.
#[derive(Debug)]
pub struct Checked {
    /// Leaves that are stored.
    pub leaves: u64,
    /// Leaves that an earlier audit had verified.
    pub from: u64,
    /// Leaves and proofs that were verified now.
    pub verified: ReplayCounts,
    /// Tree nodes that were compared.
    pub nodes: u64,
    /// Blobs that were compared.
    pub blobs: u64,
    /// Used values that were compared.
    pub used: u64,
    /// Rows of the state that were compared.
    pub rows: u64,
    /// The tree of the leaves.
    pub frontier: Frontier,
    /// The state that the leaves make; `None` if a leaf is at fault or missing.
    pub state: Option<State>,
    /// What is wrong.
    pub findings: Findings,
}

/// Checks a stored ledger. `rng` blinds the batches of proofs.
///
/// # Errors
/// [`StoreFailure`] if the tables cannot be read. What is wrong with their contents is in [`Checked::findings`].
pub async fn check<N: Inspection>(
    db: &mut N,
    subject: Subject<'_>,
    start: Option<Start>,
    rng: &mut impl CryptoRng,
) -> Result<Checked, StoreFailure> {
    let mut findings = Findings::default();
    for finding in db.findings(FILE_FINDINGS).await.map_err(N::explain)? {
        findings.push(Finding::of_log(checks::FILE, finding));
    }
    head::check_facts(db, subject.policy, &mut findings).await?;
    let (leaves, from) = walked(db, subject.policy, start, &mut findings, rng).await?;
    let mut checked = Checked {
        leaves: leaves.count,
        from,
        verified: leaves.verified,
        nodes: 0,
        blobs: 0,
        used: 0,
        rows: 0,
        frontier: leaves.frontier,
        state: leaves.state,
        findings,
    };
    let findings = &mut checked.findings;
    if leaves.has_gap {
        let what = "tree, rows and used values were not compared with the leaves, because leaves are missing";
        findings.push(Finding::of_log(checks::STATE, what.to_owned()));
    } else {
        let size = checked.frontier.size();
        checked.nodes = tree::check_nodes(db, &leaves.nodes, size, findings).await?;
    }
    checked.blobs = stored::check_blobs(db, &leaves.blobs, findings).await?;
    if leaves.has_unfit_blobs {
        let what = "rows and used values were not compared with the leaves, because a blob that a leaf names is \
                    missing or altered";
        findings.push(Finding::of_log(checks::STATE, what.to_owned()));
    }
    if let Some(state) = &checked.state {
        checked.used = stored::check_used(db, state, findings).await?;
        let (rows, differing) = stored::check_rows(db, state, findings).await?;
        checked.rows = rows;
        name_writers(db, subject.policy, differing, findings, rng).await?;
        stored::check_state_row(db, state, findings).await?;
    }
    let tree = (!leaves.has_gap).then_some(&checked.frontier);
    head::check_log(db, subject, (leaves.count, tree), findings).await?;
    if let Some(mark) = subject.mark {
        head::check_mark(mark, &leaves.nodes, leaves.count, findings);
    }
    name_entries(db, findings).await?;
    Ok(checked)
}

/// The leaves, verified from where the earlier audit stopped, or all of them if they are not the ones that it saw.
/// Also the number of leaves that it had verified.
async fn walked<N: Inspection>(
    db: &mut N,
    policy: &LedgerPolicy,
    start: Option<Start>,
    findings: &mut Findings,
    rng: &mut impl CryptoRng,
) -> Result<(FromLeaves, u64), StoreFailure> {
    if let Some(start) = start {
        let from = start.state.size();
        let mut found = Findings::default();
        let walked = walk(db, policy, Some(start), &mut found, rng).await?;
        if let Some(leaves) = walked {
            findings.append(found);
            return Ok((leaves, from));
        }
        let what = format!(
            "the first {from} leaves are not those that the earlier audit verified: the log was rewritten, or this \
             copy was altered or is older. All leaves were verified again. Compare this copy with that of another \
             party before you trust either"
        );
        findings.push(Finding::of_log(checks::PROGRESS, what));
    }
    let walked = walk(db, policy, None, findings, rng).await?;
    // Without a start, nothing can contradict it.
    let leaves = walked.ok_or_else(|| StoreFailure::new("the leaves cannot be read", Outlook::End));
    Ok((leaves?, 0))
}

/// Adds the findings about rows, each with the leaf that wrote the row.
async fn name_writers<N: Inspection>(
    db: &mut N,
    policy: &LedgerPolicy,
    differing: Vec<(RowKey, String)>,
    findings: &mut Findings,
    rng: &mut impl CryptoRng,
) -> Result<(), StoreFailure> {
    if differing.is_empty() {
        return Ok(());
    }
    let keys = differing.iter().map(|(key, _)| key.clone());
    let replay = Replay::new(policy.clone()).watching(keys);
    let writers: BTreeMap<RowKey, u64> = writers(db, replay, &differing, rng).await?;
    for (key, what) in differing {
        findings.push(Finding {
            check: checks::ROW,
            leaf: writers.get(&key).copied(),
            entry: None,
            what,
        });
    }
    Ok(())
}

/// Writes into each finding about a leaf the id of that leaf's entry.
async fn name_entries<N: Inspection>(
    db: &mut N,
    findings: &mut Findings,
) -> Result<(), StoreFailure> {
    for finding in &mut findings.kept {
        if let (Some(leaf), None) = (finding.leaf, finding.entry) {
            finding.entry = entry_of(db, leaf).await?;
        }
    }
    Ok(())
}

/// The entry of a stored leaf; of a leaf that cannot be decoded, the one under whose id it is stored.
async fn entry_of<N: Inspection>(db: &mut N, leaf: u64) -> Result<Option<EntryId>, StoreFailure> {
    let before = leaf.cast_signed().wrapping_sub(1);
    let row = db.leaves(before, 1).await.map_err(N::explain)?;
    let row = row.into_iter().next();
    let row = row.filter(|(index, _, _)| index.cast_unsigned() == leaf);
    Ok(
        row.and_then(|(_, id, bytes)| match Leaf::from_bytes(&bytes) {
            Ok(leaf) => Some(leaf.entry.id()),
            Err(_) => <[u8; 32]>::try_from(&id[..]).ok().map(EntryId),
        }),
    )
}

/// A state in memory whose rows cannot be read: a bug, and nothing else can be said about the store.
fn unreadable(error: merits_ledger::rows::RowError) -> StoreFailure {
    StoreFailure::new(error, Outlook::End)
}

/// Most findings of the database about its files.
const FILE_FINDINGS: u32 = 20;

/// Rows of one page.
const PAGE: u32 = 4_096;
