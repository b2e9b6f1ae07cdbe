//! Building the log's Merkle tree (RFC 6962, section 2.1) over stored hashes.
//!
//! The stored hashes are those of leaves (level 0) and of all complete subtrees: [`Node`] {level,
//! index} covers leaves index·2^level up to (index + 1)·2^level. They never change, and there are
//! fewer than two for each leaf, so a table keyed by (level, index) can hold them. The nodes at the
//! ragged right edge are computed from them. [`Frontier`] appends without reading anything.

use std::collections::HashMap;

use merits_verifier::log::{Hash, empty_root, node_hash};
use thiserror::Error;

/// A complete subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// log2 of the leaves it covers.
    pub level: u8,
    /// Its index among the subtrees of its level, from the left.
    pub index: u64,
}

/// Reads stored hashes.
pub trait HashReader {
    /// The store's error.
    type Error: std::error::Error;

    /// The hash of a complete subtree, `None` when it is not stored.
    ///
    /// # Errors
    /// The store's own.
    fn read(&self, node: Node) -> Result<Option<Hash>, Self::Error>;
}

impl HashReader for HashMap<Node, Hash> {
    type Error = std::convert::Infallible;

    fn read(&self, node: Node) -> Result<Option<Hash>, Self::Error> {
        Ok(self.get(&node).copied())
    }
}

/// Why a proof cannot be built. The store is to blame, or the caller if the sizes do not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TreeError<E: std::error::Error> {
    /// The store failed.
    #[error("tree storage: {0}")]
    Store(E),
    /// A complete subtree's hash is not stored: the store is damaged; run fsck.
    #[error("the hash of subtree {}:{} is missing from the store; run fsck", .0.level, .0.index)]
    Missing(Node),
    /// An index or size outside the tree.
    #[error("{what} {found} is outside a tree of {size} leaves")]
    Outside {
        /// The requested item.
        what: &'static str,
        /// The number.
        found: u64,
        /// Leaves of the tree.
        size: u64,
    },
}

/// The roots of the complete subtrees that make up a tree, largest first. Appending and the root
/// need nothing else (a compact range from 0).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// One for each set bit of `size`, from the highest.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the frontier of a stored tree.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn load<R: HashReader>(reader: &R, size: u64) -> Result<Self, TreeError<R::Error>> {
        let peaks = peaks(size)
            .map(|node| fetch(reader, node))
            .collect::<Result<_, _>>()?;
        Ok(Self { size, peaks })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf and returns the nodes to store, the leaf's own first.
    pub fn push(&mut self, leaf: Hash) -> Vec<(Node, Hash)> {
        let mut nodes = vec![(
            Node {
                level: 0,
                index: self.size,
            },
            leaf,
        )];
        let (mut hash, mut level, mut index) = (leaf, 0u8, self.size);
        // A left sibling waits among the peaks for each trailing one of the index.
        while index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            level += 1;
            index >>= 1;
            nodes.push((Node { level, index }, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        nodes
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// The root of the tree of `size` leaves.
///
/// # Errors
/// [`TreeError`].
pub fn root<R: HashReader>(reader: &R, size: u64) -> Result<Hash, TreeError<R::Error>> {
    Ok(Frontier::load(reader, size)?.root())
}

/// The inclusion proof of leaf `index` in the tree of `size` leaves, from the leaf upwards.
///
/// # Errors
/// [`TreeError`].
pub fn inclusion_proof<R: HashReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, TreeError<R::Error>> {
    if index >= size {
        return Err(TreeError::Outside {
            what: "leaf",
            found: index,
            size,
        });
    }
    inclusion_ranges(index, size)
        .into_iter()
        .map(|range| hash_range(reader, range))
        .collect()
}

/// The consistency proof between the trees of `old` and `new` leaves.
///
/// # Errors
/// [`TreeError`].
pub fn consistency_proof<R: HashReader>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, TreeError<R::Error>> {
    if old > new {
        return Err(TreeError::Outside {
            what: "earlier size",
            found: old,
            size: new,
        });
    }
    consistency_ranges(old, new)
        .into_iter()
        .map(|range| hash_range(reader, range))
        .collect()
}

/// The nodes that [`inclusion_proof`] reads, for stores that fetch them first (into a `HashMap`).
pub fn inclusion_nodes(index: u64, size: u64) -> Vec<Node> {
    if index >= size {
        return Vec::new();
    }
    inclusion_ranges(index, size)
        .into_iter()
        .flat_map(range_nodes)
        .collect()
}

/// The nodes that [`consistency_proof`] reads.
pub fn consistency_nodes(old: u64, new: u64) -> Vec<Node> {
    consistency_ranges(old, new)
        .into_iter()
        .flat_map(range_nodes)
        .collect()
}

/// The nodes that [`Frontier::load`] and [`root`] read.
pub fn frontier_nodes(size: u64) -> Vec<Node> {
    peaks(size).collect()
}

/// Leaves start..end: a subtree of RFC 6962's recursion. Its start is a multiple of the power
/// of two that covers it.
#[derive(Debug, Clone, Copy)]
struct Range {
    start: u64,
    end: u64,
}

/// PATH(m, D[n]), siblings from the leaf upwards.
fn inclusion_ranges(index: u64, size: u64) -> Vec<Range> {
    let mut path = Vec::new();
    let mut tree = Range {
        start: 0,
        end: size,
    };
    while tree.end - tree.start > 1 {
        let middle = split(tree);
        let (left, right) = (
            Range {
                start: tree.start,
                end: middle,
            },
            Range {
                start: middle,
                end: tree.end,
            },
        );
        let (inside, sibling) = if index < middle {
            (left, right)
        } else {
            (right, left)
        };
        path.push(sibling);
        tree = inside;
    }
    path.reverse();
    path
}

/// PROOF(m, D[n]) by SUBPROOF.
fn consistency_ranges(old: u64, new: u64) -> Vec<Range> {
    if old == 0 || old >= new {
        return Vec::new();
    }
    let mut path = Vec::new();
    let mut tree = Range { start: 0, end: new };
    while tree.end > old {
        let middle = split(tree);
        let (left, right) = (
            Range {
                start: tree.start,
                end: middle,
            },
            Range {
                start: middle,
                end: tree.end,
            },
        );
        if old <= middle {
            path.push(right);
            tree = left;
        } else {
            path.push(left);
            tree = right;
        }
    }
    // The old tree itself is omitted if the caller already knows its root.
    if tree.start != 0 {
        path.push(tree);
    }
    path.reverse();
    path
}

/// Start of the right half: the largest power of two below the size, from the start.
fn split(tree: Range) -> u64 {
    // Callers split trees of two leaves or more.
    let last = (tree.end - tree.start).saturating_sub(1).max(1);
    tree.start + (1 << last.ilog2())
}

fn hash_range<R: HashReader>(reader: &R, range: Range) -> Result<Hash, TreeError<R::Error>> {
    let mut nodes = range_nodes(range).into_iter().rev();
    let Some(last) = nodes.next() else {
        return Ok(empty_root());
    };
    let mut hash = fetch(reader, last)?;
    for node in nodes {
        hash = node_hash(&fetch(reader, node)?, &hash);
    }
    Ok(hash)
}

/// The complete subtrees of a range, from the left, largest first.
fn range_nodes(range: Range) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let level = (range.end - start).ilog2();
        nodes.push(Node {
            level: level as u8,
            index: start >> level,
        });
        start += 1 << level;
    }
    nodes
}

fn peaks(size: u64) -> impl Iterator<Item = Node> {
    range_nodes(Range {
        start: 0,
        end: size,
    })
    .into_iter()
}

fn fetch<R: HashReader>(reader: &R, node: Node) -> Result<Hash, TreeError<R::Error>> {
    reader
        .read(node)
        .map_err(TreeError::Store)?
        .ok_or(TreeError::Missing(node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_verifier::log::{leaf_hash, verify_consistency, verify_inclusion};

    fn grown(size: u64) -> (HashMap<Node, Hash>, Vec<Hash>) {
        let mut nodes = HashMap::new();
        let mut frontier = Frontier::new();
        let mut roots = vec![frontier.root()];
        for index in 0..size {
            nodes.extend(frontier.push(leaf_hash(&index.to_le_bytes())));
            roots.push(frontier.root());
        }
        (nodes, roots)
    }

    /// MTH of RFC 6962, straight from its definition.
    fn definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let k = (leaves.len() - 1).ilog2();
                let (left, right) = leaves.split_at(1 << k);
                node_hash(&definition(left), &definition(right))
            }
        }
    }

    #[test]
    fn roots_are_rfc_6962s() {
        let (nodes, roots) = grown(70);
        let leaves: Vec<Hash> = (0..70u64).map(|i| leaf_hash(&i.to_le_bytes())).collect();
        for (size, expected) in roots.iter().enumerate() {
            assert_eq!(definition(&leaves[..size]), *expected);
            assert_eq!(root(&nodes, size as u64).as_ref(), Ok(expected));
        }
    }

    #[test]
    fn every_inclusion_and_consistency_proof_verifies_and_no_other_does() {
        let (nodes, roots) = grown(40);
        for size in 1..=40u64 {
            let tree_root = roots[size as usize];
            for index in 0..size {
                let leaf = leaf_hash(&index.to_le_bytes());
                let proof = inclusion_proof(&nodes, index, size).expect("all nodes are there");
                assert_eq!(
                    verify_inclusion(&leaf, index, size, &proof, &tree_root),
                    Ok(())
                );
                for wrong in (0..size).filter(|wrong| *wrong != index) {
                    assert!(verify_inclusion(&leaf, wrong, size, &proof, &tree_root).is_err());
                }
                let mut longer = proof.clone();
                longer.push(leaf);
                assert!(verify_inclusion(&leaf, index, size, &longer, &tree_root).is_err());
            }
            for old in 0..=size {
                let old_root = roots[old as usize];
                let proof = consistency_proof(&nodes, old, size).expect("all nodes are there");
                assert_eq!(
                    verify_consistency(old, &old_root, size, &tree_root, &proof),
                    Ok(())
                );
                if old > 0 {
                    let forged = leaf_hash(b"another history");
                    assert!(verify_consistency(old, &forged, size, &tree_root, &proof).is_err());
                    assert!(verify_consistency(old, &old_root, size, &forged, &proof).is_err());
                }
            }
        }
    }

    #[test]
    fn planned_nodes_are_enough() {
        let (nodes, _) = grown(37);
        let only = |wanted: Vec<Node>| -> HashMap<Node, Hash> {
            wanted
                .into_iter()
                .map(|node| (node, nodes[&node]))
                .collect()
        };
        for index in 0..37 {
            let some = only(inclusion_nodes(index, 37));
            assert_eq!(
                inclusion_proof(&some, index, 37),
                inclusion_proof(&nodes, index, 37)
            );
        }
        for old in 0..=37 {
            let some = only(consistency_nodes(old, 37));
            assert_eq!(
                consistency_proof(&some, old, 37),
                consistency_proof(&nodes, old, 37)
            );
        }
        assert_eq!(root(&only(frontier_nodes(37)), 37), root(&nodes, 37));
    }

    #[test]
    fn a_missing_node_is_named() {
        let (mut nodes, _) = grown(8);
        nodes.remove(&Node { level: 2, index: 1 });
        assert_eq!(
            inclusion_proof(&nodes, 0, 8),
            Err(TreeError::Missing(Node { level: 2, index: 1 }))
        );
    }
}
