//! Copies of the store: made while it is in use, fully checked, restored.
//!
//! Vouchers are given in the log's order, so a copy need not be the newest: with the log, an older
//! one gives every redemption the voucher that it had. Vouchers that were taken in after the copy
//! must be taken in again.

use std::path::Path;

use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_sqlite::{Staged, StoreKind};
use serde::Serialize;
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::{StoreError, array, check_node};
use crate::at_rest::MasterKey;

/// The contents of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Vouchers.
    pub vouchers: u64,
    /// The number of these that redemptions have.
    pub assigned: u64,
}

/// Copies a store of this ledger and party, also while it is in use, and decrypts every voucher of
/// the copy before the copy gets its name. Only its owner may read it. Both backup and restore use
/// this.
///
/// # Errors
/// [`StoreError`]; no file was made under the new name. Existing files are never overwritten.
pub async fn copy(
    source: &Path,
    destination: &Path,
    origin: &Origin,
    party: &PartyId,
    master: &MasterKey,
) -> Result<Copied, StoreError> {
    StoreKind::Vouchers.require(source).await?;
    let staged = Staged::copy_of(source, destination).await?;
    let mut db = merits_sqlite::inspecting(staged.path()).connect().await?;
    let tables = match check_node(&mut db, origin, party).await? {
        // Opening it adds the table.
        super::WITHOUT_HANDED => {
            let before = super::TABLES.split_once(super::HANDED_BEGINS);
            before.map_or(super::TABLES, |(before, _)| before)
        }
        _ => super::TABLES,
    };
    merits_sqlite::require_tables(&mut db, source, tables, &[]).await?;
    let mut copied = Copied {
        vouchers: 0,
        assigned: 0,
    };
    let mut after = 0i64;
    loop {
        let rows = sqlx::query(
            "SELECT id, offer, tag, sealed, redemption IS NOT NULL AS assigned FROM voucher
             WHERE id > ? ORDER BY id LIMIT 1000",
        )
        .bind(after)
        .fetch_all(&mut db)
        .await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get("id")?;
        for row in rows {
            let offer = EntryId(array(row.try_get("offer")?, "offer id")?);
            let tag = array(row.try_get("tag")?, "code tag")?;
            drop(master.open(&offer, &tag, row.try_get("sealed")?)?);
            copied.vouchers += 1;
            copied.assigned += u64::from(row.try_get::<bool, _>("assigned")?);
        }
    }
    db.close().await?;
    staged.put_in_place()?;
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt as _};

    use super::*;
    use crate::store::stock::tests::{OFFER, codes, open, stock};
    use merits_keyfile::SecretBytes;

    #[tokio::test]
    async fn a_copy_of_a_store_in_use_gives_everybody_the_same_voucher_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, backup) = (dir.path().join("v.sqlite"), dir.path().join("b.sqlite"));
        let store = open(&path, 1).await.expect("opens");
        stock(&store, 4, &codes(0, 4)).await.expect("enough");
        let redemption = |number| EntryId([number; 32]);
        let log: Vec<_> = (0..4).map(|number| (redemption(number), OFFER)).collect();
        store.assign(&log[..1]).await.expect("assigns");

        let origin = Origin::new("stock.test").expect("a good origin");
        let (party, master) = (PartyId([1; 32]), MasterKey::new(SecretBytes::new([9; 32])));
        let made = copy(&path, &backup, &origin, &party, &master).await;
        let want = Copied {
            vouchers: 4,
            assigned: 1,
        };
        assert_eq!(made.expect("copied"), want);
        let report = serde_json::to_value(want).expect("JSON");
        assert_eq!(report, serde_json::json!({ "vouchers": 4, "assigned": 1 }));
        assert_eq!(
            fs::metadata(&backup).expect("there").mode() & 0o777,
            0o600,
            "anybody who reads it and has the key has the vouchers"
        );
        // The store continues, and is then lost.
        store.assign(&log).await.expect("assigns");
        let had = store.assigned(&OFFER, &redemption(2)).await;
        let had = had.expect("reads").expect("has one");
        store.close().await.expect("folded");
        fs::remove_file(&path).expect("lost");

        // Not for others, and not under another key.
        let other = PartyId([2; 32]);
        let refused = copy(&backup, &path, &origin, &other, &master).await;
        assert!(matches!(refused, Err(StoreError::Foreign { .. })));
        let wrong = MasterKey::new(SecretBytes::new([8; 32]));
        let refused = copy(&backup, &path, &origin, &party, &wrong).await;
        assert!(matches!(refused, Err(StoreError::Unseal(_))));
        assert!(!path.exists());

        let back = copy(&backup, &path, &origin, &party, &master).await;
        assert_eq!(back.expect("restored"), want);
        // Regression: an exchange served with another store's key, took credits and gave no voucher.
        let wrong = MasterKey::new(SecretBytes::new([8; 32]));
        let refused = crate::store::Store::open(&path, &origin, &party, wrong).await;
        assert!(matches!(refused, Err(StoreError::OtherKey(_))));
        let refused = copy(&backup, &path, &origin, &party, &master).await;
        let refused = refused.expect_err("a store is there").to_string();
        assert!(refused.contains("not overwritten"), "{refused}");
        let store = open(&path, 1).await.expect("opens");
        store.assign(&log).await.expect("assigns");
        let has = store.assigned(&OFFER, &redemption(2)).await;
        assert_eq!(has.expect("reads"), Some(had));
    }

    /// Regression: a restore also restored foreign triggers, later still if their names began as those of SQLite's own
    /// tables.
    #[tokio::test]
    async fn a_backup_with_a_trigger_is_not_put_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("v.sqlite");
        let origin = Origin::new("stock.test").expect("a good origin");
        let (party, master) = (PartyId([1; 32]), MasterKey::new(SecretBytes::new([9; 32])));
        for name in ["evil", "sqlite_evil"] {
            let backup = dir.path().join(format!("{name}.sqlite"));
            let store = open(&backup, 1).await.expect("opens");
            stock(&store, 2, &codes(0, 2)).await.expect("enough");
            store.close().await.expect("folded");
            let mut db = merits_sqlite::durable(&backup)
                .connect()
                .await
                .expect("opens");
            // CREATE refuses such a name.
            sqlx::raw_sql("PRAGMA writable_schema = ON")
                .execute(&mut db)
                .await
                .expect("on");
            let text = format!(
                "CREATE TRIGGER {name} AFTER UPDATE ON voucher BEGIN DELETE FROM stock; END"
            );
            sqlx::query(
                "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql)
                 VALUES ('trigger', ?, 'voucher', 0, ?)",
            )
            .bind(name)
            .bind(text)
            .execute(&mut db)
            .await
            .expect("made");
            db.close().await.expect("closed");
            let refused = copy(&backup, &path, &origin, &party, &master).await;
            let said = refused.expect_err("another's tables").to_string();
            assert!(
                said.contains(&format!("{name}.sqlite"))
                    && said.contains(&format!("trigger {name:?}")),
                "{said}"
            );
            assert!(!path.exists());
        }
    }
}
