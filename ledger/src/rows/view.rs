//! Exactly the rows that an entry's rules requested.

use std::collections::HashMap;

use merits_primitives::note_tree::NodesAhead;

use super::{Key, Record, RowChange, RowError, RowKey, Rows, decode};

/// The known rows of the state while one entry, or a group of entries, is checked: the rows that
/// were requested, as they are after the earlier accepted entries of the group.
#[derive(Debug, Clone, Default)]
pub struct View {
    rows: HashMap<RowKey, Option<Vec<u8>>>,
    ahead: NodesAhead,
}

impl View {
    /// A view that knows no rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// A row.
    ///
    /// # Errors
    /// [`RowError::NotAsked`] for a row that was not requested, [`RowError::Malformed`].
    pub fn get<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, RowError> {
        match self.rows.get(key.row()) {
            None => Err(RowError::NotAsked { table: T::TABLE }),
            Some(None) => Ok(None),
            Some(Some(value)) => decode(value).map(Some),
        }
    }

    /// Like [`View::get`], but returns `None` for a row that was not requested yet. For
    /// [`super::super::Governing::reads`], which is called again once the row is known.
    ///
    /// # Errors
    /// [`RowError::Malformed`].
    pub(crate) fn known<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, RowError> {
        match self.get(key) {
            Err(RowError::NotAsked { .. }) => Ok(None),
            other => other,
        }
    }

    /// Those of these rows that are not known yet.
    pub fn missing(&self, wanted: Vec<RowKey>) -> Vec<RowKey> {
        let mut missing: Vec<RowKey> = wanted
            .into_iter()
            .filter(|key| !self.rows.contains_key(key))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Adds rows that a store returned.
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

    /// Applies the changes of an accepted entry, so that later entries of the group see them.
    pub fn overlay<'a>(&mut self, changes: impl IntoIterator<Item = &'a RowChange>) {
        self.rows.extend(changes.into_iter().cloned());
    }

    /// Queries a store until `reads` requests nothing new.
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
