//! A group of entries that is being made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::StorageGroup;
use crate::rows::{RowChange, RowError, RowKey, StateDigest, View};
use crate::state::{Effects, Governing};
use crate::store::UniqueSet;
use crate::submission::Submission;

/// The rows of a group: as they were before it, and as its accepted entries changed them. It is
/// dropped with the group's transaction.
#[derive(Debug, Default)]
pub struct Pending {
    view: View,
    before: HashMap<RowKey, Option<Vec<u8>>>,
    changes: Vec<Change>,
}

/// What an accepted entry changed.
#[derive(Debug)]
struct Change {
    leaf: u64,
    rows: Vec<RowChange>,
    used: Vec<(UniqueSet, [u8; 32])>,
}

/// What a group changed.
#[derive(Debug)]
pub struct Finished {
    /// Every row that the group changed, once, in the form after the group.
    pub rows: Vec<RowChange>,
    /// The sum after the group.
    pub digest: StateDigest,
    /// The sum before each of the leaves for which it was asked.
    pub before: Vec<(u64, StateDigest)>,
}

/// Why a group's rows could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PendingError<E: std::error::Error> {
    /// A row.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The store.
    #[error("{0}")]
    Store(E),
}

impl Pending {
    /// For a group without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// The view of the group's entries.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Reads the rows that the rules of these submissions need, with as few queries for all as for
    /// one.
    ///
    /// # Errors
    /// [`PendingError`].
    pub async fn read<G: StorageGroup>(
        &mut self,
        group: &mut G,
        governing: &Governing,
        submissions: impl IntoIterator<Item = &Submission> + Clone,
    ) -> Result<(), PendingError<G::Error>> {
        loop {
            // A key that many submissions need is kept once.
            let mut wanted = BTreeSet::new();
            for submission in submissions.clone() {
                let reads = governing.reads(submission, &self.view)?;
                wanted.extend(self.view.missing(reads));
            }
            let wanted: Vec<RowKey> = wanted.into_iter().collect();
            if wanted.is_empty() {
                return Ok(());
            }
            let values = group.get(&wanted).await.map_err(PendingError::Store)?;
            let found: Vec<RowChange> = wanted.into_iter().zip(values).collect();
            self.before.extend(found.iter().cloned());
            self.view.learn(found);
        }
    }

    /// As [`Governing::hash_ahead`], for the group.
    pub fn hash_ahead<'s>(
        &mut self,
        governing: &Governing,
        submissions: impl IntoIterator<Item = &'s Submission>,
    ) {
        governing.hash_ahead(submissions, &mut self.view);
    }

    /// Applies the changes of an accepted entry.
    pub fn take(&mut self, effects: &Effects) {
        self.view.overlay(effects.rows());
        let used = effects.uniques().iter();
        self.changes.push(Change {
            leaf: effects.index(),
            rows: effects.rows().to_vec(),
            used: used.map(|unique| (unique.set, unique.value)).collect(),
        });
    }

    /// The rows that the group changed, and the sums after it and before each of these `leaves` (in
    /// ascending order), from the sum before it. A row that many entries change is summed once for each leaf that is asked for, and once at the end.
    ///
    /// # Errors
    /// The store's.
    pub async fn finish<G: StorageGroup>(
        self,
        group: &mut G,
        digest: &StateDigest,
        leaves: &[u64],
    ) -> Result<Finished, G::Error> {
        let Self {
            view: _,
            mut before,
            changes,
        } = self;
        let changed = changes.iter().flat_map(|change| &change.rows);
        let unknown: BTreeSet<&RowKey> = changed
            .map(|(key, _)| key)
            .filter(|key| !before.contains_key(key))
            .collect();
        let unknown: Vec<RowKey> = unknown.into_iter().cloned().collect();
        if !unknown.is_empty() {
            let values = group.get(&unknown).await?;
            before.extend(unknown.into_iter().zip(values));
        }
        let mut sum = Sum {
            before,
            digest: digest.clone(),
            summed: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
        let mut asked = Vec::with_capacity(leaves.len());
        for Change { leaf, rows, used } in changes {
            if leaves.binary_search(&leaf).is_ok() {
                sum.settle();
                asked.push((leaf, sum.digest.clone()));
            }
            sum.waiting.extend(rows);
            sum.digest.add_used(leaf, used);
        }
        sum.settle();
        let Sum {
            before,
            digest,
            summed,
            ..
        } = sum;
        let rows = summed.into_iter();
        let rows = rows.filter(|(key, after)| before.get(key) != Some(after));
        Ok(Finished {
            rows: rows.collect(),
            digest,
            before: asked,
        })
    }
}

/// A sum that entries change one after the other.
struct Sum {
    /// Rows before the group.
    before: HashMap<RowKey, Option<Vec<u8>>>,
    digest: StateDigest,
    /// Changed rows, as the digest has them.
    summed: BTreeMap<RowKey, Option<Vec<u8>>>,
    /// Changes that the digest lacks.
    waiting: BTreeMap<RowKey, Option<Vec<u8>>>,
}

impl Sum {
    fn settle(&mut self) {
        for (key, after) in std::mem::take(&mut self.waiting) {
            let was = self.summed.get(&key).or_else(|| self.before.get(&key));
            let was = was.and_then(Option::as_deref);
            self.digest.change_row(&key, was, after.as_deref());
            self.summed.insert(key, after);
        }
    }
}
