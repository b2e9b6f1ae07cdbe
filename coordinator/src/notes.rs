//! All notes in order, for wallets that keep none, and the roots of their buckets.
//!
//! Notes stand in memory beside the published state, 32 bytes each: an entry that makes one costs
//! the log some hundreds of bytes on disk, and the state has a group of people of 64 bytes a person,
//! so this is not what a machine gets full by. Roots are made when they are asked for: of complete
//! buckets once, of the last one once an anchor.

use std::sync::Arc;

use merits_ledger::state::Anchor;
use merits_primitives::{
    Fr,
    note_tree::{BUCKET, bucket_root},
};
use merits_proto::NoteBuckets;

/// The leaves of the note tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoteLeaves {
    /// Each has [`BUCKET`] leaves but the last.
    buckets: Vec<Arc<Vec<Fr>>>,
}

impl NoteLeaves {
    /// Appends notes.
    pub(crate) fn extend(&mut self, notes: &[Fr]) {
        for note in notes {
            match self.buckets.last_mut() {
                Some(last) if (last.len() as u64) < BUCKET => Arc::make_mut(last).push(*note),
                _ => self.buckets.push(Arc::new(vec![*note])),
            }
        }
    }

    /// The leaves of a bucket, if it has any.
    pub(crate) fn bucket(&self, index: u32) -> Option<Arc<Vec<Fr>>> {
        let index = usize::try_from(index).ok()?;
        self.buckets.get(index).cloned()
    }

    /// The buckets of the first `size` notes; the last may hold more.
    pub(crate) fn of(&self, size: u64) -> Vec<Arc<Vec<Fr>>> {
        let count = usize::try_from(size.div_ceil(BUCKET)).unwrap_or(usize::MAX);
        self.buckets.iter().take(count).cloned().collect()
    }
}

/// Roots that were made.
#[derive(Debug, Default)]
pub(crate) struct BucketRoots {
    /// Of complete buckets, from the first on.
    complete: Vec<Fr>,
    /// Of the newest anchor.
    answer: Option<NoteBuckets>,
}

impl BucketRoots {
    /// The roots of an anchor's buckets, whose leaves are these; `None` if they lead to another root,
    /// which only a bug can bring about. Makes at most 2^16 / 3 hashes a bucket that is new.
    pub(crate) fn of(&mut self, anchor: &Anchor, buckets: &[Arc<Vec<Fr>>]) -> Option<NoteBuckets> {
        if let Some(answer) = &self.answer
            && answer.size == anchor.size
        {
            return Some(answer.clone());
        }
        let whole = usize::try_from(anchor.size / BUCKET).ok()?;
        for bucket in buckets.iter().take(whole).skip(self.complete.len()) {
            self.complete.push(bucket_root(bucket));
        }
        let mut roots = self.complete.get(..whole)?.to_vec();
        let rest = usize::try_from(anchor.size % BUCKET).ok()?;
        if rest > 0 {
            roots.push(bucket_root(buckets.get(whole)?.get(..rest)?));
        }
        let answer = NoteBuckets {
            size: anchor.size,
            roots,
        };
        if answer.root() != anchor.root {
            return None;
        }
        self.answer = Some(answer.clone());
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::note_tree::{NoteFrontier, path, root_of_buckets};

    use super::*;

    #[test]
    fn buckets_lead_to_the_anchor_and_give_paths() {
        let mut leaves = NoteLeaves::default();
        let mut frontier = NoteFrontier::new();
        let mut roots = BucketRoots::default();
        let notes: Vec<Fr> = (0..BUCKET + 70).map(|i| Fr::from(i + 9)).collect();
        for (part, size) in [(0, 50), (50, BUCKET), (BUCKET, BUCKET + 5)] {
            let part = &notes[part as usize..size as usize];
            leaves.extend(part);
            assert!(part.iter().all(|note| frontier.push(*note)));
            let anchor = Anchor {
                size,
                root: frontier.root(),
            };
            // Notes that came after the anchor are left out.
            let mut later = leaves.clone();
            later.extend(&notes[size as usize..]);
            let answer = roots.of(&anchor, &later.of(size)).unwrap();
            assert_eq!(answer.roots.len() as u64, size.div_ceil(BUCKET));
            assert_eq!(root_of_buckets(&answer.roots), anchor.root);
            let last = later.bucket((answer.roots.len() - 1) as u32).unwrap();
            let kept = &last[..((size - 1) % BUCKET + 1) as usize];
            let path = path(size - 1, kept, &answer.roots).unwrap();
            assert_eq!(path.root(notes[size as usize - 1]), anchor.root);
        }
        assert!(leaves.bucket(2).is_none());
        let wrong = Anchor {
            size: 7,
            root: frontier.root(),
        };
        assert_eq!(roots.of(&wrong, &leaves.of(7)), None);
    }
}
