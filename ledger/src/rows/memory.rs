//! Rows in memory, for tests, audits, and logs of parties, which are small.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
};

use super::{KeyValue, RowChange, RowError, RowKey, Rows, StateDigest, Table};
use crate::store::{Unique, UniqueSet};

/// All rows of a state, and the values that may occur only once.
#[derive(Debug, Clone, Default)]
pub struct MemoryRows {
    rows: BTreeMap<RowKey, Vec<u8>>,
    used: HashMap<(UniqueSet, [u8; 32]), u64>,
    /// The sum over rows and used values, if it is kept.
    sum: Option<StateDigest>,
}

impl MemoryRows {
    /// The rows of an empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, which keep the sum that their digest is made of. [`MemoryRows::apply`] must then be called once for
    /// each leaf.
    pub fn summing() -> Self {
        Self {
            sum: Some(StateDigest::default()),
            ..Self::default()
        }
    }

    /// Rows and used values that were written down before, which keep their sum.
    pub fn restored(
        rows: impl IntoIterator<Item = (RowKey, Vec<u8>)>,
        used: impl IntoIterator<Item = ((UniqueSet, [u8; 32]), u64)>,
    ) -> Self {
        let mut restored = Self {
            rows: rows.into_iter().collect(),
            used: used.into_iter().collect(),
            sum: None,
        };
        restored.sum = Some(restored.summed());
        restored
    }

    /// The first of these values that was used up before, or occurs among them twice.
    pub fn taken(&self, uniques: &[Unique]) -> Option<Unique> {
        let mut seen = HashSet::with_capacity(uniques.len());
        let mut taken = |unique: &&Unique| {
            let value = (unique.set, unique.value);
            self.used.contains_key(&value) || !seen.insert(value)
        };
        uniques.iter().find(|unique| taken(unique)).copied()
    }

    /// Applies what leaf `index` changes and uses up.
    pub fn apply(&mut self, index: u64, changes: &[RowChange], uniques: &[Unique]) {
        for (key, value) in changes {
            let was = match value {
                Some(value) => self.rows.insert(key.clone(), value.clone()),
                None => self.rows.remove(key),
            };
            if let Some(sum) = &mut self.sum {
                sum.change_row(key, was.as_deref(), value.as_deref());
            }
        }
        let used = uniques.iter().map(|unique| (unique.set, unique.value));
        if let Some(sum) = &mut self.sum
            && !uniques.is_empty()
        {
            sum.add_used(index, used.clone());
        }
        self.used.extend(used.map(|value| (value, index)));
    }

    /// Puts other rows in the place of all that are there. What leaves used up stays.
    pub fn replace(&mut self, rows: &[RowChange]) {
        self.rows.clear();
        // The next digest is computed from all rows.
        self.sum = None;
        self.apply(0, rows, &[]);
    }

    /// All rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&RowKey, &[u8])> {
        self.rows.iter().map(|(key, value)| (key, value.as_slice()))
    }

    /// The sum over all rows and used values, computed from them.
    fn summed(&self) -> StateDigest {
        let mut digest = StateDigest::default();
        for (key, value) in self.iter() {
            digest.add_row(key, value);
        }
        // The values of each leaf together.
        let mut by_leaf: HashMap<u64, Vec<(UniqueSet, [u8; 32])>> = HashMap::new();
        for (value, index) in &self.used {
            by_leaf.entry(*index).or_default().push(*value);
        }
        for (index, values) in by_leaf {
            digest.add_used(index, values);
        }
        digest
    }

    /// Every value that may occur only once, with the leaf that used it.
    pub fn uniques(&self) -> &HashMap<(UniqueSet, [u8; 32]), u64> {
        &self.used
    }
}

impl Rows for MemoryRows {
    fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, RowError> {
        Ok(keys.iter().map(|key| self.rows.get(key).cloned()).collect())
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<KeyValue>, RowError> {
        let from = RowKey {
            table,
            key: from.to_vec(),
        };
        let rows = self.rows.range((Bound::Included(from), Bound::Unbounded));
        Ok(rows
            .take_while(|(key, _)| key.table == table)
            .take(limit)
            .map(|(key, value)| (key.key.clone(), value.clone()))
            .collect())
    }

    fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, RowError> {
        Ok(self.used.get(&(set, *value)).copied())
    }

    fn digest(&self) -> Result<StateDigest, RowError> {
        Ok(match &self.sum {
            Some(sum) => sum.clone(),
            None => self.summed(),
        })
    }
}
