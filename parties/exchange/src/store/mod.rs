//! The exchange's own SQLite: the vouchers, and which redemption has which.
//!
//! Write-ahead log with `synchronous = FULL`: an assignment that was answered survives kill -9 and
//! power loss. One connection: writers wait in line instead of polling a lock.

mod stock;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use merits_primitives::ids::{EntryId, Origin, PartyId};
use sqlx::{
    Row,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    },
};
use thiserror::Error;

use crate::{
    at_rest::{MasterKey, UnsealError},
    voucher::Code,
};

pub use stock::{CodeFileError, StockError, read_codes};

/// Version of `schema.sql`.
const SCHEMA_VERSION: i64 = 1;

/// Why the store cannot serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database.
    #[error("the voucher store failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A file beside the database.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Made by another version of this program.
    #[error(
        "the voucher store has schema version {found}, this program needs {wanted}: use the program that made it"
    )]
    Version {
        /// What the store says.
        found: i64,
        /// What is needed.
        wanted: i64,
    },
    /// Made for another ledger or party.
    #[error("the voucher store belongs to {what} {found}, the config says {wanted}")]
    Foreign {
        /// Origin or party.
        what: &'static str,
        /// What the store says.
        found: String,
        /// What the config says.
        wanted: String,
    },
    /// A sealed code.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// A row that no version of this program writes.
    #[error("the voucher store holds a malformed {what}: restore it from a copy")]
    Malformed {
        /// Which value.
        what: &'static str,
    },
}

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    master: Arc<MasterKey>,
}

impl Store {
    /// Opens the database, or makes it for this ledger and party.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(
        path: &Path,
        origin: &Origin,
        party: &PartyId,
        master: MasterKey,
    ) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(|source| StoreError::Io {
                path: directory.to_owned(),
                source,
            })?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // Long enough for an import beside a running exchange.
            .busy_timeout(Duration::from_secs(20));
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await?;
        restrict(path)?;
        let store = Self {
            pool,
            master: Arc::new(master),
        };
        store.found(origin, party).await?;
        Ok(store)
    }

    /// Closes the connection; the write-ahead log is folded in.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The voucher of a redemption: the one that it has, or the next of its offer, which is its own
    /// from then on. `None` if the offer has none left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn assign(
        &self,
        offer: &EntryId,
        redemption: &EntryId,
    ) -> Result<Option<Code>, StoreError> {
        if let Some(code) = self.assigned(offer, redemption).await? {
            return Ok(Some(code));
        }
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        // Whoever came first with the same redemption, in this process or another, has decided.
        let known = sqlx::query("SELECT 1 FROM voucher WHERE redemption = ?")
            .bind(redemption.0.as_slice())
            .fetch_optional(&mut *tx)
            .await?;
        if known.is_none() {
            sqlx::query(
                "UPDATE voucher SET redemption = ? WHERE id =
                 (SELECT min(id) FROM voucher WHERE offer = ? AND redemption IS NULL)",
            )
            .bind(redemption.0.as_slice())
            .bind(offer.0.as_slice())
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        self.assigned(offer, redemption).await
    }

    /// The voucher that a redemption has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn assigned(
        &self,
        offer: &EntryId,
        redemption: &EntryId,
    ) -> Result<Option<Code>, StoreError> {
        let row = sqlx::query("SELECT tag, sealed FROM voucher WHERE redemption = ? AND offer = ?")
            .bind(redemption.0.as_slice())
            .bind(offer.0.as_slice())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let tag = array(row.try_get("tag")?, "code tag")?;
        Ok(Some(self.master.open(
            offer,
            &tag,
            row.try_get("sealed")?,
        )?))
    }

    /// How many vouchers of an offer were ever taken in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn total(&self, offer: &EntryId) -> Result<u64, StoreError> {
        let total: Option<i64> = sqlx::query_scalar("SELECT total FROM stock WHERE offer = ?")
            .bind(offer.0.as_slice())
            .fetch_optional(&self.pool)
            .await?;
        u64::try_from(total.unwrap_or(0)).map_err(|_| StoreError::Malformed { what: "count" })
    }

    /// How many vouchers of an offer redemptions have.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn assigned_count(&self, offer: &EntryId) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM voucher WHERE offer = ? AND redemption IS NOT NULL",
        )
        .bind(offer.0.as_slice())
        .fetch_one(&self.pool)
        .await?;
        u64::try_from(count).map_err(|_| StoreError::Malformed { what: "count" })
    }

    /// Makes the tables and the node's row, or checks them.
    async fn found(&self, origin: &Origin, party: &PartyId) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let tables: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'node'",
        )
        .fetch_one(&mut *tx)
        .await?;
        if tables == 0 {
            sqlx::raw_sql(include_str!("schema.sql"))
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO node (id, version, origin, party) VALUES (1, ?, ?, ?)")
                .bind(SCHEMA_VERSION)
                .bind(origin.as_str())
                .bind(party.0.as_slice())
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            return Ok(());
        }
        let row = sqlx::query("SELECT version, origin, party FROM node WHERE id = 1")
            .fetch_one(&mut *tx)
            .await?;
        let version: i64 = row.try_get("version")?;
        if version != SCHEMA_VERSION {
            return Err(StoreError::Version {
                found: version,
                wanted: SCHEMA_VERSION,
            });
        }
        let found: String = row.try_get("origin")?;
        if found != origin.as_str() {
            return Err(StoreError::Foreign {
                what: "log origin",
                found,
                wanted: origin.to_string(),
            });
        }
        let found = PartyId(array(row.try_get("party")?, "party id")?);
        if found != *party {
            return Err(StoreError::Foreign {
                what: "party",
                found: found.to_string(),
                wanted: party.to_string(),
            });
        }
        Ok(())
    }
}

/// A fixed-size column.
fn array<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Malformed { what })
}

/// The database and its log are for their owner's eyes.
#[cfg(unix)]
fn restrict(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let path = PathBuf::from(name);
        if path.exists() {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
                .map_err(|source| StoreError::Io { path, source })?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}
