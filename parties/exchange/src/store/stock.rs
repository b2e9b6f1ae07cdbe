//! Takes in a sponsor's vouchers.

use std::collections::HashMap;

use merits_primitives::ids::{EntryId, PartyId};
use rand_core::CryptoRng;
use sqlx::{Row as _, SqliteConnection};
use thiserror::Error;

use super::{Store, StoreError, array};
use crate::{
    code_file::{CodeLine, difference, look},
    voucher::Code,
};

/// Why vouchers are refused. Then none of the file's vouchers is in stock.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StockError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A repeated code.
    #[error(
        "line {line} repeats {}: a code is given to one person only", match .earlier { Some(line) => format!("line {line}"), None => "a code that is in stock".to_owned() }
    )]
    Duplicate {
        /// The line, from 1.
        line: usize,
        /// The earlier line of the same file; `None` if the code came with an earlier file.
        earlier: Option<usize>,
    },
    /// A code that a person may mistake for another one of the same offer.
    #[error(
        "line {line} differs from a code in stock only in {how}, so a typing error would give the other \
         voucher. Have the sponsor make another code in its place"
    )]
    Alike {
        /// The line, from 1.
        line: usize,
        /// The difference.
        how: &'static str,
    },
    /// Fewer vouchers than possible redemptions.
    #[error(
        "the offer's quota is {quota} and its stock would be {total}: {} vouchers are missing. All \
         redemptions may happen here, so the stock must cover the whole quota", .quota - .total
    )]
    BelowQuota {
        /// Redemptions that the offer allows.
        quota: u64,
        /// The resulting number of vouchers, including those in stock.
        total: u64,
    },
}

/// The place of a voucher in its table. Rows are never deleted, so all that come later have greater ones.
#[derive(Debug, Clone, Copy, Default, sqlx::Type)]
#[sqlx(transparent)]
struct VoucherRow(i64);

/// The codes of an offer that are in stock.
#[derive(Default)]
struct Stocked {
    /// By their look.
    looks: HashMap<[u8; 32], Code>,
    /// The newest one.
    last: VoucherRow,
}

/// The looks of codes, in order; `None` if there is no stock to compare them with.
fn looks_of(codes: &[CodeLine], stocked: &Stocked) -> Vec<[u8; 32]> {
    if stocked.looks.is_empty() {
        return Vec::new();
    }
    codes
        .iter()
        .map(|CodeLine { code, .. }| look(code))
        .collect()
}

impl Store {
    /// Takes in vouchers of an offer, all or none, and returns how many were ever taken in.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn stock(
        &self,
        offer: &EntryId,
        sponsor: &PartyId,
        quota: u64,
        codes: &[CodeLine],
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<u64, StockError> {
        let database = |error: sqlx::Error| StockError::Store(error.into());
        // Computing the looks of a million codes takes seconds, in which no voucher could be given,
        // so it is done before the transaction.
        let mut connection = self.pool.acquire().await.map_err(database)?;
        let mut stocked = Stocked::default();
        self.add_looks(&mut connection, offer, &mut stocked).await?;
        drop(connection);
        let mut looks = looks_of(codes, &stocked);
        let mut lines: HashMap<_, usize> = HashMap::with_capacity(codes.len());
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(database)?;
        // Codes that another import added meanwhile; usually none.
        self.add_looks(&mut tx, offer, &mut stocked).await?;
        if looks.is_empty() {
            looks = looks_of(codes, &stocked);
        }
        for (look, CodeLine { line, code }) in looks.iter().zip(codes) {
            let known = stocked.looks.get(look).filter(|known| *known != code);
            if let Some(known) = known {
                let how = difference(code.as_str(), known.as_str());
                return Err(StockError::Alike { line: *line, how });
            }
        }
        for CodeLine { line, code } in codes {
            let line = *line;
            let tag = self.master.tag(sponsor, code);
            if let Some(earlier) = lines.insert(tag, line) {
                return Err(StockError::Duplicate {
                    line,
                    earlier: Some(earlier),
                });
            }
            let done = sqlx::query(
                "INSERT INTO voucher (offer, tag, sealed) VALUES (?, ?, ?) ON CONFLICT (tag) DO NOTHING",
            )
            .bind(offer.0.as_slice())
            .bind(tag.as_slice())
            .bind(self.master.seal(offer, &tag, code, rng))
            .execute(&mut *tx)
            .await
            .map_err(database)?;
            if done.rows_affected() == 0 {
                return Err(StockError::Duplicate {
                    line,
                    earlier: None,
                });
            }
        }
        let total: i64 = sqlx::query_scalar(
            "INSERT INTO stock (offer, total) VALUES (?1, ?2)
             ON CONFLICT (offer) DO UPDATE SET total = total + ?2 RETURNING total",
        )
        .bind(offer.0.as_slice())
        .bind(i64::try_from(codes.len()).unwrap_or(i64::MAX))
        .fetch_one(&mut *tx)
        .await
        .map_err(database)?;
        let total = u64::try_from(total).map_err(|_| StoreError::Malformed { what: "count" })?;
        if total < quota {
            return Err(StockError::BelowQuota { quota, total });
        }
        tx.commit().await.map_err(database)?;
        Ok(total)
    }

    /// Adds those codes of an offer that came into stock after the ones that are known.
    async fn add_looks(
        &self,
        db: &mut SqliteConnection,
        offer: &EntryId,
        stocked: &mut Stocked,
    ) -> Result<(), StoreError> {
        loop {
            let rows = sqlx::query(
                "SELECT id, tag, sealed FROM voucher WHERE offer = ? AND id > ? ORDER BY id LIMIT 1000",
            )
            .bind(offer.0.as_slice())
            .bind(stocked.last)
            .fetch_all(&mut *db)
            .await?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            stocked.last = last.try_get("id")?;
            for row in rows {
                let tag = array(row.try_get("tag")?, "code tag")?;
                let code = self.master.open(offer, &tag, row.try_get("sealed")?)?;
                stocked.looks.insert(look(&code), code);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{collections::BTreeSet, path::Path, time::Duration};

    use merits_keyfile::SecretBytes;
    use merits_primitives::ids::Origin;

    use super::*;
    use crate::at_rest::MasterKey;

    pub(in crate::store) const OFFER: EntryId = EntryId([1; 32]);
    const SPONSOR: PartyId = PartyId([2; 32]);

    pub(in crate::store) async fn open(path: &Path, party: u8) -> Result<Store, StoreError> {
        let origin = Origin::new("stock.test").expect("a good origin");
        let master = MasterKey::new(SecretBytes::new([9; 32]));
        Store::open(path, &origin, &PartyId([party; 32]), master).await
    }

    pub(in crate::store) fn codes(from: u32, count: u32) -> Vec<CodeLine> {
        CodeLine::numbered((from..from + count).map(|number| code(&format!("SECRET-{number}"))))
    }

    fn code(text: &str) -> Code {
        Code::new(text.to_owned()).expect("a good code")
    }

    pub(in crate::store) async fn stock(
        store: &Store,
        quota: u64,
        codes: &[CodeLine],
    ) -> Result<u64, StockError> {
        let rng = &mut rand::make_rng::<rand::rngs::StdRng>();
        store.stock(&OFFER, &SPONSOR, quota, codes, rng).await
    }

    fn redemption(number: u16) -> (EntryId, EntryId) {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&number.to_be_bytes());
        (EntryId(id), OFFER)
    }

    #[tokio::test]
    async fn a_stock_below_the_quota_is_refused_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(&dir.path().join("v.sqlite"), 1).await.expect("opens");
        let error = stock(&store, 5, &codes(0, 3)).await.expect_err("too few");
        assert!(
            error.to_string().contains("2 vouchers are missing"),
            "{error}"
        );
        assert_eq!(store.total(&OFFER).await.expect("reads"), 0);
        assert_eq!(stock(&store, 5, &codes(0, 5)).await.expect("enough"), 5);
        assert_eq!(stock(&store, 5, &codes(5, 1)).await.expect("more"), 6);
        let error = stock(&store, 5, &codes(4, 1)).await.expect_err("again");
        assert!(error.to_string().contains("in stock"), "{error}");
        let twice = [codes(10, 2), codes(11, 1)].concat();
        let twice = CodeLine::numbered(twice.into_iter().map(|at| at.code));
        let error = stock(&store, 5, &twice).await.expect_err("twice");
        assert!(
            error.to_string().contains("line 3 repeats line 2"),
            "{error}"
        );
        assert_eq!(store.total(&OFFER).await.expect("reads"), 6);
    }

    /// A second file is compared with the first, by its own lines.
    #[tokio::test]
    async fn a_code_that_looks_like_one_in_stock_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(&dir.path().join("v.sqlite"), 1).await.expect("opens");
        assert_eq!(stock(&store, 3, &codes(8, 3)).await.expect("enough"), 3);
        for (text, how) in [("secret-8", "small letters"), ("SECRET-lO", "one shape")] {
            let line = 7;
            let code = code(text);
            let error = stock(&store, 3, &[CodeLine { line, code }]).await;
            let error = error.expect_err(text).to_string();
            assert!(error.contains("line 7") && error.contains(how), "{error}");
            assert!(!error.contains(text), "{error}");
        }
        assert_eq!(store.total(&OFFER).await.expect("reads"), 3);
    }

    /// Two imports at once: the second one to write has looked at the stock before the first one wrote, and
    /// compares its codes with the first one's all the same.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn imports_at_the_same_time_are_compared_with_each_other() {
        for round in 0..8 {
            let dir = tempfile::tempdir().expect("a directory");
            let store = open(&dir.path().join("v.sqlite"), 1).await.expect("opens");
            if round % 2 == 1 {
                stock(&store, 3, &codes(100, 3)).await.expect("enough");
            }
            let files = ["SECRET-8", "secret-8", "Secret-8", "SECREt-8"];
            let before = store.total(&OFFER).await.expect("reads");
            let imports = files.map(|text| {
                let path = dir.path().join("v.sqlite");
                let codes = CodeLine::numbered([code(text)]);
                tokio::spawn(async move {
                    let another = open(&path, 1).await?;
                    stock(&another, 1, &codes).await
                })
            });
            let mut taken = 0;
            for import in imports {
                match import.await.expect("no panic") {
                    Ok(_) => taken += 1,
                    Err(StockError::Alike { line: 1, .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(taken, 1);
            assert_eq!(store.total(&OFFER).await.expect("reads"), before + 1);
        }
    }

    /// Codes that were added between the first check and the transaction are found by the second
    /// check.
    #[tokio::test]
    async fn a_second_look_finds_what_came_in_between() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(&dir.path().join("v.sqlite"), 1).await.expect("opens");
        let mut stocked = Stocked::default();
        for (from, count, known) in [(0, 0, 0), (0, 1_500, 1_500), (1_500, 7, 1_507)] {
            if count > 0 {
                let codes = codes(from, count);
                stock(&store, 1, &codes).await.expect("enough");
            }
            let mut db = store.pool.acquire().await.expect("free");
            let looked = store.add_looks(&mut db, &OFFER, &mut stocked).await;
            looked.expect("reads");
            assert_eq!(stocked.looks.len(), known);
        }
    }

    #[tokio::test]
    async fn each_redemption_has_one_voucher_for_good() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("v.sqlite");
        let store = open(&path, 1).await.expect("opens");
        stock(&store, 3, &codes(0, 3)).await.expect("enough");
        let mut seen = BTreeSet::new();
        for number in 0..3 {
            let one = redemption(number);
            assert_eq!(store.assign(&[one]).await.expect("assigns").assigned, 1);
            let first = store.assigned(&OFFER, &one.0).await.expect("reads");
            assert_eq!(store.assign(&[one]).await.expect("assigns").assigned, 0);
            let again = store.assigned(&OFFER, &one.0).await.expect("reads");
            assert_eq!(first, again);
            seen.insert(first.expect("in stock").as_str().to_owned());
        }
        assert_eq!(seen.len(), 3);
        let left = store.assign(&[redemption(3)]).await.expect("no error");
        assert_eq!(left.without, [redemption(3)], "nothing is left");
        store.close().await.expect("folded");

        // No part of the database file contains a plaintext code.
        for entry in std::fs::read_dir(dir.path()).expect("readable") {
            let bytes = std::fs::read(entry.expect("an entry").path()).expect("readable");
            assert!(!bytes.windows(6).any(|part| part == b"SECRET"));
        }
        let store = open(&path, 1).await.expect("opens again");
        let kept = store.assigned(&OFFER, &redemption(1).0).await;
        assert!(seen.contains(kept.expect("reads").expect("kept").as_str()));
        store.close().await.expect("folded");
        let error = open(&path, 2).await.expect_err("another party's");
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }

    #[tokio::test]
    async fn another_versions_store_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("v.sqlite");
        let store = open(&path, 1).await.expect("opens");
        sqlx::query("UPDATE node SET version = 1")
            .execute(&store.pool)
            .await
            .expect("updates");
        store.close().await.expect("folded");
        let error = open(&path, 1).await.expect_err("another version");
        assert!(error.to_string().contains("schema version 1"), "{error}");
    }

    /// A store of before the table `handed` is copied as it is, gets the table when it is opened, and keeps what it has.
    #[tokio::test]
    async fn a_store_without_a_place_gets_the_table() {
        let dir = tempfile::tempdir().expect("a directory");
        let (path, backup) = (dir.path().join("v.sqlite"), dir.path().join("b.sqlite"));
        let store = open(&path, 1).await.expect("opens");
        stock(&store, 2, &codes(0, 2)).await.expect("enough");
        assert_eq!(store.place().await.expect("reads"), None);
        sqlx::raw_sql("DROP TABLE handed; UPDATE node SET version = 2")
            .execute(&store.pool)
            .await
            .expect("as it was");
        store.close().await.expect("folded");
        let origin = merits_primitives::ids::Origin::new("stock.test").expect("a good origin");
        let party = merits_primitives::ids::PartyId([1; 32]);
        let master = crate::at_rest::MasterKey::new(SecretBytes::new([9; 32]));
        let copied = crate::store::copy(&path, &backup, &origin, &party, &master).await;
        assert_eq!(copied.expect("copied").vouchers, 2);
        for path in [&path, &backup] {
            let store = open(path, 1).await.expect("opens");
            assert_eq!(store.total(&OFFER).await.expect("reads"), 2);
            for place in [(7, [1; 32]), (9, [2; 32])] {
                store.keep_place(place.0, &place.1).await.expect("keeps");
                assert_eq!(store.place().await.expect("reads"), Some(place));
            }
            store.close().await.expect("folded");
            let again = open(path, 1).await.expect("opens");
            assert_eq!(again.place().await.expect("reads"), Some((9, [2; 32])));
            again.close().await.expect("folded");
        }
        let new = dir.path().join("c.sqlite");
        let copied = crate::store::copy(&path, &new, &origin, &party, &master).await;
        assert_eq!(copied.expect("copied").vouchers, 2);
    }

    /// The disk, as far as a database sees it.
    async fn limit(store: &Store, pages: i64) {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(pragma))
            .execute(&store.pool)
            .await
            .expect("set");
    }

    async fn pages(store: &Store) -> i64 {
        sqlx::query_scalar("PRAGMA page_count")
            .fetch_one(&store.pool)
            .await
            .expect("read")
    }

    /// Regression: SQLite ends a transaction by itself when the disk is full. The connection went
    /// back into the pool as if it were still inside one, and nothing could be written until a
    /// restart.
    #[tokio::test]
    async fn a_full_disk_costs_nothing_once_there_is_room_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(&dir.path().join("v.sqlite"), 1).await.expect("opens");
        stock(&store, 10, &codes(0, 10)).await.expect("enough");
        let full = pages(&store).await;
        for _ in 0..3 {
            limit(&store, full).await;
            let error = stock(&store, 10, &codes(100, 500)).await;
            let error = error.expect_err("no room").to_string();
            assert!(error.contains("full"), "{error}");
            // The connection is another one now.
            limit(&store, full).await;
            let error = store.make_room().await.expect_err("no room").to_string();
            assert!(error.contains("full"), "{error}");
        }
        assert_eq!(store.total(&OFFER).await.expect("reads"), 10);
        // Not later than an operator who looks.
        let done = tokio::time::timeout(Duration::from_secs(5), store.make_room()).await;
        done.expect("in time").expect("room");
        assert_eq!(
            stock(&store, 10, &codes(100, 500)).await.expect("room"),
            510
        );
    }

    /// Once room was made, vouchers can be given although the file may not grow by a page.
    #[tokio::test]
    async fn room_that_was_made_is_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(&dir.path().join("v.sqlite"), 1).await.expect("opens");
        stock(&store, 500, &codes(0, 500)).await.expect("enough");
        store.make_room().await.expect("room");
        limit(&store, pages(&store).await).await;
        for number in 0..100 {
            store.assign(&[redemption(number)]).await.expect("assigns");
        }
    }
}
