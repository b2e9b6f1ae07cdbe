//! A group of entries that is being made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::StorageGroup;
use crate::rows::{RowChange, RowError, RowKey, StateDigest, View};
use crate::state::{Effects, Governing};
use crate::store::UniqueSet;
use crate::submission::Submission;
/// The values that a leaf uses up.
type UsedValues = Vec<(UniqueSet, [u8; 32])>;

/// The rows of a group: as they were before it, and as its accepted entries changed them. It is
/// dropped with the group's transaction.
#[derive(Debug, Default)]
pub struct Pending {
    view: View,
    before: HashMap<RowKey, Option<Vec<u8>>>,
    changes: BTreeMap<RowKey, Option<Vec<u8>>>,
    /// The values that each entry used up, by its leaf.
    used: Vec<(u64, UsedValues)>,
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

    /// Applies the changes of an appended entry.
    pub fn take(&mut self, effects: &Effects) {
        self.view.overlay(effects.rows());
        self.changes.extend(effects.rows().iter().cloned());
        let used = effects.uniques().iter();
        let used = used.map(|unique| (unique.set, unique.value)).collect();
        self.used.push((effects.index(), used));
    }

    /// Every row that the group changed, once, in the form after the group, and the digest after
    /// it.
    ///
    /// # Errors
    /// The store's.
    pub async fn finish<G: StorageGroup>(
        self,
        group: &mut G,
        digest: &StateDigest,
    ) -> Result<(Vec<RowChange>, StateDigest), G::Error> {
        let Self {
            view: _,
            mut before,
            changes,
            used,
        } = self;
        let unknown: Vec<RowKey> = changes
            .keys()
            .filter(|key| !before.contains_key(key))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            let values = group.get(&unknown).await?;
            before.extend(unknown.into_iter().zip(values));
        }
        let mut digest = digest.clone();
        let mut rows = Vec::with_capacity(changes.len());
        for (key, after) in changes {
            let was = before.remove(&key).flatten();
            if was == after {
                continue;
            }
            if let Some(value) = was {
                digest.remove_row(&key, &value);
            }
            if let Some(value) = &after {
                digest.add_row(&key, value);
            }
            rows.push((key, after));
        }
        for (index, values) in used {
            digest.add_used(index, values);
        }
        Ok((rows, digest))
    }
}
