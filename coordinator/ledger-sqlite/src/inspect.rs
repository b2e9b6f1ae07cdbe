//! The raw tables, for checking a file: nothing is trusted, and nothing is decoded beyond SQLite's
//! own types.
//!
//! Lists come in pages. A page begins after the last row of the one before; an empty page is the end.

use std::collections::HashMap;

use merits_ledger::{BlobDigest, FactDiffers, LedgerPolicy, tree::Node};
use merits_verifier::log::Hash;
use sqlx::{SqliteConnection, SqliteExecutor};

/// The row of the table `log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// The log's origin.
    pub origin: String,
    /// Its public key.
    pub log_key: Vec<u8>,
    /// Leaves.
    pub size: u64,
    /// Root of their tree.
    pub root: Vec<u8>,
    /// The newest checkpoint, as a signed note; `None` in a copy that is still empty.
    pub checkpoint: String,
}

/// The row of the table `state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRow {
    /// The layout of the rows.
    pub version: i64,
    /// The number of leaves of which they are the state.
    pub size: u64,
    /// The sum of their vectors.
    pub digest: Vec<u8>,
}

/// A row of the table `leaf`: index, entry id, bytes.
pub type LeafRow = (i64, Vec<u8>, Vec<u8>);

/// A row of the table `blob`: digest, bytes.
pub type BlobRow = (Vec<u8>, Vec<u8>);

/// A row of the table `node`: level, index, hash.
pub type NodeRow = (i64, i64, Vec<u8>);

/// A row of the table `used`: set, value, index of the leaf.
pub type UsedRow = (i64, Vec<u8>, i64);

/// A row of the table `row`: table, key, value.
pub type RowRow = (i64, Vec<u8>, Vec<u8>);

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
    let (count, last): (i64, Option<i64>) = sqlx::query_as("SELECT count(*), max(idx) FROM leaf")
        .fetch_one(db)
        .await?;
    Ok((count.cast_unsigned(), last.map(i64::cast_unsigned)))
}

/// The blob whose digest is the next after this one; nothing after the last.
///
/// # Errors
/// SQLite's.
pub async fn next_blob<'e>(
    db: impl SqliteExecutor<'e>,
    after: &[u8],
) -> sqlx::Result<Option<BlobRow>> {
    sqlx::query_as("SELECT digest, bytes FROM blob WHERE digest > ? ORDER BY digest LIMIT 1")
        .bind(after)
        .fetch_optional(db)
        .await
}

/// The bytes of a blob.
///
/// # Errors
/// SQLite's.
pub async fn blob<'e>(
    db: impl SqliteExecutor<'e>,
    digest: &BlobDigest,
) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar("SELECT bytes FROM blob WHERE digest = ?")
        .bind(&digest.0[..])
        .fetch_optional(db)
        .await
}

/// Of what the rows are said to be the state.
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

/// Hashes of these nodes. What is not stored is missing from the answer.
///
/// # Errors
/// SQLite's.
pub async fn nodes_at(
    db: &mut SqliteConnection,
    wanted: &[Node],
) -> sqlx::Result<HashMap<Node, Hash>> {
    crate::read::nodes(db, wanted).await
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
///
/// # Errors
/// SQLite's.
pub async fn rows(
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
