//! The tree of all notes: 4-ary, of fixed depth 20, filled from the left, empty leaves 0.
//!
//! It only grows, so a note that was under a root is under every later one. A path under an old
//! root proves as much as one under the newest.
//!
//! A wallet that asks for the path of one note reveals which note it owns. So note data is fetched
//! in *buckets*: all 2^16 leaves of an aligned stretch, and the roots of all buckets.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

use once_cell::race::OnceBox;

use crate::{Fr, element::public_element, poseidon, tags};

public_element! {
    /// cm: a note on the ledger, a leaf of the note tree. 0 is an empty leaf and not a note.
    NoteCommitment
}

public_element! {
    /// Root of the note tree, at one moment of its growth.
    NoteRoot
}

public_element! {
    /// A node of the note tree below its root. On the lowest level it is a note commitment.
    NoteNode
}

public_element! {
    /// Root of a bucket: of 2^16 notes, or fewer in the last bucket.
    BucketRoot
}

/// Levels above the leaves.
pub const DEPTH: usize = 20;

/// Most notes: 4^20.
pub const CAPACITY: u64 = 1 << (2 * DEPTH);

/// Levels of a bucket.
pub const BUCKET_DEPTH: usize = 8;

/// Leaves of a bucket: 4^8.
pub const BUCKET: u64 = 1 << (2 * BUCKET_DEPTH);

/// node = P(NODE; c0, c1, c2, c3).
fn node(children: [Fr; 4]) -> Fr {
    poseidon::hash(tags::NODE, &children)
}

/// Root of an empty subtree of this many levels.
///
/// # Panics
/// For more than [`DEPTH`] levels.
pub fn empty(levels: usize) -> Fr {
    static EMPTY: OnceBox<[Fr; DEPTH + 1]> = OnceBox::new();
    let table = EMPTY.get_or_init(|| {
        let mut table = [Fr::from(0u64); DEPTH + 1];
        for level in 0..DEPTH {
            table[level + 1] = node([table[level]; 4]);
        }
        Box::new(table)
    });
    table[levels]
}

/// A leaf's path: at each level the three siblings, in order, and the node's position among the four.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotePath {
    /// The leaf's index. Two bits for each level give the positions.
    pub index: u64,
    /// From the leaf up.
    pub siblings: [[Fr; 3]; DEPTH],
}

impl NotePath {
    /// The path of a dummy note: zeros.
    pub fn dummy() -> Self {
        Self {
            index: 0,
            siblings: [[Fr::from(0u64); 3]; DEPTH],
        }
    }

    /// The node's position among its parent's children, 0 to 3.
    pub fn place(&self, level: usize) -> usize {
        (self.index >> (2 * level) & 3) as usize
    }

    /// The root that the path leads to.
    pub fn root(&self, leaf: NoteCommitment) -> NoteRoot {
        let levels = self.siblings.iter().enumerate();
        NoteRoot(levels.fold(leaf.0, |below, (level, siblings)| {
            let place = self.place(level);
            let mut children = [below; 4];
            let others = (0..4).filter(|at| *at != place);
            for (at, sibling) in others.zip(siblings) {
                children[at] = *sibling;
            }
            node(children)
        }))
    }
}

/// The tree's right edge: the nodes that appending and the root need, at most 60 elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteFrontier {
    size: u64,
    /// At each level, the complete nodes left of the edge whose parent is not complete yet: at most
    /// three.
    waiting: [Vec<Fr>; DEPTH],
}

impl Default for NoteFrontier {
    fn default() -> Self {
        Self {
            size: 0,
            waiting: core::array::from_fn(|_| Vec::with_capacity(3)),
        }
    }
}

impl NoteFrontier {
    /// The frontier of an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of notes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a note. Returns `false` and changes nothing when the tree is full.
    #[must_use]
    pub fn push(&mut self, note: NoteCommitment) -> bool {
        self.push_by(note, node)
    }

    /// As [`NoteFrontier::push`], but reuses nodes that were hashed ahead. The resulting tree is the same for any
    /// of them.
    #[must_use]
    pub fn push_ahead(&mut self, note: NoteCommitment, ahead: &NodesAhead) -> bool {
        self.push_by(note, |children| ahead.node(children))
    }

    /// Hashes the nodes that these notes complete if they come next, level by level, so that many hashes are
    /// computed at a time.
    pub fn ahead(&self, notes: impl IntoIterator<Item = NoteCommitment>) -> NodesAhead {
        let room = usize::try_from(CAPACITY - self.size).unwrap_or(usize::MAX);
        let notes = notes.into_iter().take(room);
        let mut rising: Vec<Fr> = notes.map(|note| note.0).collect();
        let mut ahead = NodesAhead::default();
        for waiting in &self.waiting {
            rising.splice(0..0, waiting.iter().copied());
            let (complete, _) = rising.as_chunks::<4>();
            if complete.is_empty() {
                break;
            }
            let parents = poseidon::hash_each(tags::NODE, complete);
            for (children, parent) in complete.iter().zip(&parents) {
                let known = (*children, *parent);
                ahead.parents.insert(NodesAhead::key(children), known);
            }
            rising = parents;
        }
        ahead
    }

    fn push_by(&mut self, note: NoteCommitment, node: impl Fn([Fr; 4]) -> Fr) -> bool {
        if self.size == CAPACITY {
            return false;
        }
        self.size += 1;
        let mut rising = note.0;
        for level in &mut self.waiting {
            let [c0, c1, c2] = level[..] else {
                level.push(rising);
                return true;
            };
            rising = node([c0, c1, c2, rising]);
            level.clear();
        }
        // The tree is full. The root has no parent to wait for, so it is kept as the last level's
        // only child.
        self.waiting[DEPTH - 1].push(rising);
        true
    }

    /// The nodes whose parent is not complete yet, from the lowest level up.
    /// [`NoteFrontier::restore`] needs these and the size.
    pub fn nodes(&self) -> impl Iterator<Item = NoteNode> {
        self.waiting.iter().flatten().copied().map(NoteNode)
    }

    /// The frontier of a tree of `size` notes with these waiting nodes; `None` when their number
    /// does not fit the size.
    pub fn restore(size: u64, nodes: &[NoteNode]) -> Option<Self> {
        if size > CAPACITY {
            return None;
        }
        let mut frontier = Self {
            size,
            ..Self::default()
        };
        let mut rest = nodes;
        for (level, waiting) in frontier.waiting.iter_mut().enumerate() {
            let count = match size {
                CAPACITY => usize::from(level == DEPTH - 1),
                _ => (size >> (2 * level) & 3) as usize,
            };
            let (mine, others) = rest.split_at_checked(count)?;
            waiting.extend(mine.iter().map(|node| node.0));
            rest = others;
        }
        rest.is_empty().then_some(frontier)
    }

    /// The root: one hash for each level.
    pub fn root(&self) -> NoteRoot {
        if self.size == CAPACITY {
            return NoteRoot(self.waiting[DEPTH - 1][0]);
        }
        let mut edge = empty(0);
        for (level, waiting) in self.waiting.iter().enumerate() {
            let mut children = [empty(level); 4];
            children[..waiting.len()].copy_from_slice(waiting);
            children[waiting.len()] = edge;
            edge = node(children);
        }
        NoteRoot(edge)
    }
}

/// Nodes that were hashed before the notes under them are appended ([`NoteFrontier::ahead`]). They are found by
/// their children, so they stay correct if some of the notes are never appended.
#[derive(Debug, Clone, Default)]
pub struct NodesAhead {
    /// Four children and their parent, by a word of the first child.
    parents: BTreeMap<u64, ([Fr; 4], Fr)>,
}

impl NodesAhead {
    fn node(&self, children: [Fr; 4]) -> Fr {
        match self.parents.get(&Self::key(&children)) {
            Some((known, parent)) if *known == children => *parent,
            _ => node(children),
        }
    }

    fn key([first, ..]: &[Fr; 4]) -> u64 {
        first.0.0[0]
    }
}

/// Root of a bucket with these leaves, at most [`BUCKET`] of them.
pub fn bucket_root(leaves: &[NoteCommitment]) -> BucketRoot {
    BucketRoot(levels(leaves, 0).1)
}

/// Path of leaf `index` in the tree whose buckets have these roots, the last of which may be
/// incomplete. `bucket` holds the leaves of the index's bucket in the same tree. `None` when the
/// leaf is not in it, or the bucket's root is not the one given.
pub fn path(
    index: u64,
    bucket: &[NoteCommitment],
    bucket_roots: &[BucketRoot],
) -> Option<NotePath> {
    let place = usize::try_from(index / BUCKET).ok()?;
    let within = usize::try_from(index % BUCKET).ok()?;
    bucket.get(within)?;
    let (low, root) = levels(bucket, within);
    if bucket_roots.get(place)?.0 != root {
        return None;
    }
    let (high, _) = levels_above(bucket_roots, place);
    let mut siblings = [[Fr::from(0u64); 3]; DEPTH];
    for (slot, step) in siblings.iter_mut().zip(low.into_iter().chain(high)) {
        *slot = step;
    }
    Some(NotePath { index, siblings })
}

/// Root of the tree whose buckets have these roots.
pub fn root_of_buckets(bucket_roots: &[BucketRoot]) -> NoteRoot {
    NoteRoot(levels_above(bucket_roots, 0).1)
}

fn levels(leaves: &[NoteCommitment], at: usize) -> (Vec<[Fr; 3]>, Fr) {
    let leaves = leaves.iter().map(|leaf| leaf.0).collect();
    climb(leaves, at, 0, BUCKET_DEPTH)
}

fn levels_above(bucket_roots: &[BucketRoot], at: usize) -> (Vec<[Fr; 3]>, Fr) {
    let roots = bucket_roots.iter().map(|root| root.0).collect();
    climb(roots, at, BUCKET_DEPTH, DEPTH)
}

/// Siblings of the node at `at` on its way from one level to another, and the root there.
fn climb(mut nodes: Vec<Fr>, mut at: usize, from: usize, to: usize) -> (Vec<[Fr; 3]>, Fr) {
    let mut siblings = Vec::with_capacity(to - from);
    for level in from..to {
        let child = |i: usize| nodes.get(i).copied().unwrap_or_else(|| empty(level));
        let first = at & !3;
        let mut others = (first..first + 4).filter(|i| *i != at).map(child);
        siblings.push(core::array::from_fn(|_| {
            others.next().unwrap_or_else(|| empty(level))
        }));
        at >>= 2;
        let families: Vec<[Fr; 4]> = (0..nodes.len().div_ceil(4))
            .map(|parent| core::array::from_fn(|i| child(4 * parent + i)))
            .collect();
        nodes = poseidon::hash_each(tags::NODE, &families);
    }
    let root = nodes.first().copied().unwrap_or_else(|| empty(to));
    (siblings, root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frontier_buckets_and_paths_agree() {
        let mut frontier = NoteFrontier::new();
        assert_eq!(frontier.root(), NoteRoot(empty(DEPTH)));
        assert_eq!(root_of_buckets(&[]), NoteRoot(empty(DEPTH)));
        let mut leaves: Vec<NoteCommitment> = Vec::new();
        for i in 0..70u64 {
            let note = NoteCommitment(Fr::from(i * i + 3));
            leaves.push(note);
            assert!(frontier.push(note));
            let roots = [bucket_root(&leaves)];
            assert_eq!(root_of_buckets(&roots), frontier.root());
            if i % 23 == 0 || i == 69 {
                for at in [0, i / 2, i] {
                    let leaf = leaves[at as usize];
                    let path = path(at, &leaves, &roots).unwrap();
                    assert_eq!(path.root(leaf), frontier.root());
                    let other = NoteCommitment(leaf.0 + Fr::from(1u64));
                    assert_ne!(path.root(other), frontier.root());
                }
            }
        }
        assert_eq!(frontier.size(), 70);
        assert!(path(70, &leaves, &[bucket_root(&leaves)]).is_none());
        assert!(path(0, &leaves, &[bucket_root(&leaves[1..])]).is_none());
    }

    #[test]
    fn nodes_hashed_ahead_make_the_same_tree_for_any_notes() {
        let note = |n: u64| NoteCommitment(Fr::from(n * n + 2));
        for size in [0, 1, 3, 4, 15, 17, 61] {
            let mut start = NoteFrontier::new();
            assert!((0..size).all(|n| start.push(note(n))));
            let ahead = start.ahead((size..size + 90).map(note));
            // Exactly the needed nodes were hashed.
            let nodes = |size: u64| (1..4).map(|level| size >> (2 * level)).sum::<u64>();
            let made = nodes(size + 90) - nodes(size);
            assert_eq!(ahead.parents.len() as u64, made, "after {size}");
            // All notes; without the first, without four, or without one in between; and other notes.
            let skipping = |skipped: core::ops::Range<u64>| {
                (size..size + 90).filter(move |n| !skipped.contains(n))
            };
            let others = size + 200..size + 290;
            let cases = [
                skipping(0..0).collect::<Vec<u64>>(),
                skipping(size..size + 1).collect(),
                skipping(size..size + 4).collect(),
                skipping(size + 30..size + 31).collect(),
                others.collect(),
            ];
            for case in cases {
                let (mut plainly, mut with) = (start.clone(), start.clone());
                for n in case {
                    assert!(plainly.push(note(n)) && with.push_ahead(note(n), &ahead));
                    assert_eq!(plainly, with);
                }
            }
        }
    }

    #[test]
    fn nothing_is_hashed_ahead_of_a_full_tree() {
        let root = Fr::from(7u64);
        let full = NoteFrontier::restore(CAPACITY, &[NoteNode(root)]).expect("a full tree");
        let notes = [1u64, 2, 3, 4].map(|n| NoteCommitment(Fr::from(n)));
        assert!(full.ahead(notes).parents.is_empty());
        // One place is left, under three nodes a level: the last note completes the root.
        let waiting = [NoteNode(Fr::from(5u64)); 3 * DEPTH];
        let mut last = NoteFrontier::restore(CAPACITY - 1, &waiting).expect("a nearly full tree");
        let ahead = last.ahead(notes);
        let mut plainly = last.clone();
        assert!(plainly.push(notes[0]) && last.push_ahead(notes[0], &ahead));
        assert_eq!(plainly, last);
        assert!(!last.push_ahead(notes[1], &ahead));
    }

    #[test]
    fn a_frontier_is_restored_from_its_nodes() {
        let mut frontier = NoteFrontier::new();
        for i in 0..90u64 {
            let nodes: Vec<NoteNode> = frontier.nodes().collect();
            let restored = NoteFrontier::restore(i, &nodes);
            assert_eq!(restored.as_ref(), Some(&frontier));
            assert_eq!(NoteFrontier::restore(i + 1, &nodes), None);
            assert!(frontier.push(NoteCommitment(Fr::from(i + 5))));
        }
        assert_eq!(NoteFrontier::restore(CAPACITY + 1, &[]), None);
        assert_eq!(NoteFrontier::restore(CAPACITY, &[]), None);
        let root = Fr::from(7u64);
        let full = NoteFrontier::restore(CAPACITY, &[NoteNode(root)]).expect("a full tree");
        assert_eq!(full.root(), NoteRoot(root));
    }

    #[test]
    fn paths_cross_buckets() {
        let own = [9u64, 8].map(|note| NoteCommitment(Fr::from(note)));
        let others = (1..=6u64).map(|root| BucketRoot(Fr::from(root)));
        let roots_with_own: Vec<BucketRoot> = others.chain([bucket_root(&own)]).collect();
        let path = path(6 * BUCKET + 1, &own, &roots_with_own).unwrap();
        assert_eq!(path.root(own[1]), root_of_buckets(&roots_with_own));
    }
}
