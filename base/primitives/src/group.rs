//! The group of registered people: a LeanIMT with Pos2 nodes, as in Semaphore v4.
//!
//! A node without a right sibling is passed up unchanged, so the tree is only as deep as its size
//! requires. A retired person's leaf becomes 0 and keeps its position.

use alloc::{vec, vec::Vec};

use thiserror::Error;

use crate::{Fr, element::public_element, identity::IdentityLeaf, poseidon::pos2};

public_element! {
    /// Root of the group of registered people between two changes of the group.
    GroupRoot
}

/// Deepest tree that statements take: 2^32 leaves.
pub const MAX_DEPTH: usize = 32;

/// Why a group refuses a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GroupError {
    /// Depth 33 would be needed.
    #[error("the group is full: it has 2^32 leaves")]
    Full,
    /// No such leaf.
    #[error("the group has {size} leaves; there is none at {index}")]
    NoLeaf {
        /// The requested index.
        index: u64,
        /// Leaves.
        size: u64,
    },
}

/// One level of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The other child.
    pub sibling: Fr,
    /// True when the node on the path is the right child.
    pub is_right: bool,
}

/// A leaf's path to the root: one element for each level, `None` if the node is passed up alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPath {
    /// From the leaf up, one for each level of the tree.
    pub steps: Vec<Option<Step>>,
}

impl GroupPath {
    /// The root that the path leads to.
    pub fn root(&self, leaf: IdentityLeaf) -> GroupRoot {
        GroupRoot(self.steps.iter().fold(leaf.0, |node, step| match step {
            None => node,
            Some(step) if step.is_right => pos2(step.sibling, node),
            Some(step) => pos2(node, step.sibling),
        }))
    }
}

/// A node's position in a stored tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePosition {
    /// 0 for leaves.
    pub level: u8,
    /// From the left.
    pub index: u64,
}

/// Levels above the leaves in a tree of `size` leaves.
pub fn depth(size: u64) -> u8 {
    let mut depth = 0;
    while width(size, depth) > 1 {
        depth += 1;
    }
    depth
}

/// Nodes of a level in a tree of `size` leaves.
fn width(size: u64, level: u8) -> u64 {
    size.div_ceil(1 << level)
}

/// The nodes beside the path of leaf `at` in a tree of `size` leaves, from the leaf up; `None` if a
/// node is passed up alone. [`ancestors`] and [`path`] read these nodes.
pub fn siblings(size: u64, at: u64) -> impl Iterator<Item = Option<NodePosition>> {
    (0..depth(size)).map(move |level| {
        let index = at >> level ^ 1;
        (index < width(size, level)).then_some(NodePosition { level, index })
    })
}

/// Computes the leaf `at` of a tree of `size` leaves and all nodes above it again: from the leaf
/// up, the root last. `node` reads the stored siblings.
///
/// # Errors
/// Those of `node`.
pub fn ancestors<E>(
    size: u64,
    at: u64,
    leaf: IdentityLeaf,
    mut node: impl FnMut(NodePosition) -> Result<Fr, E>,
) -> Result<Vec<(NodePosition, Fr)>, E> {
    let mut rising = leaf.0;
    let mut nodes = vec![(
        NodePosition {
            level: 0,
            index: at,
        },
        rising,
    )];
    for (level, sibling) in (1..).zip(siblings(size, at)) {
        if let Some(place) = sibling {
            let other = node(place)?;
            rising = if place.index & 1 == 0 {
                pos2(other, rising)
            } else {
                pos2(rising, other)
            };
        }
        let index = at >> level;
        nodes.push((NodePosition { level, index }, rising));
    }
    Ok(nodes)
}

/// The path of leaf `at` in a stored tree of `size` leaves.
///
/// # Errors
/// Those of `node`, which reads the stored siblings.
pub fn path<E>(
    size: u64,
    at: u64,
    mut node: impl FnMut(NodePosition) -> Result<Fr, E>,
) -> Result<GroupPath, E> {
    let steps = siblings(size, at)
        .map(|place| {
            place
                .map(|place| {
                    Ok(Step {
                        sibling: node(place)?,
                        is_right: place.index & 1 == 0,
                    })
                })
                .transpose()
        })
        .collect::<Result<_, E>>()?;
    Ok(GroupPath { steps })
}

/// The whole tree, at 64 bytes for each leaf.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    leaves: Vec<IdentityLeaf>,
    /// The first level holds the leaves' parents, each next level the parents of the one before, and
    /// the last level only the root. A single leaf is its own root and has no level above it.
    above: Vec<Vec<Fr>>,
}

impl Group {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of leaves, including retired ones.
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The leaves, in the order of registration.
    pub fn leaves(&self) -> &[IdentityLeaf] {
        &self.leaves
    }

    /// The root; `None` for an empty group.
    pub fn root(&self) -> Option<GroupRoot> {
        self.node(self.above.len(), 0).map(GroupRoot)
    }

    /// Appends a leaf and returns its index.
    ///
    /// # Errors
    /// [`GroupError::Full`].
    pub fn push(&mut self, leaf: IdentityLeaf) -> Result<u64, GroupError> {
        let index = self.size();
        if index >> MAX_DEPTH != 0 {
            return Err(GroupError::Full);
        }
        self.leaves.push(leaf);
        self.rise(self.leaves.len() - 1);
        Ok(index)
    }

    /// Replaces a leaf.
    ///
    /// # Errors
    /// [`GroupError::NoLeaf`].
    pub fn update(&mut self, index: u64, leaf: IdentityLeaf) -> Result<(), GroupError> {
        let size = self.size();
        let at = usize::try_from(index)
            .ok()
            .filter(|_| index < size)
            .ok_or(GroupError::NoLeaf { index, size })?;
        self.leaves[at] = leaf;
        self.rise(at);
        Ok(())
    }

    /// The path of a leaf under the current root.
    ///
    /// # Errors
    /// [`GroupError::NoLeaf`].
    pub fn path(&self, index: u64) -> Result<GroupPath, GroupError> {
        let size = self.size();
        let mut at = usize::try_from(index)
            .ok()
            .filter(|_| index < size)
            .ok_or(GroupError::NoLeaf { index, size })?;
        let mut steps = Vec::with_capacity(self.above.len());
        for level in 0..self.above.len() {
            steps.push(self.node(level, at ^ 1).map(|sibling| Step {
                sibling,
                is_right: at & 1 == 1,
            }));
            at >>= 1;
        }
        Ok(GroupPath { steps })
    }

    /// A node: of level 0 it is a leaf.
    fn node(&self, level: usize, at: usize) -> Option<Fr> {
        match level.checked_sub(1) {
            None => self.leaves.get(at).map(|leaf| leaf.0),
            Some(above) => self.above.get(above)?.get(at).copied(),
        }
    }

    /// Computes the parents of a changed leaf again.
    fn rise(&mut self, mut at: usize) {
        for level in 0..usize::from(depth(self.size())) {
            let Some(left) = self.node(level, at & !1) else {
                return;
            };
            let right = self.node(level, at | 1);
            let parent = right.map_or(left, |right| pos2(left, right));
            at >>= 1;
            if self.above.len() == level {
                self.above.push(Vec::new());
            }
            match self.above[level].get_mut(at) {
                Some(node) => *node = parent,
                None => self.above[level].push(parent),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(number: u64) -> IdentityLeaf {
        IdentityLeaf(Fr::from(number))
    }

    fn direct(leaves: &[IdentityLeaf]) -> Fr {
        let mut level: Vec<Fr> = leaves.iter().map(|leaf| leaf.0).collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => pos2(*left, *right),
                    alone => alone[0],
                })
                .collect();
        }
        level[0]
    }

    /// Roots of `@semaphore-protocol/group` 4.14: `new Group([1n, 2n, 3n])` after
    /// `removeMember(1)`, and `new Group([1n, 3n])`. A removed member leaves a zero.
    #[test]
    fn the_zeros_of_who_left_belong_to_the_root() {
        use std::str::FromStr as _;
        let root = |digits: &str| Fr::from_str(digits).ok().map(GroupRoot);
        let of = |leaves: [u64; 3]| {
            let mut group = Group::new();
            for leaf in leaves {
                group.push(numbered(leaf)).expect("room");
            }
            group
        };
        let mut group = of([1, 2, 3]);
        group.update(1, IdentityLeaf::RETIRED).expect("a leaf");
        let left =
            root("12939351148439286594095646211748194464721892567872607149920319543512426040882");
        assert_eq!(group.root(), left);
        assert_eq!(of([1, 0, 3]).root(), left);
        let never =
            root("21106761926285267690763443010820487107972411248208546226053195422384279971821");
        assert_eq!(
            direct(&[numbered(1), numbered(3)]),
            never.expect("digits").0
        );
        assert_ne!(left, never);
        assert!(left.is_some());
    }

    /// A tree whose nodes are stored one by one equals the tree in memory.
    #[test]
    fn a_stored_tree_is_the_whole_one() {
        use std::collections::HashMap;
        let mut group = Group::new();
        let mut stored: HashMap<NodePosition, Fr> = HashMap::new();
        let missing = |place: NodePosition| format!("{place:?} was never stored");
        let change = |stored: &mut HashMap<NodePosition, Fr>, size, at, leaf| {
            let read = |place| stored.get(&place).copied().ok_or(missing(place));
            let nodes = ancestors(size, at, leaf, read).expect("all siblings are there");
            let root = nodes.last().expect("the leaf at least").1;
            stored.extend(nodes);
            root
        };
        for size in 1..=40u64 {
            let leaf = numbered(size * 3 + 1);
            group.push(leaf).expect("room");
            let root = change(&mut stored, size, size - 1, leaf);
            assert_eq!(Some(GroupRoot(root)), group.root());
            if size % 3 == 0 {
                let at = size / 2;
                let retired = IdentityLeaf::RETIRED;
                group.update(at, retired).expect("a leaf");
                let root = change(&mut stored, size, at, retired);
                assert_eq!(Some(GroupRoot(root)), group.root());
            }
            for at in 0..size {
                let read = |place| stored.get(&place).copied().ok_or(missing(place));
                assert_eq!(path(size, at, read), Ok(group.path(at).expect("a leaf")));
            }
        }
    }

    #[test]
    fn every_path_of_every_size_leads_to_the_root() {
        let mut group = Group::new();
        assert_eq!(group.root(), None);
        let mut leaves = Vec::new();
        for i in 0..20u64 {
            let leaf = numbered(1000 + i);
            leaves.push(leaf);
            assert_eq!(group.push(leaf), Ok(i));
            assert_eq!(group.root(), Some(GroupRoot(direct(&leaves))));
            for (at, leaf) in (0u64..).zip(&leaves) {
                let path = group.path(at).unwrap();
                assert_eq!(path.root(*leaf), group.root().unwrap());
                let other = IdentityLeaf(leaf.0 + Fr::from(1u64));
                assert_ne!(path.root(other), group.root().unwrap());
            }
        }
        for at in [0usize, 7, 19] {
            leaves[at] = IdentityLeaf::RETIRED;
            group.update(at as u64, leaves[at]).unwrap();
            assert_eq!(group.root(), Some(GroupRoot(direct(&leaves))));
        }
        assert!(group.path(20).is_err());
        assert!(group.update(20, IdentityLeaf::RETIRED).is_err());
    }
}
