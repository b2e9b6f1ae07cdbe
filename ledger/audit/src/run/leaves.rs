//! The leaves, replayed by the rules, and the tree that they make.

use std::collections::{BTreeMap, HashMap};

use merits_ledger::{
    Blob, BlobDigest, LedgerPolicy, Replay, ReplayCounts, ReplayError, State, named_blobs,
    rows::RowKey,
    storage::{Inspection, StoreFailure},
    tree::{Frontier, Node},
};
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Hash, leaf_hash},
};
use rand_core::CryptoRng;

use super::{Start, checks};
use crate::report::{Finding, Findings};

/// The results that follow from the leaves.
pub(super) struct FromLeaves {
    /// Leaves that are stored.
    pub(super) count: u64,
    /// The tree up to the first gap.
    pub(super) frontier: Frontier,
    pub(super) nodes: HashMap<Node, Hash>,
    /// Blobs that entries name, with the first leaf that does.
    pub(super) blobs: BTreeMap<BlobDigest, u64>,
    /// Whether leaves are missing before others.
    pub(super) has_gap: bool,
    /// Whether the replay ended before a leaf whose blobs are missing or altered.
    pub(super) has_unfit_blobs: bool,
    pub(super) verified: ReplayCounts,
    /// Nothing if the replay did not reach the end.
    pub(super) state: Option<State>,
}

/// Reads all leaves. `None` if the first ones are not those of the start.
pub(super) async fn walk<N: Inspection>(
    db: &mut N,
    policy: &LedgerPolicy,
    start: Option<Start>,
    findings: &mut Findings,
    rng: &mut impl CryptoRng,
) -> Result<Option<FromLeaves>, StoreFailure> {
    let mut start = start;
    let from = start.as_ref().map_or(0, |start| start.state.size());
    let mut replay = match start {
        None => Some(Replay::new(policy.clone())),
        Some(_) => None,
    };
    let mut all = FromLeaves {
        count: 0,
        frontier: Frontier::new(),
        nodes: HashMap::new(),
        blobs: BTreeMap::new(),
        has_gap: false,
        has_unfit_blobs: false,
        verified: ReplayCounts::default(),
        state: None,
    };
    let mut last = -1i64;
    loop {
        if all.frontier.size() == from
            && let Some(start) = start.take()
        {
            if all.frontier.root() != start.root {
                return Ok(None);
            }
            replay = Some(Replay::resume(start.state, all.frontier.clone()));
        }
        // A page ends where the new leaves begin.
        let left = match start {
            Some(_) => from - all.frontier.size(),
            None => u64::from(LEAVES),
        };
        let limit = u32::try_from(left).map_or(LEAVES, |left| left.min(LEAVES));
        let rows = db.leaves(last, limit).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (index, id, leaf) in rows {
            if index != last + 1 {
                let first = last + 1;
                if start.is_some() {
                    return Ok(None);
                }
                let what = format!("leaves {first} to {} are missing", index - 1);
                findings.push(of_leaf(checks::LEAF, first.cast_unsigned(), what));
                all.has_gap = true;
                end(replay.take(), &mut all.verified, findings, rng);
            }
            last = index;
            all.count += 1;
            let index = index.cast_unsigned();
            match Leaf::from_bytes(&leaf) {
                Err(error) => {
                    findings.push(of_leaf(checks::LEAF, index, error.to_string()));
                }
                Ok(decoded) if decoded.entry.id().0[..] != id[..] => {
                    let what = "it is stored under another entry's id".to_owned();
                    findings.push(of_leaf(checks::LEAF, index, what));
                }
                Ok(_) => {}
            }
            if !all.has_gap {
                let nodes = all.frontier.push(leaf_hash(&leaf));
                all.nodes.extend(nodes);
            }
            let named = named_blobs::named_by(&leaf);
            for digest in &named {
                all.blobs.entry(*digest).or_insert(index);
            }
            let Some(mut going) = replay.take() else {
                continue;
            };
            let blobs = stored_blobs(db, &named).await?;
            if named_blobs::check(&leaf, &blobs).is_err() {
                // The rules would refuse the leaf, which is not at fault; the look at all blobs tells what is. The
                // leaves before it are judged. The last of them need not be under a checkpoint, so it may lack a
                // digest.
                all.has_unfit_blobs = true;
                end(Some(going), &mut all.verified, findings, rng);
                continue;
            }
            match going.push_with(&leaf, blobs, rng) {
                Ok(()) => replay = Some(going),
                Err(error) => {
                    all.verified = going.verified();
                    findings.push(of_rules(&error));
                }
            }
        }
    }
    if start.is_some() {
        // There are fewer leaves than the earlier audit verified.
        return Ok(None);
    }
    if let Some(mut going) = replay {
        let ended = going.end(rng);
        all.verified = going.verified();
        match ended {
            Ok(()) => all.state = Some(going.into_state()),
            Err(error) => findings.push(of_rules(&error)),
        }
    }
    Ok(Some(all))
}

/// The newest leaf that wrote or removed each of the rows that a replay watches.
pub(super) async fn writers<N: Inspection>(
    db: &mut N,
    mut replay: Replay,
    rows: &[(RowKey, String)],
    rng: &mut impl CryptoRng,
) -> Result<BTreeMap<RowKey, u64>, StoreFailure> {
    let mut last = -1i64;
    'all: loop {
        let page = db.leaves(last, LEAVES).await.map_err(N::explain)?;
        if page.is_empty() {
            // These leaves were verified before.
            let _ = replay.flush(rng);
            break;
        }
        for (index, _, leaf) in page {
            last = index;
            let blobs = stored_blobs(db, &named_blobs::named_by(&leaf)).await?;
            if replay.push_with(&leaf, blobs, rng).is_err() {
                break 'all;
            }
        }
    }
    let written = rows
        .iter()
        .filter_map(|(key, _)| Some((key.clone(), replay.changed_by(key)?)));
    Ok(written.collect())
}

/// Judges the leaves that still wait, of a replay that cannot go on.
fn end(
    replay: Option<Replay>,
    verified: &mut ReplayCounts,
    findings: &mut Findings,
    rng: &mut impl CryptoRng,
) {
    let Some(mut replay) = replay else { return };
    if let Err(error) = replay.flush(rng) {
        findings.push(of_rules(&error));
    }
    *verified = replay.verified();
}

/// The blobs of these digests that are stored. What is missing or altered is told once, by the look at all blobs.
async fn stored_blobs<N: Inspection>(
    db: &mut N,
    named: &[BlobDigest],
) -> Result<Vec<Blob>, StoreFailure> {
    let mut blobs = Vec::with_capacity(named.len());
    for digest in named {
        let stored = db.blob(digest).await.map_err(N::explain)?;
        blobs.extend(stored.and_then(|bytes| Blob::new(bytes).ok()));
    }
    Ok(blobs)
}

fn of_rules(error: &ReplayError) -> Finding {
    of_leaf(checks::RULES, error.index, error.fault.to_string())
}

/// About a leaf whose entry is named later.
pub(super) fn of_leaf(check: &'static str, leaf: u64, what: String) -> Finding {
    Finding {
        check,
        leaf: Some(leaf),
        entry: None,
        what,
    }
}

/// Leaves of one page, which are larger than other rows.
const LEAVES: u32 = 256;
