//! The rows that an entry's rules asked for, and nothing else.

use std::collections::HashMap;

use merits_primitives::note_tree::NodesAhead;

use super::{Key, Record, RowChange, RowError, RowKey, Rows, decode};

/// What is known of the state's rows while one entry, or a group of them, is judged: the rows that were
/// asked for, as they are after the entries of the group that were taken before.
#[derive(Debug, Clone, Default)]
pub struct View {
    rows: HashMap<RowKey, Option<Vec<u8>>>,
    ahead: NodesAhead,
}

impl View {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// A row.
    ///
    /// # Errors
    /// [`RowError::NotAsked`] for a row that was not asked for, [`RowError::Malformed`].
    pub fn get<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, RowError> {
        match self.rows.get(key.row()) {
            None => Err(RowError::NotAsked { table: T::TABLE }),
            Some(None) => Ok(None),
            Some(Some(value)) => decode(value).map(Some),
        }
    }

    /// As [`View::get`], and nothing for a row that was not asked for yet: for [`super::super::Governing::reads`],
    /// which is called again once the row is there.
    ///
    /// # Errors
    /// [`RowError::Malformed`].
    pub(crate) fn known<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, RowError> {
        match self.get(key) {
            Err(RowError::NotAsked { .. }) => Ok(None),
            other => other,
        }
    }

    /// Of these rows, those that are not known yet.
    pub fn missing(&self, wanted: Vec<RowKey>) -> Vec<RowKey> {
        let mut missing: Vec<RowKey> = wanted
            .into_iter()
            .filter(|key| !self.rows.contains_key(key))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Takes rows that a store answered with.
    pub fn learn(&mut self, rows: impl IntoIterator<Item = (RowKey, Option<Vec<u8>>)>) {
        self.rows.extend(rows);
    }

    /// Nodes of the note tree that were hashed for the group: what they are is what its rules would make of
    /// them.
    pub(crate) fn ahead(&self) -> &NodesAhead {
        &self.ahead
    }

    /// Takes such nodes, in the place of those before.
    pub(crate) fn learn_ahead(&mut self, ahead: NodesAhead) {
        self.ahead = ahead;
    }

    /// Takes what an accepted entry changes: later entries of the group see it.
    pub fn overlay<'a>(&mut self, changes: impl IntoIterator<Item = &'a RowChange>) {
        self.rows.extend(changes.into_iter().cloned());
    }

    /// Asks a store until `reads` wants nothing new.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn fill(
        &mut self,
        rows: &dyn Rows,
        mut reads: impl FnMut(&Self) -> Result<Vec<RowKey>, RowError>,
    ) -> Result<(), RowError> {
        loop {
            let wanted = self.missing(reads(self)?);
            if wanted.is_empty() {
                return Ok(());
            }
            let values = rows.get(&wanted)?;
            self.learn(wanted.into_iter().zip(values));
        }
    }
}
