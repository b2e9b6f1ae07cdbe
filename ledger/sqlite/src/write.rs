//! The one writer. A [`Group`] is one transaction: leaves, used values, tree nodes, changed rows
//! and the checkpoint that covers them become durable together or not at all.

use std::{
    collections::{HashMap, HashSet},
    ops::{Deref, DerefMut},
};

use merits_ledger::{
    Conflict, Unique, UniqueSet,
    rows::{RowChange, RowKey, StateDigest},
    storage::{Commit, Founded, Head, STATE_VERSION, StorageGroup, StoreFailure, StoredLeaf},
    tree::Node,
};
use merits_primitives::ids::EntryId;
use merits_verifier::log::Hash;
use sqlx::{Connection as _, QueryBuilder, Sqlite, SqliteConnection, Transaction};

use crate::read;

/// The writing connection.
#[derive(Debug)]
pub struct Writer {
    db: SqliteConnection,
}

impl Writer {
    /// Over a connection that opened its file durably.
    pub fn new(db: SqliteConnection) -> Self {
        Self { db }
    }

    /// Opens a transaction that holds the write lock from its beginning.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn begin(&mut self) -> sqlx::Result<Group<'_>> {
        let tx = self.db.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Group { db: Held::Lent(tx) })
    }

    /// Like [`Writer::begin`], for a group that owns the connection and outlives the function that
    /// began it. [`Group::end`] returns the writer.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn into_group(mut self) -> sqlx::Result<Group<'static>> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.db).await?;
        Ok(Group {
            db: Held::Own(self.db),
        })
    }

    /// Stores the log's origin and founding parameters, with the checkpoint of the empty tree. Call
    /// it only once.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn found(&mut self, founded: &Founded) -> sqlx::Result<()> {
        let mut tx = self.db.begin().await?;
        for (fact, value) in &founded.facts {
            sqlx::query("INSERT INTO founding (fact, value) VALUES (?, ?)")
                .bind(fact)
                .bind(value)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query(
            "INSERT INTO log (id, origin, log_key, size, root, checkpoint)
             VALUES (1, ?, ?, 0, ?, ?)",
        )
        .bind(&founded.origin)
        .bind(&founded.log_key[..])
        .bind(&founded.root[..])
        .bind(&founded.checkpoint)
        .execute(&mut *tx)
        .await?;
        put_state(&mut tx, 0, &StateDigest::default()).await?;
        tx.commit().await
    }

    /// Replaces the stored state by another one: all rows of the existing leaves, computed again.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn replace_state(
        &mut self,
        size: u64,
        rows: &[RowChange],
        digest: &StateDigest,
    ) -> sqlx::Result<()> {
        let mut tx = self.db.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM row").execute(&mut *tx).await?;
        put_rows(&mut tx, rows).await?;
        put_state(&mut tx, size, digest).await?;
        tx.commit().await
    }

    /// Closes the connection. The caller that closes the last connection folds the write-ahead log.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn close(self) -> sqlx::Result<()> {
        self.db.close().await
    }
}

/// One transaction of appends. Without [`StorageGroup::commit`] it has no effect.
#[derive(Debug)]
pub struct Group<'w> {
    db: Held<'w>,
}

/// How a group has its connection.
#[derive(Debug)]
enum Held<'w> {
    /// Borrowed: the writer continues when the group ends in any way.
    Lent(Transaction<'w, Sqlite>),
    /// Owned: dropping the connection rolls its transaction back.
    Own(SqliteConnection),
}

impl Deref for Held<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Lent(transaction) => transaction,
            Self::Own(db) => db,
        }
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Lent(transaction) => transaction,
            Self::Own(db) => db,
        }
    }
}

impl Group<'_> {
    /// Makes the group durable, and gives back the writer of a group that has its own
    /// ([`Writer::into_group`]).
    ///
    /// # Errors
    /// SQLite's. Then it is unknown whether the group is durable; the head shows it.
    pub async fn end(mut self, commit: Commit) -> sqlx::Result<Option<Writer>> {
        let Commit {
            head:
                Head {
                    size,
                    root,
                    checkpoint,
                    digest,
                },
            nodes,
            rows,
        } = commit;
        put_nodes(&mut self.db, &nodes).await?;
        put_rows(&mut self.db, &rows).await?;
        put_state(&mut self.db, size, &digest).await?;
        sqlx::query("UPDATE log SET size = ?, root = ?, checkpoint = ? WHERE id = 1")
            .bind(size.cast_signed())
            .bind(&root[..])
            .bind(checkpoint)
            .execute(&mut *self.db)
            .await?;
        match self.db {
            Held::Lent(transaction) => {
                transaction.commit().await?;
                Ok(None)
            }
            Held::Own(mut db) => {
                sqlx::query("COMMIT").execute(&mut db).await?;
                Ok(Some(Writer { db }))
            }
        }
    }
}

impl StorageGroup for Group<'_> {
    type Error = sqlx::Error;

    fn explain(error: sqlx::Error) -> StoreFailure {
        crate::explain(error)
    }

    async fn get(&mut self, keys: &[RowKey]) -> sqlx::Result<Vec<Option<Vec<u8>>>> {
        read::get(&mut self.db, keys).await
    }

    async fn find(&mut self, id: &EntryId) -> sqlx::Result<Option<u64>> {
        read::find(&mut self.db, id).await
    }

    async fn find_all(&mut self, ids: &[EntryId]) -> sqlx::Result<HashMap<EntryId, u64>> {
        read::find_all(&mut self.db, ids).await
    }

    async fn append(&mut self, leaf: StoredLeaf<'_>) -> sqlx::Result<Result<(), Conflict>> {
        // If a constraint refuses the leaf, all of it is rolled back. The savepoint is plain SQL,
        // because sqlx's own rollback leaves it open.
        sqlx::query("SAVEPOINT entry")
            .execute(&mut *self.db)
            .await?;
        let Err(error) = insert(&mut self.db, &[leaf]).await else {
            sqlx::query("RELEASE entry").execute(&mut *self.db).await?;
            return Ok(Ok(()));
        };
        let undone = sqlx::raw_sql("ROLLBACK TO entry; RELEASE entry")
            .execute(&mut *self.db)
            .await;
        let answer = conflict(&mut self.db, &leaf, error).await?;
        // An error of the insertion says more than what follows from it.
        undone?;
        Ok(Err(answer))
    }

    async fn used_all(
        &mut self,
        values: &[(UniqueSet, [u8; 32])],
    ) -> sqlx::Result<HashSet<(UniqueSet, [u8; 32])>> {
        read::used_all(&mut self.db, values).await
    }

    async fn append_all(
        &mut self,
        leaves: &[StoredLeaf<'_>],
    ) -> sqlx::Result<Result<(), (usize, Conflict)>> {
        // Without a savepoint, because SQLite would keep each page as it was before: the group is dropped.
        let Err(error) = insert(&mut self.db, leaves).await else {
            return Ok(Ok(()));
        };
        if !is_taken(&error) {
            return Err(error);
        }
        match first_taken(&mut self.db, leaves).await? {
            Some(conflict) => Ok(Err(conflict)),
            None => Err(error),
        }
    }

    async fn put(&mut self, nodes: Vec<(Node, Hash)>, rows: Vec<RowChange>) -> sqlx::Result<()> {
        put_nodes(&mut self.db, &nodes).await?;
        put_rows(&mut self.db, &rows).await
    }

    async fn commit(self, commit: Commit) -> sqlx::Result<()> {
        self.end(commit).await.map(drop)
    }
}

/// Inserts leaves and their used values. If a constraint refuses one, those before it stay
/// inserted, and SQLite keeps no journal of the statement. A caller that wants to continue must
/// have a savepoint.
async fn insert(tx: &mut SqliteConnection, leaves: &[StoredLeaf<'_>]) -> sqlx::Result<()> {
    for leaves in read::pieces(leaves) {
        let mut insert = QueryBuilder::new("INSERT OR FAIL INTO leaf (idx, entry_id, leaf) ");
        insert.push_values(leaves, |mut row, leaf| {
            row.push_bind(leaf.index.cast_signed())
                .push_bind(&leaf.id.0[..])
                .push_bind(leaf.bytes);
        });
        insert.build().execute(&mut *tx).await?;
    }
    let uniques = leaves.iter().flat_map(|leaf| {
        let uniques = leaf.uniques.iter();
        uniques.map(|unique| (unique.set, &unique.value, leaf.index))
    });
    // Entry ids stand with their leaves.
    let mut uniques: Vec<_> = uniques
        .filter(|(set, _, _)| *set != UniqueSet::Entry)
        .collect();
    // In the order of the table, so that neighbours find the same pages.
    uniques.sort_unstable();
    for uniques in read::pieces(&uniques) {
        let mut insert = QueryBuilder::new("INSERT OR FAIL INTO used (kind, value, idx) ");
        insert.push_values(uniques, |mut row, (set, value, index)| {
            row.push_bind(i64::from(*set as u8))
                .push_bind(&value[..])
                .push_bind(index.cast_signed());
        });
        insert.build().execute(&mut *tx).await?;
    }
    for blob in leaves.iter().flat_map(|leaf| leaf.blobs) {
        let insert =
            "INSERT INTO blob (digest, bytes) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING";
        sqlx::query(insert)
            .bind(&blob.digest().0[..])
            .bind(blob.bytes())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

fn is_taken(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.is_unique_violation())
}

/// The value of a leaf that is taken. Other errors of its insertion stay errors, and so does a
/// taken index.
async fn conflict(
    db: &mut SqliteConnection,
    leaf: &StoredLeaf<'_>,
    error: sqlx::Error,
) -> sqlx::Result<Conflict> {
    if !is_taken(&error) {
        return Err(error);
    }
    match taken(db, leaf).await? {
        Some(unique) => {
            tracing::debug!(%error, "a value is taken");
            Ok(Conflict(unique))
        }
        None => Err(error),
    }
}

/// The first of some leaves that uses a value again: its position, and the value. Some of the
/// leaves may be inserted.
async fn first_taken(
    db: &mut SqliteConnection,
    leaves: &[StoredLeaf<'_>],
) -> sqlx::Result<Option<(usize, Conflict)>> {
    let mut before = HashSet::new();
    for (position, leaf) in leaves.iter().enumerate() {
        if let Some(unique) = taken(db, leaf).await? {
            return Ok(Some((position, Conflict(unique))));
        }
        let entry = Unique {
            set: UniqueSet::Entry,
            value: leaf.id.0,
            claim: None,
        };
        let uniques = leaf.uniques.iter();
        let uniques = uniques.filter(|unique| unique.set != UniqueSet::Entry);
        for unique in [&entry].into_iter().chain(uniques) {
            // The used values of an earlier leaf may not be inserted yet.
            if !before.insert((unique.set, unique.value)) {
                return Ok(Some((position, Conflict(*unique))));
            }
        }
    }
    Ok(None)
}

/// The first of a leaf's values that another leaf used, or that the leaf names twice.
async fn taken(db: &mut SqliteConnection, leaf: &StoredLeaf<'_>) -> sqlx::Result<Option<Unique>> {
    // Rows with the leaf's own index were just inserted by it.
    let others = |index: Option<u64>| index.is_some_and(|index| index != leaf.index);
    let entry = Unique {
        set: UniqueSet::Entry,
        value: leaf.id.0,
        claim: None,
    };
    if others(read::find(db, &leaf.id).await?) {
        return Ok(Some(entry));
    }
    let mut seen = HashSet::new();
    for unique in leaf.uniques {
        let used = read::used(db, unique.set, &unique.value).await?;
        if others(used) || !seen.insert((unique.set, unique.value)) {
            return Ok(Some(*unique));
        }
    }
    Ok(None)
}

async fn put_nodes(tx: &mut SqliteConnection, nodes: &[(Node, Hash)]) -> sqlx::Result<()> {
    for nodes in read::pieces(nodes) {
        let mut insert = QueryBuilder::new("INSERT INTO node (level, idx, hash) ");
        insert.push_values(nodes, |mut row, (node, hash)| {
            row.push_bind(i64::from(node.level))
                .push_bind(node.index.cast_signed())
                .push_bind(&hash[..]);
        });
        insert.build().execute(&mut *tx).await?;
    }
    Ok(())
}

async fn put_rows(tx: &mut SqliteConnection, rows: &[RowChange]) -> sqlx::Result<()> {
    let put: Vec<(&RowKey, &Vec<u8>)> = rows
        .iter()
        .filter_map(|(key, value)| Some((key, value.as_ref()?)))
        .collect();
    for rows in read::pieces(&put) {
        let mut insert = QueryBuilder::new("INSERT INTO row (tbl, key, value) ");
        insert.push_values(rows, |mut row, (key, value)| {
            row.push_bind(i64::from(key.table.number()))
                .push_bind(key.key.as_slice())
                .push_bind(value.as_slice());
        });
        insert.push(" ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value");
        insert.build().execute(&mut *tx).await?;
    }
    let gone: Vec<&RowKey> = rows
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(key, _)| key)
        .collect();
    for of_table in gone.chunk_by(|one, other| one.table == other.table) {
        for keys in read::pieces(of_table) {
            let mut delete = QueryBuilder::new("DELETE FROM row WHERE tbl = ");
            delete.push_bind(i64::from(keys[0].table.number()));
            delete.push(" AND key IN (");
            let mut list = delete.separated(", ");
            for key in keys {
                list.push_bind(key.key.as_slice());
            }
            delete.push(")");
            delete.build().execute(&mut *tx).await?;
        }
    }
    Ok(())
}

async fn put_state(tx: &mut SqliteConnection, size: u64, digest: &StateDigest) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO state (id, version, size, digest) VALUES (1, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE
         SET version = excluded.version, size = excluded.size, digest = excluded.digest",
    )
    .bind(i64::from(STATE_VERSION))
    .bind(size.cast_signed())
    .bind(digest.to_stored())
    .execute(tx)
    .await?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]
mod tests {
    use sqlx::ConnectOptions as _;

    use super::*;

    /// Each savepoint that stays open costs memory until the group's end, and every later one is inside it.
    #[tokio::test]
    async fn no_savepoint_stays_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.sqlite");
        let options = merits_sqlite::durable(&path).create_if_missing(true);
        let mut db = options.connect().await.unwrap();
        sqlx::raw_sql(crate::TABLES).execute(&mut db).await.unwrap();
        let mut writer = Writer::new(db);
        let mut group = writer.begin().await.unwrap();
        for (index, appends) in [(0, true), (1, false)] {
            let leaf = StoredLeaf {
                index,
                id: EntryId([1; 32]),
                bytes: b"leaf",
                uniques: &[],
                blobs: &[],
            };
            assert_eq!(group.append(leaf).await.unwrap().is_ok(), appends);
            let release = sqlx::query("RELEASE entry").execute(&mut *group.db);
            let error = release.await.unwrap_err();
            assert!(error.to_string().contains("no such savepoint"), "{error}");
        }
    }
}
