//! Reading the stored log, over read-only connections that never wait for the writer.

use std::collections::HashMap;

use merits_ledger::tree::Node;
use merits_primitives::ids::EntryId;
use merits_proto::limits::PAGE_BYTES;
use merits_verifier::log::Hash;
use sqlx::{QueryBuilder, SqlitePool};

/// Leaves that one query may return: bounds a page of the shortest leaves.
const PAGE_LEAVES: i64 = 2_048;

/// A leaf and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredLeaf {
    pub(crate) index: u64,
    pub(crate) leaf: Vec<u8>,
}

/// The stored leaves.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    readers: SqlitePool,
}

impl Archive {
    pub(crate) fn new(readers: SqlitePool) -> Self {
        Self { readers }
    }

    /// The leaf of an entry, if it is in the log.
    pub(crate) async fn find(&self, id: &EntryId) -> sqlx::Result<Option<StoredLeaf>> {
        let row: Option<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT idx, leaf FROM leaf WHERE entry_id = ?")
                .bind(&id.0[..])
                .fetch_optional(&self.readers)
                .await?;
        Ok(row.map(|(index, leaf)| StoredLeaf {
            index: index.cast_unsigned(),
            leaf,
        }))
    }

    /// Leaves from `from` on, before `until`: as many as a page holds, at least one if there is
    /// one.
    pub(crate) async fn page(&self, from: u64, until: u64) -> sqlx::Result<Vec<Vec<u8>>> {
        // The running sum ends the page inside the database: a page of long leaves would
        // otherwise be read whole to be thrown away.
        let leaves: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT leaf FROM (
                 SELECT idx, leaf, sum(length(leaf)) OVER (ORDER BY idx) - length(leaf) AS before
                 FROM (SELECT idx, leaf FROM leaf WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?)
             ) WHERE before < ? ORDER BY idx",
        )
        .bind(signed(from))
        .bind(signed(until))
        .bind(PAGE_LEAVES)
        .bind(i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await?;
        Ok(leaves)
    }

    /// Hashes of complete subtrees. What is not stored is missing from the answer.
    pub(crate) async fn nodes(&self, wanted: &[Node]) -> sqlx::Result<HashMap<Node, Hash>> {
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let mut select =
            QueryBuilder::new("SELECT level, idx, hash FROM node WHERE (level, idx) IN (VALUES ");
        let mut rows = select.separated(", ");
        for node in wanted {
            rows.push("(").push_bind_unseparated(i64::from(node.level));
            rows.push_unseparated(", ")
                .push_bind_unseparated(signed(node.index));
            rows.push_unseparated(")");
        }
        select.push(")");
        let rows: Vec<(u8, i64, Vec<u8>)> =
            select.build_query_as().fetch_all(&self.readers).await?;
        rows.into_iter()
            .map(|(level, index, hash)| {
                let hash = Hash::try_from(hash).map_err(|_| corrupt("node.hash"))?;
                Ok((
                    Node {
                        level,
                        index: index.cast_unsigned(),
                    },
                    hash,
                ))
            })
            .collect()
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
    }
}

/// SQLite's integers are signed; a log of 2^63 leaves does not exist, and asking past it finds
/// nothing.
fn signed(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// A column that a CHECK constraint keeps in form is not: the file is damaged.
fn corrupt(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} has a wrong length; run fsck").into())
}
