//! The stored nodes of the tree, compared with those of the leaves.

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    storage::{Inspection, StoreFailure},
    tree::Node,
};
use merits_verifier::log::Hash;

use super::{PAGE, checks, leaves::of_leaf};
use crate::report::{Finding, Findings};

/// Compares the stored nodes with those of a tree of `size` leaves, in both directions. Answers how many are stored.
///
/// Of a node whose hash is wrong because a node below it is wrong too, nothing is said.
pub(super) async fn check_nodes<N: Inspection>(
    db: &mut N,
    known: &HashMap<Node, Hash>,
    size: u64,
    findings: &mut Findings,
) -> Result<u64, StoreFailure> {
    let levels = (0u8..63).take_while(|level| size >> level > 0);
    let nodes = levels.flat_map(|level| (0..size >> level).map(move |index| Node { level, index }));
    let mut expected = nodes.peekable();
    let mut wrong = HashSet::new();
    let (mut at, mut count) = ((-1i64, -1i64), 0);
    loop {
        let rows = db.nodes(at, PAGE).await.map_err(N::explain)?;
        if rows.is_empty() {
            break;
        }
        for (level, index, hash) in rows {
            at = (level, index);
            count += 1;
            let extra = || {
                let what = format!("{level}:{index} does not belong to any leaves");
                Finding::of_log(checks::NODE, what)
            };
            let node = u8::try_from(level).ok().zip(u64::try_from(index).ok());
            let Some((level, index)) = node else {
                findings.push(extra());
                continue;
            };
            let node = Node { level, index };
            while let Some(gone) = expected.next_if(|next| *next < node) {
                findings.push(missing(gone));
            }
            if expected.next_if(|next| *next == node).is_none() {
                findings.push(extra());
                continue;
            }
            if known.get(&node).is_some_and(|known| known[..] == hash[..]) {
                continue;
            }
            wrong.insert(node);
            if !has_wrong_child(&wrong, node) {
                findings.push(differs(node));
            }
        }
    }
    for gone in expected {
        findings.push(missing(gone));
    }
    Ok(count)
}

fn has_wrong_child(wrong: &HashSet<Node>, node: Node) -> bool {
    let Some(level) = node.level.checked_sub(1) else {
        return false;
    };
    let left = node.index << 1;
    [left, left + 1]
        .into_iter()
        .any(|index| wrong.contains(&Node { level, index }))
}

fn differs(node: Node) -> Finding {
    let Node { level, index } = node;
    let of = match level {
        0 => "the stored leaf is not the one whose hash the tree has: the leaf or the node was altered".to_owned(),
        _ => format!("the leaves {} have another hash: the node was altered", under(node)),
    };
    of_leaf(
        checks::NODE,
        first(node),
        format!("{level}:{index} has a hash that does not follow from its leaves; {of}"),
    )
}

fn missing(node: Node) -> Finding {
    let Node { level, index } = node;
    let what = format!(
        "the tree node {level}:{index} is missing, over the leaves {}",
        under(node)
    );
    of_leaf(checks::NODE, first(node), what)
}

/// The first leaf under a node.
fn first(node: Node) -> u64 {
    node.index << node.level
}

fn under(node: Node) -> String {
    let first = first(node);
    format!("{first} to {}", first + (1 << node.level) - 1)
}
