//! Taking a sponsor's vouchers in.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use merits_primitives::ids::{EntryId, PartyId};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Store, StoreError};
use crate::voucher::{BadCode, Code};

/// Why vouchers are not taken in. None of the file's is then in stock.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StockError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A code twice.
    #[error(
        "line {line} repeats {}: a code is given to one person only", match .earlier { Some(line) => format!("line {line}"), None => "a code that is in stock".to_owned() }
    )]
    Duplicate {
        /// The line, from 1.
        line: usize,
        /// The earlier line of the same file; `None` if the code came with an earlier file.
        earlier: Option<usize>,
    },
    /// Fewer vouchers than redemptions may come.
    #[error(
        "the offer's quota is {quota} and its stock would be {total}: {} vouchers are missing. The log may let every redemption happen here, so this exchange takes no smaller stock", .quota - .total
    )]
    BelowQuota {
        /// Redemptions that the offer allows.
        quota: u64,
        /// Vouchers that there would be, with those in stock.
        total: u64,
    },
}

/// Why a file of codes cannot be read. Says lines, never codes.
#[derive(Debug, Error)]
pub enum CodeFileError {
    /// The file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        reason: BadCode,
    },
}

/// Reads codes, one a line.
///
/// # Errors
/// [`CodeFileError`].
pub fn read_codes(path: &Path) -> Result<Vec<Code>, CodeFileError> {
    let text = std::fs::read_to_string(path).map_err(|source| CodeFileError::Io {
        path: path.to_owned(),
        source,
    })?;
    let text = Zeroizing::new(text);
    (1..)
        .zip(text.lines())
        .map(|(line, code)| {
            Code::new(code.to_owned()).map_err(|reason| CodeFileError::Line {
                path: path.to_owned(),
                line,
                reason,
            })
        })
        .collect()
}

impl Store {
    /// Takes vouchers of an offer in, all or none, and answers how many were ever taken in.
    ///
    /// # Errors
    /// [`StockError`].
    pub async fn stock(
        &self,
        offer: &EntryId,
        sponsor: &PartyId,
        quota: u64,
        codes: &[Code],
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<u64, StockError> {
        let database = |error| StockError::Store(StoreError::Database(error));
        let mut lines: HashMap<_, usize> = HashMap::with_capacity(codes.len());
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(database)?;
        for (line, code) in (1..).zip(codes) {
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
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use merits_keyfile::SecretBytes;
    use merits_primitives::ids::Origin;

    use super::*;
    use crate::at_rest::MasterKey;

    const OFFER: EntryId = EntryId([1; 32]);
    const SPONSOR: PartyId = PartyId([2; 32]);

    async fn open(path: &Path, party: u8) -> Result<Store, StoreError> {
        let origin = Origin::new("stock.test").expect("a good origin");
        let master = MasterKey::new(SecretBytes::new([9; 32]));
        Store::open(path, &origin, &PartyId([party; 32]), master).await
    }

    fn codes(from: u32, count: u32) -> Vec<Code> {
        (from..from + count)
            .map(|number| Code::new(format!("SECRET-{number}")).expect("a good code"))
            .collect()
    }

    #[tokio::test]
    async fn a_stock_below_the_quota_is_refused_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(&dir.path().join("v.sqlite"), 1).await.expect("opens");
        let stock = async |codes: &[Code]| {
            store
                .stock(
                    &OFFER,
                    &SPONSOR,
                    5,
                    codes,
                    &mut rand::make_rng::<rand::rngs::StdRng>(),
                )
                .await
        };
        let error = stock(&codes(0, 3)).await.expect_err("too few");
        assert!(
            error.to_string().contains("2 vouchers are missing"),
            "{error}"
        );
        assert_eq!(store.total(&OFFER).await.expect("reads"), 0);
        assert_eq!(stock(&codes(0, 5)).await.expect("enough"), 5);
        assert_eq!(stock(&codes(5, 1)).await.expect("more"), 6);
        let error = stock(&codes(4, 1)).await.expect_err("again");
        assert!(error.to_string().contains("in stock"), "{error}");
        let twice = [codes(10, 2), codes(11, 1)].concat();
        let error = stock(&twice).await.expect_err("twice");
        assert!(
            error.to_string().contains("line 3 repeats line 2"),
            "{error}"
        );
        assert_eq!(store.total(&OFFER).await.expect("reads"), 6);
    }

    #[tokio::test]
    async fn each_redemption_has_one_voucher_for_good() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("v.sqlite");
        let store = open(&path, 1).await.expect("opens");
        store
            .stock(
                &OFFER,
                &SPONSOR,
                3,
                &codes(0, 3),
                &mut rand::make_rng::<rand::rngs::StdRng>(),
            )
            .await
            .expect("enough");
        let redemption = |number| EntryId([number; 32]);
        let mut seen = BTreeSet::new();
        for number in 0..3 {
            let first = store.assign(&OFFER, &redemption(number)).await;
            let again = store.assign(&OFFER, &redemption(number)).await;
            let first = first.expect("assigns").expect("in stock");
            assert_eq!(Some(&first), again.expect("assigns").as_ref());
            seen.insert(first.as_str().to_owned());
        }
        assert_eq!(seen.len(), 3);
        let left = store.assign(&OFFER, &redemption(3)).await;
        assert_eq!(left.expect("no error"), None, "nothing is left");
        store.close().await;

        // What the file holds: no code, in any part of it.
        for entry in std::fs::read_dir(dir.path()).expect("readable") {
            let bytes = std::fs::read(entry.expect("an entry").path()).expect("readable");
            assert!(!bytes.windows(6).any(|part| part == b"SECRET"));
        }
        let store = open(&path, 1).await.expect("opens again");
        let kept = store.assigned(&OFFER, &redemption(1)).await;
        assert!(seen.contains(kept.expect("reads").expect("kept").as_str()));
        store.close().await;
        let error = open(&path, 2).await.expect_err("another party's");
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    }

    #[tokio::test]
    async fn another_versions_store_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("v.sqlite");
        let store = open(&path, 1).await.expect("opens");
        sqlx::query("UPDATE node SET version = 7")
            .execute(&store.pool)
            .await
            .expect("updates");
        store.close().await;
        let error = open(&path, 1).await.expect_err("another version");
        assert!(error.to_string().contains("schema version 7"), "{error}");
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("codes.txt");
        std::fs::write(&path, "A-1\nA-2\n\nA-4\n").expect("written");
        let error = read_codes(&path).expect_err("an empty line");
        let said = error.to_string();
        assert!(said.contains("line 3") && !said.contains("A-"), "{said}");
        std::fs::write(&path, "A-1\nA-2\n").expect("written");
        assert_eq!(read_codes(&path).expect("reads").len(), 2);
    }
}
