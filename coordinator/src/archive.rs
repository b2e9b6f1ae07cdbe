//! Reading the stored log, over read-only connections that never wait for the writer.

use std::collections::HashMap;

use merits_ledger::{
    rows::{RowError, RowKey, View},
    state::{note_runs, notes_of_run},
    tree::Node,
};
use merits_ledger_sqlite::Reader;
use merits_primitives::{Fr, ids::EntryId};
use merits_proto::limits::PAGE_BYTES;
use merits_verifier::log::Hash;

/// A leaf and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredLeaf {
    pub(crate) index: u64,
    pub(crate) leaf: Vec<u8>,
}

/// The stored leaves and rows.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    readers: Reader,
}

impl Archive {
    pub(crate) fn new(readers: Reader) -> Self {
        Self { readers }
    }

    /// The leaf of an entry, if it is in the log.
    pub(crate) async fn find(&self, id: &EntryId) -> sqlx::Result<Option<StoredLeaf>> {
        let row: Option<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT idx, leaf FROM leaf WHERE entry_id = ?")
                .bind(&id.0[..])
                .fetch_optional(self.readers.pool())
                .await?;
        Ok(row.map(|(index, leaf)| StoredLeaf {
            index: index.cast_unsigned(),
            leaf,
        }))
    }

    /// Leaves from `from` on, before `until`: as many as a page holds, at least one if there is
    /// one.
    pub(crate) async fn page(&self, from: u64, until: u64) -> sqlx::Result<Vec<Vec<u8>>> {
        self.readers.leaves(from, until, PAGE_BYTES).await
    }

    /// Hashes of complete subtrees. What is not stored is missing from the answer.
    pub(crate) async fn nodes(&self, wanted: &[Node]) -> sqlx::Result<HashMap<Node, Hash>> {
        self.readers.nodes(wanted).await
    }

    /// Rows of the state, as a view that knows them and nothing else.
    pub(crate) async fn view(&self, wanted: Vec<RowKey>) -> sqlx::Result<View> {
        let mut view = View::new();
        if !wanted.is_empty() {
            let values = self.readers.get(&wanted).await?;
            view.learn(wanted.into_iter().zip(values));
        }
        Ok(view)
    }

    /// At most `count` notes from the one with index `first` on.
    pub(crate) async fn notes(&self, first: u64, count: usize) -> Result<Vec<Fr>, NotesError> {
        let (table, mut from) = note_runs(first);
        let mut notes = Vec::new();
        loop {
            let page = self.readers.range(table, &from, NOTE_RUNS).await?;
            let full = page.len() == NOTE_RUNS;
            for (key, value) in page {
                notes.extend(notes_of_run(&key, &value, first)?);
                from = key;
            }
            if notes.len() >= count || !full {
                notes.truncate(count);
                return Ok(notes);
            }
            // The next key there can be.
            from.push(0);
        }
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
    }
}

/// Rows of notes that one look brings.
const NOTE_RUNS: usize = 1_024;

/// Why notes cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotesError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Row(#[from] RowError),
}
