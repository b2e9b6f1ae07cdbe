//! The leaves, replayed by the rules, and the tree that they make.

use std::collections::{BTreeSet, HashMap};

use merits_ledger::{
    Blob, BlobDigest, Replay, State, named_blobs,
    storage::Inspection,
    tree::{Frontier, Node},
};
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Hash, leaf_hash},
};
use rand_core::CryptoRng;

use super::{PAGE, Report};
use crate::{config::Config, error::StartError};

/// Leaves of one page, which are larger than other rows.
const LEAVES: u32 = 256;

/// The results that follow from the leaves.
pub(super) struct FromLeaves {
    pub(super) frontier: Frontier,
    pub(super) nodes: HashMap<Node, Hash>,
    /// Blobs that entries name.
    pub(super) blobs: BTreeSet<BlobDigest>,
    /// Whether the replay ended before a leaf whose blobs are missing or altered.
    pub(super) unfit_blobs: bool,
    /// Nothing if the replay did not reach the end.
    pub(super) state: Option<State>,
}

pub(super) async fn check_leaves<N: Inspection>(
    db: &mut N,
    config: &Config,
    report: &mut Report,
    rng: &mut impl CryptoRng,
) -> Result<FromLeaves, StartError> {
    let mut replay = Some(Replay::new(config.policy()?));
    let mut frontier = Frontier::new();
    let mut nodes = HashMap::new();
    let mut named = BTreeSet::new();
    let mut unfit_blobs = false;
    let mut last = -1i64;
    loop {
        let rows = db.leaves(last, LEAVES).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (index, id, leaf) in rows {
            if index != last + 1 {
                report.find(
                    "leaf",
                    format!("leaves {} to {} are missing", last + 1, index - 1),
                );
                replay = None;
            }
            last = index;
            report.leaves += 1;
            match Leaf::from_bytes(&leaf) {
                Err(error) => report.find("leaf", format!("leaf {index}: {error}")),
                Ok(decoded) if decoded.entry.id().0[..] != id[..] => {
                    report.find(
                        "leaf",
                        format!("leaf {index} is stored under another entry's id"),
                    );
                }
                Ok(_) => {}
            }
            nodes.extend(frontier.push(leaf_hash(&leaf)));
            let mut blobs = Vec::new();
            for digest in named_blobs::named_by(&leaf) {
                named.insert(digest);
                // What is missing or altered is told once, by the look at all blobs.
                let stored = db.blob(&digest).await.map_err(N::explain)?;
                blobs.extend(stored.and_then(|bytes| Blob::new(bytes).ok()));
            }
            if named_blobs::check(&leaf, &blobs).is_err()
                && let Some(mut going) = replay.take()
            {
                // The rules would refuse the leaf, which is not at fault. Those before it are judged; the last of
                // them need not be under a checkpoint, so it may lack a digest.
                unfit_blobs = true;
                if let Err(error) = going.flush(rng) {
                    report.find("rules", error.to_string());
                }
            }
            replay = match replay {
                None => None,
                Some(mut going) => match going.push_with(&leaf, blobs, rng) {
                    Ok(()) => Some(going),
                    Err(error) => {
                        report.find("rules", error.to_string());
                        None
                    }
                },
            };
        }
    }
    let state = match replay {
        None => None,
        Some(going) => match going.finish(rng) {
            Ok((state, _)) => Some(state),
            Err(error) => {
                report.find("rules", error.to_string());
                None
            }
        },
    };
    Ok(FromLeaves {
        frontier,
        nodes,
        blobs: named,
        unfit_blobs,
        state,
    })
}

/// Compares the stored tree nodes with those of the leaves, in both directions.
pub(super) async fn check_nodes<N: Inspection>(
    db: &mut N,
    expected: &HashMap<Node, Hash>,
    report: &mut Report,
) -> Result<(), StartError> {
    let mut at = (-1i64, -1i64);
    loop {
        let rows = db.nodes(at, PAGE).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (level, index, hash) in rows {
            at = (level, index);
            report.nodes += 1;
            let node = u8::try_from(level).ok().map(|level| Node {
                level,
                index: index.cast_unsigned(),
            });
            match node.and_then(|node| expected.get(&node)) {
                None => report.find(
                    "node",
                    format!("{level}:{index} does not belong to any leaves"),
                ),
                Some(known) if known[..] != hash[..] => {
                    report.find(
                        "node",
                        format!("{level}:{index} has a hash that does not follow from its leaves"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    // Rows have distinct keys, and each unknown one was found, so the counts show the rest.
    if report.nodes < expected.len() as u64 {
        let missing = expected.len() as u64 - report.nodes;
        report.find("node", format!("at least {missing} tree nodes are missing"));
    }
    Ok(())
}
