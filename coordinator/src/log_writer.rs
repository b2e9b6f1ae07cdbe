//! The one writer of the stored log. A [`Group`] is one transaction: leaves, what they used up,
//! tree nodes and the checkpoint that covers them become durable together or not at all.

use merits_ledger::{Conflict, Effects, FoundingFact, Unique, UniqueSet, tree::Node};
use merits_primitives::ids::EntryId;
use merits_verifier::log::{Checkpoint, Hash};
use sqlx::{Connection as _, QueryBuilder, Sqlite, SqliteConnection, Transaction};

/// Rows of one INSERT: three parameters each, far below SQLite's 32,766.
const ROWS: usize = 1_000;

/// The writing connection.
#[derive(Debug)]
pub(crate) struct LogWriter {
    db: SqliteConnection,
}

impl LogWriter {
    pub(crate) fn new(db: SqliteConnection) -> Self {
        Self { db }
    }

    /// Opens a transaction that holds the write lock from its beginning.
    pub(crate) async fn begin(&mut self) -> sqlx::Result<Group<'_>> {
        let tx = self.db.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Group {
            tx,
            nodes: Vec::new(),
        })
    }

    /// Stores whose log this is and what it is founded on, with the checkpoint of the empty tree. Only
    /// once.
    pub(crate) async fn found(
        &mut self,
        log_key: &[u8; 32],
        facts: &[FoundingFact],
        checkpoint: &Checkpoint,
        note: &str,
    ) -> sqlx::Result<()> {
        let mut tx = self.db.begin().await?;
        for (fact, value) in facts {
            sqlx::query("INSERT INTO founding (fact, value) VALUES (?, ?)")
                .bind(*fact)
                .bind(value)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query(
            "INSERT INTO log (id, origin, log_key, size, root, checkpoint)
             VALUES (1, ?, ?, 0, ?, ?)",
        )
        .bind(checkpoint.origin.as_str())
        .bind(&log_key[..])
        .bind(&checkpoint.root[..])
        .bind(note)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }

    /// Closes the connection. Folding the write-ahead log is the matter of whoever closes the last one.
    pub(crate) async fn close(self) -> sqlx::Result<()> {
        self.db.close().await
    }
}

/// One transaction of appends. Dropped without [`Group::commit`], it never happened.
#[derive(Debug)]
pub(crate) struct Group<'w> {
    tx: Transaction<'w, Sqlite>,
    nodes: Vec<(Node, Hash)>,
}

impl Group<'_> {
    /// Appends a leaf with what it uses up. A value that is taken is an answer, given by the
    /// database's constraints; the group is then as if this leaf had never come.
    pub(crate) async fn append(&mut self, effects: &Effects) -> sqlx::Result<Result<(), Conflict>> {
        let (index, id, uniques) = (effects.index(), effects.id(), effects.uniques());
        let inserted = sqlx::query(
            "INSERT INTO leaf (idx, entry_id, leaf) VALUES (?, ?, ?)
             ON CONFLICT (entry_id) DO NOTHING",
        )
        .bind(index.cast_signed())
        .bind(&id.0[..])
        .bind(effects.leaf())
        .execute(&mut *self.tx)
        .await?;
        if inserted.rows_affected() == 0 {
            let taken = Unique {
                set: UniqueSet::Entry,
                value: id.0,
                claim: None,
            };
            return Ok(Err(Conflict(taken)));
        }
        let error = match self.use_up(index, uniques).await {
            Ok(()) => return Ok(Ok(())),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => error,
            Err(error) => return Err(error),
        };
        tracing::debug!(%error, "a value is taken");
        // SQLite has undone the failed statement only; the leaf goes by hand.
        sqlx::query("DELETE FROM leaf WHERE idx = ?")
            .bind(index.cast_signed())
            .execute(&mut *self.tx)
            .await?;
        // Without an earlier user the values collide among themselves, which `State::check`
        // refuses earlier; even then a refusal is right, and stopping would not be.
        let taken = self.taken(uniques).await?.or(uniques.first().copied());
        let entry = Unique {
            set: UniqueSet::Entry,
            value: id.0,
            claim: None,
        };
        Ok(Err(Conflict(taken.unwrap_or(entry))))
    }

    /// Tree nodes to store with this group.
    pub(crate) fn nodes(&mut self, nodes: Vec<(Node, Hash)>) {
        self.nodes.extend(nodes);
    }

    /// Index of an entry that is in the log, or in this group.
    pub(crate) async fn index_of(&mut self, id: &EntryId) -> sqlx::Result<Option<u64>> {
        let index: Option<i64> = sqlx::query_scalar("SELECT idx FROM leaf WHERE entry_id = ?")
            .bind(&id.0[..])
            .fetch_optional(&mut *self.tx)
            .await?;
        Ok(index.map(i64::cast_unsigned))
    }

    /// Makes the group durable, with the checkpoint that covers it.
    pub(crate) async fn commit(mut self, checkpoint: &Checkpoint, note: &str) -> sqlx::Result<()> {
        for nodes in std::mem::take(&mut self.nodes).chunks(ROWS) {
            let mut insert = QueryBuilder::new("INSERT INTO node (level, idx, hash) ");
            insert.push_values(nodes, |mut row, (node, hash)| {
                row.push_bind(i64::from(node.level))
                    .push_bind(node.index.cast_signed())
                    .push_bind(hash.to_vec());
            });
            insert.build().execute(&mut *self.tx).await?;
        }
        sqlx::query("UPDATE log SET size = ?, root = ?, checkpoint = ? WHERE id = 1")
            .bind(checkpoint.size.cast_signed())
            .bind(&checkpoint.root[..])
            .bind(note)
            .execute(&mut *self.tx)
            .await?;
        self.tx.commit().await
    }

    async fn use_up(&mut self, index: u64, uniques: &[Unique]) -> sqlx::Result<()> {
        let mut values = uniques
            .iter()
            .filter(|unique| unique.set != UniqueSet::Entry)
            .peekable();
        if values.peek().is_none() {
            return Ok(());
        }
        let mut insert = QueryBuilder::new("INSERT INTO used (kind, value, idx) ");
        insert.push_values(values, |mut row, unique| {
            row.push_bind(i64::from(unique.set as u8))
                .push_bind(unique.value.to_vec())
                .push_bind(index.cast_signed());
        });
        insert.build().execute(&mut *self.tx).await?;
        Ok(())
    }

    /// The first of these values that the log has used before.
    async fn taken(&mut self, uniques: &[Unique]) -> sqlx::Result<Option<Unique>> {
        for unique in uniques {
            let found: Option<i64> =
                sqlx::query_scalar("SELECT idx FROM used WHERE kind = ? AND value = ?")
                    .bind(i64::from(unique.set as u8))
                    .bind(&unique.value[..])
                    .fetch_optional(&mut *self.tx)
                    .await?;
            if found.is_some() {
                return Ok(Some(*unique));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::ids::Origin;
    use merits_verifier::log::empty_root;
    use sqlx::ConnectOptions as _;

    use super::*;

    /// The sequencer stops at the first error of this writer, and the coordinator with it: nobody knows what
    /// is durable, and a connection that a full disk broke is not to be used again. The file is as it was.
    #[tokio::test]
    async fn a_full_disk_is_an_error_and_the_file_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.sqlite");
        let mut db = merits_sqlite::durable(&path)
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        let tables =
            "CREATE TABLE log (id INTEGER PRIMARY KEY, size INTEGER, root BLOB, checkpoint TEXT);
             CREATE TABLE node (level INTEGER, idx INTEGER, hash BLOB);
             INSERT INTO log VALUES (1, 0, x'00', 'empty');
             PRAGMA max_page_count = 4;";
        sqlx::raw_sql(tables).execute(&mut db).await.unwrap();
        let mut writer = LogWriter::new(db);
        let checkpoint = Checkpoint {
            origin: Origin::new("full.test").unwrap(),
            size: 10_000,
            root: empty_root(),
        };
        let mut group = writer.begin().await.unwrap();
        let node = |index| (Node { level: 0, index }, [0; 32]);
        group.nodes((0..10_000).map(node).collect());
        let said = group.commit(&checkpoint, "never").await.unwrap_err();
        assert!(said.to_string().contains("full"), "{said}");
        // Whoever went on with it would be refused, or write outside of a transaction.
        assert!(writer.begin().await.is_err());
        drop(writer);

        let mut db = merits_sqlite::inspecting(&path).connect().await.unwrap();
        let (size, note, nodes): (i64, String, i64) =
            sqlx::query_as("SELECT size, checkpoint, (SELECT count(*) FROM node) FROM log")
                .fetch_one(&mut db)
                .await
                .unwrap();
        assert_eq!((size, note.as_str(), nodes), (0, "empty", 0));
        let db = merits_sqlite::durable(&path).connect().await.unwrap();
        LogWriter::new(db).begin().await.unwrap();
    }
}
