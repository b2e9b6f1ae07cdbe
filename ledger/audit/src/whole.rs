//! The whole audit of a copy on disk: everything that is stored, and the books.

use std::path::Path;

use merits_ledger::{
    LedgerPolicy, State,
    entry::REDEEMED,
    storage::{Inspect as _, Inspection, StoreFailure},
};
use merits_replica::copy_file;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Checkpoint, Hash, LogKey, WitnessPolicy},
};
use rand_core::CryptoRng;
use serde::Serialize;

use crate::{
    AuditError,
    books::{Book, weigh},
    report::Findings,
    run::{Checked, Start, Subject, check},
};

/// What an audit found. Two who audit the same leaves in full get the same report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// The log.
    pub origin: String,
    /// Its key.
    pub log_key: String,
    /// Whether cosignatures of witnesses were demanded of the checkpoint.
    pub cosigned: bool,
    /// Leaves that are stored.
    pub leaves: u64,
    /// The root of their tree, in hexadecimal.
    pub root: String,
    /// The digest of the state that they make, in hexadecimal; `None` if a leaf is at fault.
    pub state: Option<String>,
    /// What was verified and compared.
    pub counts: Counts,
    /// The books, if the state is known.
    pub books: Vec<Book>,
    /// What is wrong.
    pub findings: Findings,
}

/// What an audit verified and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Leaves whose signatures, proofs and rules an earlier audit had verified.
    pub verified_before: u64,
    /// Leaves whose signatures and rules were verified now.
    pub verified_leaves: u64,
    /// Proofs of those.
    pub verified_proofs: u64,
    /// Tree nodes that were compared.
    pub nodes: u64,
    /// Blobs that were compared.
    pub blobs: u64,
    /// Used values that were compared.
    pub used: u64,
    /// Rows of the state that were compared.
    pub rows: u64,
}

impl AuditReport {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// The report, and where the next audit may go on.
#[derive(Debug)]
pub struct Audited {
    /// What was found.
    pub report: AuditReport,
    /// The state of a ledger without a finding, and the root of its leaves.
    pub reached: Option<(State, Hash)>,
}

/// What the copy must be.
#[derive(Debug, Clone, Copy)]
pub struct Copied<'a> {
    /// The log's key.
    pub key: &'a LogKey,
    /// The founding facts.
    pub policy: &'a LedgerPolicy,
    /// The cosignatures that are demanded.
    pub witnesses: Option<&'a WitnessPolicy>,
    /// The newest tree that this party verified before.
    pub mark: Option<&'a Checkpoint>,
}

/// Audits the copy in a directory, which need not be sound enough to be opened. Nothing is changed, and another
/// program may use the copy meanwhile. `start` is where an earlier audit stopped.
///
/// # Errors
/// [`AuditError`] if there is no copy, or if it cannot be read.
pub async fn audit(
    directory: &Path,
    copied: Copied<'_>,
    start: Option<Start>,
    rng: &mut impl CryptoRng,
) -> Result<Audited, AuditError> {
    let empty = || AuditError::Empty(directory.to_owned());
    let mut db = copy_file(directory).inspect().await?.ok_or_else(empty)?;
    let Copied {
        key,
        policy,
        witnesses,
        mark,
    } = copied;
    let subject = Subject {
        policy,
        key: Some(key),
        witnesses,
        mark,
    };
    let checked = check(&mut db, subject, start, rng).await?;
    if checked.leaves == 0 && checked.findings.is_empty() {
        return Err(empty());
    }
    let audited = weighed(&mut db, copied, checked).await?;
    end(db).await?;
    Ok(audited)
}

/// Adds the books to what was checked.
async fn weighed<N: Inspection>(
    db: &mut N,
    copied: Copied<'_>,
    mut checked: Checked,
) -> Result<Audited, AuditError> {
    let (mut books, mut state) = (Vec::new(), None);
    if let Some(known) = &checked.state {
        let is_overdrawn = known
            .conservation()?
            .values()
            .any(|balance| balance.outstanding().is_none());
        // The leaves are needed only to name one of them.
        let redemptions = match is_overdrawn {
            true => redemptions(db).await?,
            false => Vec::new(),
        };
        let weighed = weigh(known, redemptions.into_iter().map(Ok::<_, AuditError>))?;
        books = weighed.books;
        checked.findings.append(weighed.findings);
        state = Some(hex::encode(known.digest()?));
    }
    let root = checked.frontier.root();
    let counts = Counts {
        verified_before: checked.from,
        verified_leaves: checked.verified.leaves,
        verified_proofs: checked.verified.proofs,
        nodes: checked.nodes,
        blobs: checked.blobs,
        used: checked.used,
        rows: checked.rows,
    };
    let report = AuditReport {
        origin: copied.policy.origin.to_string(),
        log_key: copied.key.to_string(),
        cosigned: copied.witnesses.is_some(),
        leaves: checked.leaves,
        root: hex::encode(root),
        state,
        counts,
        books,
        findings: checked.findings,
    };
    let reached = checked.state.filter(|_| report.is_clean());
    let reached = reached.map(|state| (state, root));
    Ok(Audited { report, reached })
}

/// The leaves of redemptions.
async fn redemptions<N: Inspection>(db: &mut N) -> Result<Vec<(u64, Leaf)>, StoreFailure> {
    let (mut found, mut last) = (Vec::new(), -1i64);
    loop {
        let page = db.leaves(last, LEAVES).await.map_err(N::explain)?;
        let Some((index, _, _)) = page.last() else {
            return Ok(found);
        };
        last = *index;
        for (index, _, bytes) in &page {
            // Each was decoded when it was verified.
            let leaf = Leaf::from_bytes(bytes);
            let leaf = leaf.ok().filter(|leaf| leaf.entry.kind == REDEEMED);
            found.extend(leaf.map(|leaf| (index.cast_unsigned(), leaf)));
        }
    }
}

async fn end<N: Inspection>(db: N) -> Result<(), StoreFailure> {
    db.end().await.map_err(N::explain)
}

/// Leaves of one page.
const LEAVES: u32 = 256;
