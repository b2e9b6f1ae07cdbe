//! Reads the committed data.

use std::collections::{HashMap, HashSet};

use futures::TryStreamExt as _;
use merits_ledger::{
    BlobDigest, UniqueSet,
    rows::{KeyValue, RowKey, StateDigest, Table},
    storage::{Head, STATE_VERSION},
    tree::Node,
};
use merits_primitives::ids::EntryId;
use merits_verifier::log::Hash;
use sqlx::{QueryBuilder, Row as _, SqliteConnection, SqlitePool};

use crate::{corrupt, signed};

/// Leaves that one query may return: bounds a page of the shortest leaves.
const PAGE_LEAVES: i64 = 2_048;

/// Most rows of one statement: three parameters each, far below SQLite's 32,766.
const MOST_ROWS: usize = 1_024;

/// Pieces of a list, whose lengths are powers of two. So a connection has few different statements,
/// and each is prepared once and kept: preparing one of a hundred rows takes longer than running
/// it.
pub(crate) fn pieces<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = rest.len().checked_ilog2().map(|log| 1 << log)?;
        let (piece, others) = rest.split_at(MOST_ROWS.min(length));
        rest = others;
        Some(piece)
    })
}

/// Read-only connections to a ledger's file. Cheap to clone; clones share them.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(crate) pool: SqlitePool,
}

impl Reader {
    /// Over these connections.
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// The head of the newest group. `None` before the first, and if the stored state has another
    /// version than this program's.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn head(&self) -> sqlx::Result<Option<Head>> {
        head(&mut *self.pool.acquire().await?).await
    }

    /// The values of rows, in the order of the keys.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn get(&self, keys: &[RowKey]) -> sqlx::Result<Vec<Option<Vec<u8>>>> {
        get(&mut *self.pool.acquire().await?, keys).await
    }

    /// The first `limit` rows of a table from a key on.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn range(
        &self,
        table: Table,
        from: &[u8],
        limit: usize,
    ) -> sqlx::Result<Vec<KeyValue>> {
        range(&mut *self.pool.acquire().await?, table, from, limit).await
    }

    /// The leaf that used up a value, if one did.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn used(&self, set: UniqueSet, value: &[u8; 32]) -> sqlx::Result<Option<u64>> {
        used(&mut *self.pool.acquire().await?, set, value).await
    }

    /// Which of these values are used up.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn used_all(
        &self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> sqlx::Result<HashSet<(UniqueSet, [u8; 32])>> {
        used_all(&mut *self.pool.acquire().await?, values).await
    }

    /// Index of an entry's leaf.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn find(&self, id: &EntryId) -> sqlx::Result<Option<u64>> {
        find(&mut *self.pool.acquire().await?, id).await
    }

    /// The leaf of an entry, with its index.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn entry(&self, id: &EntryId) -> sqlx::Result<Option<(u64, Vec<u8>)>> {
        let row: Option<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT idx, leaf FROM leaf WHERE entry_id = ?")
                .bind(&id.0[..])
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|(index, leaf)| (index.cast_unsigned(), leaf)))
    }

    /// The indices of those of these entries that have a leaf.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn find_all(&self, ids: &[EntryId]) -> sqlx::Result<HashMap<EntryId, u64>> {
        find_all(&mut *self.pool.acquire().await?, ids).await
    }

    /// The first `limit` entries from an id on, in the order of ids, with the indices of their leaves.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn ids_from(
        &self,
        from: &EntryId,
        limit: usize,
    ) -> sqlx::Result<Vec<(EntryId, u64)>> {
        ids_from(&mut *self.pool.acquire().await?, from, limit).await
    }

    /// Leaves from `from` on, before `until`, until they hold `bytes` or more: at least one, if there
    /// is one.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn leaves(&self, from: u64, until: u64, bytes: usize) -> sqlx::Result<Vec<Vec<u8>>> {
        leaves(&mut *self.pool.acquire().await?, from, until, bytes).await
    }

    /// Hashes of complete subtrees. What is not stored is missing from the answer.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn nodes(&self, wanted: &[Node]) -> sqlx::Result<HashMap<Node, Hash>> {
        nodes(&mut *self.pool.acquire().await?, wanted).await
    }

    /// The bytes of a blob, as they were stored.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn blob(&self, digest: &BlobDigest) -> sqlx::Result<Option<Vec<u8>>> {
        blob(&mut *self.pool.acquire().await?, digest).await
    }

    /// Closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

pub(crate) async fn head(db: &mut SqliteConnection) -> sqlx::Result<Option<Head>> {
    let row = sqlx::query(
        "SELECT log.size, log.root, log.checkpoint, state.digest
         FROM log JOIN state ON state.id = log.id AND state.size = log.size
         WHERE state.version = ? AND log.size > 0",
    )
    .bind(i64::from(STATE_VERSION))
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let root: Vec<u8> = row.try_get(1)?;
    let digest: Vec<u8> = row.try_get(3)?;
    Ok(Some(Head {
        size: row.try_get::<i64, _>(0)?.cast_unsigned(),
        root: Hash::try_from(root).map_err(|_| corrupt("log.root"))?,
        checkpoint: row.try_get(2)?,
        digest: StateDigest::from_stored(&digest).ok_or_else(|| corrupt("state.digest"))?,
    }))
}

pub(crate) async fn get(
    db: &mut SqliteConnection,
    keys: &[RowKey],
) -> sqlx::Result<Vec<Option<Vec<u8>>>> {
    let mut values = vec![None; keys.len()];
    let mut before = 0;
    for wanted in pieces(keys) {
        // The join goes from the requested keys to the rows, with one lookup each.
        let mut select = QueryBuilder::new("WITH wanted (n, tbl, key) AS (");
        select.push_values(wanted.iter().enumerate(), |mut row, (position, key)| {
            row.push_bind((before + position) as i64)
                .push_bind(i64::from(key.table.number()))
                .push_bind(key.key.as_slice());
        });
        select.push(
            ") SELECT wanted.n, row.value FROM wanted CROSS JOIN row
             ON row.tbl = wanted.tbl AND row.key = wanted.key",
        );
        let found: Vec<(i64, Vec<u8>)> = select.build_query_as().fetch_all(&mut *db).await?;
        before += wanted.len();
        for (position, value) in found {
            let place = usize::try_from(position).ok();
            if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
                *slot = Some(value);
            }
        }
    }
    Ok(values)
}

pub(crate) async fn range(
    db: &mut SqliteConnection,
    table: Table,
    from: &[u8],
    limit: usize,
) -> sqlx::Result<Vec<KeyValue>> {
    sqlx::query_as("SELECT key, value FROM row WHERE tbl = ? AND key >= ? ORDER BY key LIMIT ?")
        .bind(i64::from(table.number()))
        .bind(from)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(db)
        .await
}

pub(crate) async fn used(
    db: &mut SqliteConnection,
    set: UniqueSet,
    value: &[u8; 32],
) -> sqlx::Result<Option<u64>> {
    if set == UniqueSet::Entry {
        return find(db, &EntryId(*value)).await;
    }
    let index: Option<i64> =
        sqlx::query_scalar("SELECT idx FROM used WHERE kind = ? AND value = ?")
            .bind(i64::from(set as u8))
            .bind(&value[..])
            .fetch_optional(db)
            .await?;
    Ok(index.map(i64::cast_unsigned))
}

pub(crate) async fn used_all(
    db: &mut SqliteConnection,
    values: &[(UniqueSet, [u8; 32])],
) -> sqlx::Result<HashSet<(UniqueSet, [u8; 32])>> {
    // Entry ids stand with their leaves.
    let (ids, mut values): (Vec<_>, Vec<_>) = values
        .iter()
        .copied()
        .partition(|(set, _)| *set == UniqueSet::Entry);
    let ids: Vec<EntryId> = ids.into_iter().map(|(_, id)| EntryId(id)).collect();
    let found = find_all(db, &ids).await?.into_keys();
    let mut used: HashSet<_> = found.map(|id| (UniqueSet::Entry, id.0)).collect();
    // In the order of the table, so that neighbours find the same pages.
    values.sort_unstable();
    for wanted in pieces(&values) {
        let mut select = QueryBuilder::new("WITH wanted (n, kind, value) AS (");
        select.push_values(
            wanted.iter().enumerate(),
            |mut row, (position, (set, value))| {
                row.push_bind(position as i64)
                    .push_bind(i64::from(*set as u8))
                    .push_bind(&value[..]);
            },
        );
        select.push(
            ") SELECT wanted.n FROM wanted CROSS JOIN used
             ON used.kind = wanted.kind AND used.value = wanted.value",
        );
        let positions: Vec<i64> = select.build_query_scalar().fetch_all(&mut *db).await?;
        let found = positions.into_iter().filter_map(|position| {
            let place = usize::try_from(position).ok()?;
            wanted.get(place).copied()
        });
        used.extend(found);
    }
    Ok(used)
}

pub(crate) async fn find(db: &mut SqliteConnection, id: &EntryId) -> sqlx::Result<Option<u64>> {
    let index: Option<i64> = sqlx::query_scalar("SELECT idx FROM leaf WHERE entry_id = ?")
        .bind(&id.0[..])
        .fetch_optional(db)
        .await?;
    Ok(index.map(i64::cast_unsigned))
}

pub(crate) async fn ids_from(
    db: &mut SqliteConnection,
    from: &EntryId,
    limit: usize,
) -> sqlx::Result<Vec<(EntryId, u64)>> {
    let found: Vec<(Vec<u8>, i64)> = sqlx::query_as(
        "SELECT entry_id, idx FROM leaf WHERE entry_id >= ? ORDER BY entry_id LIMIT ?",
    )
    .bind(&from.0[..])
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(db)
    .await?;
    let ids = found.into_iter().map(|(id, index)| {
        let id = <[u8; 32]>::try_from(id).map_err(|_| corrupt("leaf.entry_id"))?;
        Ok((EntryId(id), index.cast_unsigned()))
    });
    ids.collect()
}

pub(crate) async fn blob(
    db: &mut SqliteConnection,
    digest: &BlobDigest,
) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar("SELECT bytes FROM blob WHERE digest = ?")
        .bind(&digest.0[..])
        .fetch_optional(db)
        .await
}

pub(crate) async fn find_all(
    db: &mut SqliteConnection,
    ids: &[EntryId],
) -> sqlx::Result<HashMap<EntryId, u64>> {
    let mut indices = HashMap::new();
    for ids in pieces(ids) {
        let mut select = QueryBuilder::new("WITH wanted (id) AS (");
        select.push_values(ids, |mut row, id| {
            row.push_bind(&id.0[..]);
        });
        select.push(
            ") SELECT leaf.entry_id, leaf.idx FROM wanted CROSS JOIN leaf
             ON leaf.entry_id = wanted.id",
        );
        let found: Vec<(Vec<u8>, i64)> = select.build_query_as().fetch_all(&mut *db).await?;
        for (id, index) in found {
            let id = <[u8; 32]>::try_from(id).map_err(|_| corrupt("leaf.entry_id"))?;
            indices.insert(EntryId(id), index.cast_unsigned());
        }
    }
    Ok(indices)
}

pub(crate) async fn leaves(
    db: &mut SqliteConnection,
    from: u64,
    until: u64,
    bytes: usize,
) -> sqlx::Result<Vec<Vec<u8>>> {
    // SQLite runs at most a few rows ahead, so rows after the page's end are not read. A window
    // function would read them all to add them up.
    let mut rows = sqlx::query_scalar::<_, Vec<u8>>(
        "SELECT leaf FROM leaf WHERE idx >= ? AND idx < ? ORDER BY idx LIMIT ?",
    )
    .bind(signed(from))
    .bind(signed(until))
    .bind(PAGE_LEAVES)
    .fetch(db);
    let (mut page, mut held) = (Vec::new(), 0);
    while let Some(leaf) = rows.try_next().await? {
        held += leaf.len();
        page.push(leaf);
        if held >= bytes {
            break;
        }
    }
    Ok(page)
}

pub(crate) async fn nodes(
    db: &mut SqliteConnection,
    wanted: &[Node],
) -> sqlx::Result<HashMap<Node, Hash>> {
    let mut nodes = HashMap::new();
    for wanted in pieces(wanted) {
        let mut select = QueryBuilder::new("WITH wanted (level, idx) AS (");
        select.push_values(wanted, |mut row, node| {
            row.push_bind(i64::from(node.level))
                .push_bind(signed(node.index));
        });
        select.push(
            ") SELECT node.level, node.idx, node.hash FROM wanted CROSS JOIN node
             ON node.level = wanted.level AND node.idx = wanted.idx",
        );
        let rows: Vec<(u8, i64, Vec<u8>)> = select.build_query_as().fetch_all(&mut *db).await?;
        for (level, index, hash) in rows {
            let hash = Hash::try_from(hash).map_err(|_| corrupt("node.hash"))?;
            let index = index.cast_unsigned();
            nodes.insert(Node { level, index }, hash);
        }
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_list_in_few_lengths() {
        for count in [0, 1, 2, 3, 63, 1_023, 1_024, 5_000] {
            let list: Vec<usize> = (0..count).collect();
            let lengths: Vec<usize> = pieces(&list).map(<[usize]>::len).collect();
            assert!(lengths.iter().all(|length| length.is_power_of_two()));
            assert!(lengths.iter().all(|length| *length <= MOST_ROWS));
            assert_eq!(pieces(&list).collect::<Vec<_>>().concat(), list);
            assert!(lengths.len() <= count / MOST_ROWS + 10);
        }
    }
}
