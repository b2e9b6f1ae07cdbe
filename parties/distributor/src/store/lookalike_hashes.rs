//! The looks of accounts, computed again when the rule changes.
//!
//! Each account's row has a keyed hash of the look of its name. A hash by an old rule never equals
//! one by the new rule, so a look-alike would be accepted without a question. The node's row names
//! the rule of the hashes.

use merits_text::lookalike;
use sqlx::{Row as _, SqliteConnection};
use zeroize::Zeroizing;

use super::{StoreError, SubjectId, array};
use crate::at_rest::{MasterKey, UnsealError};

/// The last schema version without `node.looks`. [`add_rule`] makes it the present one.
pub(super) const WITHOUT_RULE: i64 = 4;

/// The node's table of a store that was made with that version: as it was made, and after [`add_rule`].
pub(super) const NODE_BEFORE: [&str; 2] = [
    "CREATE TABLE node ( id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, origin TEXT NOT NULL, \
     party BLOB NOT NULL CHECK (length(party) = 32) ) STRICT",
    "CREATE TABLE node ( id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, origin TEXT NOT NULL, \
     party BLOB NOT NULL CHECK (length(party) = 32) , looks TEXT NOT NULL DEFAULT '') STRICT",
];

/// Adds the name of the rule, an unknown one, to a store that has none. Part of the caller's transaction.
pub(super) async fn add_rule(db: &mut SqliteConnection, version: i64) -> Result<(), StoreError> {
    // A column of a table that has rows needs a value for them. No rule has this name.
    sqlx::raw_sql("ALTER TABLE node ADD COLUMN looks TEXT NOT NULL DEFAULT ''")
        .execute(&mut *db)
        .await?;
    sqlx::query("UPDATE node SET version = ? WHERE id = 1")
        .bind(version)
        .execute(db)
        .await?;
    Ok(())
}

/// Computes all hashes by the present rule, if they were made by another. Part of the caller's
/// transaction.
///
/// A row that cannot be decrypted keeps its hash. Its account cannot be read at all, and any use of
/// it reports that.
///
/// # Errors
/// [`StoreError::Unseal`] when no row opens, as with another master key.
pub(super) async fn renew(db: &mut SqliteConnection, master: &MasterKey) -> Result<(), StoreError> {
    let rule = lookalike::rule();
    let stored: String = sqlx::query_scalar("SELECT looks FROM node WHERE id = 1")
        .fetch_one(&mut *db)
        .await?;
    if stored == rule {
        return Ok(());
    }
    let (mut renewed, mut closed, mut after) = (0u64, None, SubjectId(0));
    loop {
        let rows = sqlx::query(
            "SELECT id, tag, wrapped_key, name FROM subject WHERE id > ? ORDER BY id LIMIT 1000",
        )
        .bind(after)
        .fetch_all(&mut *db)
        .await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get("id")?;
        for row in rows {
            let id: SubjectId = row.try_get("id")?;
            let tag = array(row.try_get("tag")?, "subject tag")?;
            let look = match look(
                master,
                &tag,
                row.try_get("wrapped_key")?,
                row.try_get("name")?,
            ) {
                Ok(look) => look,
                Err(fault) => {
                    tracing::warn!(row = id.0, %fault, "an account's name does not open");
                    closed = Some(fault);
                    continue;
                }
            };
            sqlx::query("UPDATE subject SET look = ? WHERE id = ?")
                .bind(look.as_slice())
                .bind(id)
                .execute(&mut *db)
                .await?;
            renewed += 1;
        }
    }
    if let Some(fault) = closed.filter(|_| renewed == 0) {
        return Err(fault.into());
    }
    sqlx::query("UPDATE node SET looks = ? WHERE id = 1")
        .bind(rule)
        .execute(db)
        .await?;
    tracing::info!(
        accounts = renewed,
        "computed again which accounts look alike"
    );
    Ok(())
}

fn look(
    master: &MasterKey,
    tag: &[u8; 32],
    wrapped: &[u8],
    sealed: &[u8],
) -> Result<[u8; 32], UnsealError> {
    let name = master.unwrap(tag, wrapped)?.unseal("name", tag, sealed)?;
    // A name was text when it was sealed.
    let name = Zeroizing::new(String::from_utf8_lossy(&name).into_owned());
    Ok(master.look(&name))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use merits_primitives::ids::{Origin, PartyId};
    use sqlx::Connection as _;
    use zeroize::Zeroizing;

    use super::*;
    use crate::store::{Store, TABLES};

    async fn open(path: &Path, master: u8) -> Result<Store, StoreError> {
        let origin = Origin::new("looks.test").expect("a good origin");
        let master = MasterKey::new(Zeroizing::new([master; 32]));
        Store::open(path, &origin, &PartyId([1; 32]), master).await
    }

    /// An account with a deed, which is what a new account is compared with.
    async fn account(store: &Store, name: &str) {
        let rng = &mut rand::make_rng::<rand::rngs::StdRng>();
        let mut tx = store.pool.begin().await.expect("begins");
        let tag = store.master.tag(name);
        let (id, _) = store.subject(&mut tx, &tag, name, rng).await.expect("new");
        sqlx::query(
            "INSERT INTO deed (subject, scale, period, source, commitment, signature, state)
             VALUES (?1, 's', 1, zeroblob(32), ?2, zeroblob(64), 'ingested')",
        )
        .bind(id)
        .bind(tag.as_slice())
        .execute(&mut *tx)
        .await
        .expect("inserted");
        tx.commit().await.expect("committed");
    }

    async fn known(store: &Store, name: &str) -> Option<String> {
        let mut tx = store.pool.begin().await.expect("begins");
        let tag = store.master.tag(name);
        let found = store.lookalike(&mut tx, &tag, name).await;
        found.expect("reads")
    }

    async fn change(store: &Store, statement: &'static str) {
        let done = sqlx::raw_sql(statement).execute(&store.pool).await;
        done.expect(statement);
    }

    /// Regression: the rule changed but the hashes in the store did not, and `zoe` was accepted
    /// beside `Zoe`.
    #[tokio::test]
    async fn looks_by_another_rule_are_made_anew_at_the_opening() {
        for schema in [
            // The version before, and another rule under this one.
            "ALTER TABLE node DROP COLUMN looks; UPDATE node SET version = 4",
            "UPDATE node SET looks = '1' || looks",
        ] {
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("node.sqlite");
            let store = open(&path, 5).await.expect("opens");
            for name in ["Zoe", "Tim"] {
                account(&store, name).await;
            }
            change(&store, "UPDATE subject SET look = randomblob(32)").await;
            change(&store, schema).await;
            assert_eq!(known(&store, "zoe").await, None, "the hash is an old one");
            store.close().await.expect("folded");

            assert!(matches!(open(&path, 6).await, Err(StoreError::Unseal(_))));
            for _ in 0..2 {
                let store = open(&path, 5).await.expect("opens");
                assert_eq!(known(&store, "zoe").await.as_deref(), Some("Zoe"));
                assert_eq!(known(&store, "tim").await.as_deref(), Some("Tim"));
                assert_eq!(known(&store, "tom").await, None);
                store.close().await.expect("folded");
            }
        }
    }

    /// Of the node's table, only what this program and the version before make of it is known.
    #[tokio::test]
    async fn a_store_of_the_version_before_has_known_tables() {
        let mut db = SqliteConnection::connect("sqlite::memory:")
            .await
            .expect("opens");
        // As version 4 had it.
        let before = "DROP TABLE node;
CREATE TABLE node (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    version  INTEGER NOT NULL,
    origin   TEXT    NOT NULL,
    party    BLOB    NOT NULL CHECK (length(party) = 32)
) STRICT;";
        for statement in [TABLES, before] {
            let done = sqlx::raw_sql(statement).execute(&mut db).await;
            done.expect(statement);
        }
        let path = Path::new("node.sqlite");
        let also = NODE_BEFORE;
        let known = merits_sqlite::require_tables(&mut db, path, TABLES, &also);
        known.await.expect("as it was made");
        add_rule(&mut db, 5).await.expect("added");
        let known = merits_sqlite::require_tables(&mut db, path, TABLES, &also);
        known.await.expect("after it was opened");
        let more = "ALTER TABLE node ADD COLUMN more TEXT";
        sqlx::raw_sql(more).execute(&mut db).await.expect(more);
        let known = merits_sqlite::require_tables(&mut db, path, TABLES, &also);
        let said = known.await.expect_err("another column").to_string();
        assert!(said.contains("table \"node\""), "{said}");
    }

    /// A store with a damaged account still opens.
    #[tokio::test]
    async fn a_damaged_account_keeps_no_other_from_its_look() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("node.sqlite");
        let store = open(&path, 5).await.expect("opens");
        for name in ["Zoe", "Tim"] {
            account(&store, name).await;
        }
        change(
            &store,
            "UPDATE subject SET name = zeroblob(60) WHERE id = 1",
        )
        .await;
        change(&store, "UPDATE subject SET look = randomblob(32)").await;
        change(&store, "UPDATE node SET looks = ''").await;
        store.close().await.expect("folded");
        let store = open(&path, 5).await.expect("opens");
        assert_eq!(known(&store, "tim").await.as_deref(), Some("Tim"));
        assert_eq!(known(&store, "zoe").await, None);
        store.close().await.expect("folded");
    }
}
