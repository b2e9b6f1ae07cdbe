//! The raw tables, for checking a file: nothing is trusted, and nothing is decoded beyond SQLite's
//! own types.
//!
//! Lists come in pages. A page begins after the last row of the one before; an empty page is the end.

use std::collections::HashMap;

use merits_ledger::{
    BlobDigest, FactDiffers, LedgerPolicy,
    storage::{
        BlobRow, Inspection, LeafRow, LogRow, NodeRow, RowRow, StateRow, StoreFailure, UsedRow,
    },
    tree::Node,
};
use merits_verifier::log::Hash;
use sqlx::{Connection as _, SqliteConnection, SqliteExecutor};

/// One snapshot of a ledger's file.
#[derive(Debug)]
pub struct Snapshot {
    db: SqliteConnection,
}

impl Snapshot {
    /// Begins a snapshot on a connection. It is of the newest commit at the first read.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn begin(mut db: SqliteConnection) -> sqlx::Result<Self> {
        // The connection is closed at the end, so nothing is left of the transaction.
        sqlx::query("BEGIN").execute(&mut db).await?;
        Ok(Self { db })
    }
}

impl Inspection for Snapshot {
    type Error = sqlx::Error;

    fn explain(error: sqlx::Error) -> StoreFailure {
        crate::explain(error)
    }

    async fn findings(&mut self, most: u32) -> sqlx::Result<Vec<String>> {
        let mut findings = merits_sqlite::findings(&mut self.db, most).await?;
        let differing = merits_sqlite::differing_table(&mut self.db, crate::TABLES, &[]).await?;
        findings.extend(differing.map(|what| format!("{what}: something else changed it")));
        Ok(findings)
    }

    async fn log_row(&mut self) -> sqlx::Result<Option<LogRow>> {
        log_row(&mut self.db).await
    }

    async fn facts(&mut self) -> sqlx::Result<Vec<(String, String)>> {
        facts(&mut self.db).await
    }

    async fn state_row(&mut self) -> sqlx::Result<Option<StateRow>> {
        state_row(&mut self.db).await
    }

    async fn leaves(&mut self, after: i64, limit: u32) -> sqlx::Result<Vec<LeafRow>> {
        leaves(&mut self.db, after, limit).await
    }

    async fn nodes(&mut self, after: (i64, i64), limit: u32) -> sqlx::Result<Vec<NodeRow>> {
        nodes(&mut self.db, after, limit).await
    }

    async fn nodes_at(&mut self, wanted: &[Node]) -> sqlx::Result<HashMap<Node, Hash>> {
        crate::read::nodes(&mut self.db, wanted).await
    }

    async fn used(&mut self, after: (i64, &[u8]), limit: u32) -> sqlx::Result<Vec<UsedRow>> {
        used(&mut self.db, after, limit).await
    }

    async fn rows(&mut self, after: (i64, &[u8]), limit: u32) -> sqlx::Result<Vec<RowRow>> {
        rows(&mut self.db, after, limit).await
    }

    async fn next_blob(&mut self, after: &[u8]) -> sqlx::Result<Option<BlobRow>> {
        next_blob(&mut self.db, after).await
    }

    async fn blob(&mut self, digest: &BlobDigest) -> sqlx::Result<Option<Vec<u8>>> {
        crate::read::blob(&mut self.db, digest).await
    }

    async fn end(self) -> sqlx::Result<()> {
        self.db.close().await
    }
}

/// The log's origin and newest checkpoint; `None` before it is founded.
///
/// # Errors
/// SQLite's.
pub async fn log_row<'e>(db: impl SqliteExecutor<'e>) -> sqlx::Result<Option<LogRow>> {
    type Row = (String, Vec<u8>, i64, Vec<u8>, String);
    let row: Option<Row> =
        sqlx::query_as("SELECT origin, log_key, size, root, checkpoint FROM log WHERE id = 1")
            .fetch_optional(db)
            .await?;
    Ok(row.map(|(origin, log_key, size, root, checkpoint)| LogRow {
        origin,
        log_key,
        size: size.cast_unsigned(),
        root,
        checkpoint,
    }))
}

/// What the ledger was founded on, in the order of the facts' names.
///
/// # Errors
/// SQLite's.
pub async fn facts<'e>(db: impl SqliteExecutor<'e>) -> sqlx::Result<Vec<(String, String)>> {
    sqlx::query_as("SELECT fact, value FROM founding ORDER BY fact")
        .fetch_all(db)
        .await
}

/// In what the founding facts differ from a policy.
///
/// # Errors
/// SQLite's.
pub async fn differences<'e>(
    db: impl SqliteExecutor<'e>,
    policy: &LedgerPolicy,
) -> sqlx::Result<Vec<FactDiffers>> {
    let facts = facts(db).await?;
    let facts = facts
        .iter()
        .map(|(fact, value)| (fact.as_str(), value.as_str()));
    Ok(policy.differences(facts))
}

/// Number of leaves, and the greatest index of one.
///
/// # Errors
/// SQLite's.
pub async fn leaf_count<'e>(db: impl SqliteExecutor<'e>) -> sqlx::Result<(u64, Option<u64>)> {
    let (count, last): (Option<i64>, Option<i64>) =
        sqlx::query_as("SELECT count(*), max(idx) FROM leaf")
            .fetch_one(db)
            .await?;
    Ok((merits_sqlite::counted(count)?, last.map(i64::cast_unsigned)))
}

/// The blob whose digest is the next after this one; nothing after the last.
async fn next_blob<'e>(db: impl SqliteExecutor<'e>, after: &[u8]) -> sqlx::Result<Option<BlobRow>> {
    sqlx::query_as("SELECT digest, bytes FROM blob WHERE digest > ? ORDER BY digest LIMIT 1")
        .bind(after)
        .fetch_optional(db)
        .await
}

/// The version, size and digest that the stored state claims.
///
/// # Errors
/// SQLite's.
pub async fn state_row<'e>(db: impl SqliteExecutor<'e>) -> sqlx::Result<Option<StateRow>> {
    let row: Option<(i64, i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, size, digest FROM state WHERE id = 1")
            .fetch_optional(db)
            .await?;
    Ok(row.map(|(version, size, digest)| StateRow {
        version,
        size: size.cast_unsigned(),
        digest,
    }))
}

/// Leaves after an index, up to a limit; after -1 means from the beginning.
///
/// # Errors
/// SQLite's.
pub async fn leaves(
    db: &mut SqliteConnection,
    after: i64,
    limit: u32,
) -> sqlx::Result<Vec<LeafRow>> {
    sqlx::query_as("SELECT idx, entry_id, leaf FROM leaf WHERE idx > ? ORDER BY idx LIMIT ?")
        .bind(after)
        .bind(limit)
        .fetch_all(db)
        .await
}

/// Nodes of the tree after a level and index, up to a limit; after (-1, -1) means from the
/// beginning.
///
/// # Errors
/// SQLite's.
pub async fn nodes(
    db: &mut SqliteConnection,
    (level, index): (i64, i64),
    limit: u32,
) -> sqlx::Result<Vec<NodeRow>> {
    sqlx::query_as(
        "SELECT level, idx, hash FROM node WHERE (level, idx) > (?, ?) ORDER BY level, idx LIMIT ?",
    )
    .bind(level)
    .bind(index)
    .bind(limit)
    .fetch_all(db)
    .await
}

/// Used values after a set and value, up to a limit; after -1 and no bytes means from the
/// beginning.
///
/// # Errors
/// SQLite's.
pub async fn used(
    db: &mut SqliteConnection,
    (set, value): (i64, &[u8]),
    limit: u32,
) -> sqlx::Result<Vec<UsedRow>> {
    sqlx::query_as(
        "SELECT kind, value, idx FROM used WHERE (kind, value) > (?, ?) ORDER BY kind, value LIMIT ?",
    )
    .bind(set)
    .bind(value)
    .bind(limit)
    .fetch_all(db)
    .await
}

/// Rows of the state after a table and key, up to a limit; after -1 and no bytes means from the
/// beginning.
async fn rows(
    db: &mut SqliteConnection,
    (table, key): (i64, &[u8]),
    limit: u32,
) -> sqlx::Result<Vec<RowRow>> {
    sqlx::query_as(
        "SELECT tbl, key, value FROM row WHERE (tbl, key) > (?, ?) ORDER BY tbl, key LIMIT ?",
    )
    .bind(table)
    .bind(key)
    .bind(limit)
    .fetch_all(db)
    .await
}
