//! Paths of the person's notes under an anchor, from the copy's rows.
//!
//! Notes are read one bucket of 2^16 at a time (2 MiB), never all of them. Each bucket is hashed at most
//! once for all notes of a command. The root of a complete bucket never changes, so a wallet that keeps
//! these roots hashes only its own buckets and the last one. Nobody is asked, so nobody learns which note
//! is meant.

use std::fmt;

use merits_ledger::{State, rows::RowError, state::Anchor};
use merits_primitives::{
    Fr,
    note::NoteCommitment,
    note_tree::{BUCKET, BUCKET_DEPTH, BucketRoot, DEPTH, NotePath, empty, root_of_buckets},
    poseidon, tags,
};

use crate::spend_error::SpendError;

/// The notes of the ledger, in order.
pub(crate) trait NoteRows {
    /// At most `count` notes, beginning with index `first`.
    fn notes(&self, first: u64, count: usize) -> Result<Vec<NoteCommitment>, RowError>;
}

impl NoteRows for State {
    fn notes(&self, first: u64, count: usize) -> Result<Vec<NoteCommitment>, RowError> {
        self.notes().leaves(first, count)
    }
}

/// The part of the note tree that an anchor covers.
pub(crate) struct NotePaths<'a> {
    rows: &'a dyn NoteRows,
    /// Roots of complete buckets, from the first bucket on.
    complete: Vec<BucketRoot>,
    /// The tree above the buckets, under this anchor.
    above: Option<(Anchor, Levels)>,
    /// The buckets that were hashed last.
    hashed: Vec<Bucket>,
}

impl fmt::Debug for NotePaths<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotePaths").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Bucket {
    index: u64,
    /// Notes of it that were hashed: fewer than 2^16 in the last bucket.
    size: u64,
    levels: Levels,
}

impl<'a> NotePaths<'a> {
    /// With the roots of complete buckets that are known from before; they are checked before use.
    pub(crate) fn new(rows: &'a dyn NoteRows, complete: Vec<BucketRoot>) -> Self {
        Self {
            rows,
            complete,
            above: None,
            hashed: Vec::new(),
        }
    }

    /// Roots of the complete buckets that are known now.
    pub(crate) fn complete(&self) -> &[BucketRoot] {
        &self.complete
    }

    /// The path of the note with this index under an anchor.
    ///
    /// # Errors
    /// [`SpendError::OtherView`] if the rows do not lead to the anchor, or it does not cover the note;
    /// [`SpendError::Rows`].
    pub(crate) fn path(&mut self, index: u64, anchor: &Anchor) -> Result<NotePath, SpendError> {
        if index >= anchor.size {
            return Err(SpendError::OtherView);
        }
        let (bucket, within) = (index / BUCKET, index % BUCKET);
        let high = self.above(anchor)?.siblings(bucket);
        let low = self.bucket(bucket, anchor.size)?.siblings(within);
        let mut siblings = [[Fr::from(0u64); 3]; DEPTH];
        for (slot, step) in siblings.iter_mut().zip(low.into_iter().chain(high)) {
            *slot = step;
        }
        Ok(NotePath { index, siblings })
    }

    fn above(&mut self, anchor: &Anchor) -> Result<&Levels, SpendError> {
        if self.above.as_ref().is_none_or(|(of, _)| of != anchor) {
            let known = !self.complete.is_empty();
            let mut roots = self.roots(anchor.size)?;
            if root_of_buckets(&roots) != anchor.root && known {
                // Roots that were given are not of this tree.
                self.complete.clear();
                roots = self.roots(anchor.size)?;
            }
            if root_of_buckets(&roots) != anchor.root {
                return Err(SpendError::OtherView);
            }
            let roots = roots.into_iter().map(|root| root.0).collect();
            self.above = Some((*anchor, Levels::new(roots, BUCKET_DEPTH, DEPTH)));
        }
        match &self.above {
            Some((_, levels)) => Ok(levels),
            None => Err(SpendError::OtherView),
        }
    }

    /// Roots of all buckets of a tree of this size.
    fn roots(&mut self, size: u64) -> Result<Vec<BucketRoot>, SpendError> {
        let whole = size / BUCKET;
        for bucket in self.complete.len() as u64..whole {
            let root = self.bucket(bucket, size)?.root();
            self.complete.push(BucketRoot(root));
        }
        // An older anchor has fewer buckets.
        let count = usize::try_from(whole).unwrap_or(usize::MAX);
        let mut roots: Vec<BucketRoot> = self.complete.iter().take(count).copied().collect();
        if !size.is_multiple_of(BUCKET) {
            roots.push(BucketRoot(self.bucket(whole, size)?.root()));
        }
        Ok(roots)
    }

    /// A bucket of the tree of `size` notes, hashed.
    fn bucket(&mut self, index: u64, size: u64) -> Result<&Levels, SpendError> {
        let notes = size.saturating_sub(index * BUCKET).min(BUCKET);
        let found =
            (self.hashed.iter()).position(|bucket| (bucket.index, bucket.size) == (index, notes));
        let at = match found {
            Some(at) => at,
            None => {
                let count = usize::try_from(notes).unwrap_or(usize::MAX);
                let leaves = self.rows.notes(index * BUCKET, count)?;
                if leaves.len() != count {
                    return Err(SpendError::OtherView);
                }
                if self.hashed.len() == MOST_HASHED {
                    self.hashed.remove(0);
                }
                let leaves = leaves.iter().map(|NoteCommitment(leaf)| *leaf).collect();
                self.hashed.push(Bucket {
                    index,
                    size: notes,
                    levels: Levels::new(leaves, 0, BUCKET_DEPTH),
                });
                self.hashed.len() - 1
            }
        };
        let bucket = self.hashed.get(at).ok_or(SpendError::OtherView)?;
        Ok(&bucket.levels)
    }
}

/// All nodes of a subtree, from its lowest level up.
#[derive(Debug)]
struct Levels {
    /// Level of the lowest nodes in the whole tree.
    from: usize,
    /// Nodes by level, the root last. Absent nodes are empty subtrees.
    nodes: Vec<Vec<Fr>>,
}

impl Levels {
    fn new(lowest: Vec<Fr>, from: usize, to: usize) -> Self {
        let mut nodes = vec![lowest];
        for level in from..to {
            let below = nodes.last().map(Vec::as_slice).unwrap_or_default();
            let families: Vec<[Fr; 4]> = (below.chunks(4))
                .map(|family| {
                    std::array::from_fn(|at| {
                        family.get(at).copied().unwrap_or_else(|| empty(level))
                    })
                })
                .collect();
            nodes.push(poseidon::hash_each(tags::NODE, &families));
        }
        Self { from, nodes }
    }

    fn root(&self) -> Fr {
        let top = self.nodes.last().and_then(|top| top.first()).copied();
        top.unwrap_or_else(|| empty(self.from + self.nodes.len() - 1))
    }

    /// Siblings of the lowest node at `at` on its way to the root.
    fn siblings(&self, at: u64) -> Vec<[Fr; 3]> {
        let below_root = self.nodes.len() - 1;
        let levels = self.nodes.iter().take(below_root).enumerate();
        levels
            .map(|(height, nodes)| {
                let place = at >> (2 * height);
                let node = |at: u64| {
                    let node = usize::try_from(at).ok().and_then(|at| nodes.get(at));
                    node.copied().unwrap_or_else(|| empty(self.from + height))
                };
                let first = place & !3;
                let mut others = (first..first + 4).filter(|other| *other != place);
                std::array::from_fn(|_| others.next().map_or_else(|| empty(0), node))
            })
            .collect()
    }
}

/// Hashed buckets that are in memory at a time: 2.7 MiB each.
const MOST_HASHED: usize = 8;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use merits_primitives::note_tree::{self, NoteFrontier, bucket_root};

    use super::*;

    struct Told<F>(F);

    impl<F: Fn(u64, usize) -> Vec<NoteCommitment>> NoteRows for Told<F> {
        fn notes(&self, first: u64, count: usize) -> Result<Vec<NoteCommitment>, RowError> {
            Ok(self.0(first, count))
        }
    }

    /// Two complete buckets, and one of 70 notes.
    const SIZE: u64 = 2 * BUCKET + 70;

    fn tree() -> (Vec<NoteCommitment>, Anchor) {
        let notes = (0..SIZE).map(|at| NoteCommitment(Fr::from(at * at + 3)));
        let notes: Vec<NoteCommitment> = notes.collect();
        let mut frontier = NoteFrontier::new();
        let ahead = frontier.ahead(notes.iter().copied());
        assert!((notes.iter()).all(|note| frontier.push_ahead(*note, &ahead)));
        let root = frontier.root();
        (notes, Anchor { size: SIZE, root })
    }

    #[test]
    fn each_bucket_is_hashed_once_for_all_notes_of_a_command() {
        let (notes, anchor) = tree();
        let read = RefCell::new(Vec::new());
        let rows = Told(|first: u64, count: usize| {
            read.borrow_mut().push((first / BUCKET, count));
            let from = usize::try_from(first).expect("an index");
            notes[from..][..count].to_vec()
        });
        let whole = usize::try_from(BUCKET).expect("a count");
        let mut paths = NotePaths::new(&rows, Vec::new());
        let roots: Vec<BucketRoot> = notes.chunks(whole).map(bucket_root).collect();
        for index in [
            0,
            5,
            BUCKET - 1,
            BUCKET,
            2 * BUCKET - 2,
            2 * BUCKET,
            SIZE - 1,
        ] {
            let path = paths.path(index, &anchor).expect("a path");
            let at = usize::try_from(index).expect("an index");
            let own = notes.chunks(whole).nth(at / whole).expect("a bucket");
            assert_eq!(Some(&path), note_tree::path(index, own, &roots).as_ref());
            assert_eq!(path.root(notes[at]), anchor.root);
        }
        assert_eq!(read.take(), [(0, whole), (1, whole), (2, 70)]);
        assert_eq!(paths.complete(), &roots[..2]);
        assert!(matches!(
            paths.path(SIZE, &anchor),
            Err(SpendError::OtherView)
        ));

        // With known roots, only the bucket of the note and the last one are read.
        let mut paths = NotePaths::new(&rows, roots[..2].to_vec());
        let path = paths.path(7, &anchor).expect("a path");
        assert_eq!(path.root(notes[7]), anchor.root);
        assert_eq!(read.take(), [(2, 70), (0, whole)]);

        // Wrong ones are not believed.
        let wrong = vec![roots[1], roots[0]];
        let mut paths = NotePaths::new(&rows, wrong);
        let path = paths.path(7, &anchor).expect("a path");
        assert_eq!(path.root(notes[7]), anchor.root);
        assert_eq!(paths.complete(), &roots[..2]);
    }

    #[test]
    fn rows_that_do_not_lead_to_the_anchor_give_no_path() {
        let (notes, anchor) = tree();
        let altered = Told(|first: u64, count: usize| {
            let from = usize::try_from(first).expect("an index");
            let mut leaves = notes[from..][..count].to_vec();
            leaves[0] = NoteCommitment(Fr::from(1u64));
            leaves
        });
        let mut paths = NotePaths::new(&altered, Vec::new());
        assert!(matches!(paths.path(7, &anchor), Err(SpendError::OtherView)));
        let cut = Told(|_: u64, count: usize| notes[..count - 1].to_vec());
        let mut paths = NotePaths::new(&cut, Vec::new());
        assert!(matches!(paths.path(7, &anchor), Err(SpendError::OtherView)));
    }
}
