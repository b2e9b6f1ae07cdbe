//! The changes of an entry while it is checked.

use std::collections::BTreeMap;

use merits_primitives::note::NoteCommitment;

use crate::rows::{Key, Record, RowChange, RowError, RowKey, View, decode};
use crate::store::{Unique, UniqueSet};

/// The rows that an entry writes, on top of the rows that it requested.
#[derive(Debug)]
pub(super) struct Draft<'v> {
    view: &'v View,
    changes: BTreeMap<RowKey, Option<Vec<u8>>>,
    uniques: Vec<Unique>,
    notes: Vec<NoteCommitment>,
}

impl<'v> Draft<'v> {
    /// For an entry that changes nothing yet.
    pub(super) fn new(view: &'v View) -> Self {
        Self {
            view,
            changes: BTreeMap::new(),
            uniques: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The rows that the entry requested, as they are before it.
    pub(super) fn view(&self) -> &'v View {
        self.view
    }

    /// A row as it is after the writes so far.
    pub(super) fn get<T: Record>(&self, key: &Key<T>) -> Result<Option<T>, RowError> {
        match self.changes.get(key.row()) {
            None => self.view.get(key),
            Some(None) => Ok(None),
            Some(Some(value)) => decode(value).map(Some),
        }
    }

    /// Writes a row.
    pub(super) fn put<T: Record>(&mut self, key: Key<T>, value: &T) {
        self.changes.insert(key.into_row(), Some(value.to_bytes()));
    }

    /// Removes a row.
    pub(super) fn remove<T: Record>(&mut self, key: Key<T>) {
        self.changes.insert(key.into_row(), None);
    }

    /// Uses up a value that must be new.
    pub(super) fn use_up(&mut self, set: UniqueSet, value: [u8; 32], claim: Option<usize>) {
        self.uniques.push(Unique { set, value, claim });
    }

    /// Remembers notes that go into the tree.
    pub(super) fn note(&mut self, notes: &[NoteCommitment]) {
        self.notes.extend_from_slice(notes);
    }

    /// Changed rows in the order of their keys, used values, notes.
    pub(super) fn finish(self) -> (Vec<RowChange>, Vec<Unique>, Vec<NoteCommitment>) {
        let changes = self.changes.into_iter().collect();
        (changes, self.uniques, self.notes)
    }
}
