//! Rows of a store with changes over them that the store does not have yet.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
    sync::Arc,
};

use super::{KeyValue, RowChange, RowError, RowKey, Rows, StateDigest, Table};
use crate::store::{Unique, UniqueSet};

/// What entries change while their log is followed, over the rows of a store.
#[derive(Debug, Clone)]
pub struct OverlayRows {
    base: Arc<dyn Rows>,
    changes: BTreeMap<RowKey, Option<Vec<u8>>>,
    used: HashMap<(UniqueSet, [u8; 32]), u64>,
}

impl OverlayRows {
    /// Over these rows, without changes.
    pub fn new(base: Arc<dyn Rows>) -> Self {
        Self {
            base,
            changes: BTreeMap::new(),
            used: HashMap::new(),
        }
    }

    /// The first of these values that the changes use up, or that stands among them twice. What the store
    /// has is the store's constraint to refuse.
    pub(crate) fn taken(&self, uniques: &[Unique]) -> Option<Unique> {
        super::memory::first_taken(&self.used, uniques)
    }

    /// Takes what leaf `index` changes and uses up.
    pub(crate) fn apply(&mut self, index: u64, changes: &[RowChange], uniques: &[Unique]) {
        self.changes.extend(changes.iter().cloned());
        let used = uniques.iter().map(|unique| (unique.set, unique.value));
        self.used.extend(used.map(|value| (value, index)));
    }
}

impl Rows for OverlayRows {
    fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, RowError> {
        let below: Vec<RowKey> = keys
            .iter()
            .filter(|key| !self.changes.contains_key(key))
            .cloned()
            .collect();
        let mut found = if below.is_empty() {
            Vec::new().into_iter()
        } else {
            self.base.get(&below)?.into_iter()
        };
        Ok(keys
            .iter()
            .map(|key| match self.changes.get(key) {
                Some(changed) => changed.clone(),
                // In the order in which they were asked for.
                None => found.next().flatten(),
            })
            .collect())
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<KeyValue>, RowError> {
        let start = RowKey {
            table,
            key: from.to_vec(),
        };
        let changed = (Bound::Included(start), Bound::Unbounded);
        let changes: Vec<_> = self
            .changes
            .range(changed)
            .take_while(|(key, _)| key.table == table)
            .collect();
        // Each change removes one of them at most.
        let wanted = limit.saturating_add(changes.len());
        let below = self.base.range(table, from, wanted)?;
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = below.into_iter().collect();
        for (key, value) in changes {
            match value {
                Some(value) => rows.insert(key.key.clone(), value.clone()),
                None => rows.remove(&key.key),
            };
        }
        Ok(rows.into_iter().take(limit).collect())
    }

    fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, RowError> {
        match self.used.get(&(set, *value)) {
            Some(index) => Ok(Some(*index)),
            None => self.base.used(set, value),
        }
    }

    fn digest(&self) -> Result<StateDigest, RowError> {
        let mut digest = self.base.digest()?;
        let keys: Vec<RowKey> = self.changes.keys().cloned().collect();
        let before = self.base.get(&keys)?;
        for ((key, after), before) in self.changes.iter().zip(before) {
            if let Some(value) = before {
                digest.remove_row(key, &value);
            }
            if let Some(value) = after {
                digest.add_row(key, value);
            }
        }
        super::memory::add_used(&mut digest, &self.used);
        Ok(digest)
    }
}
