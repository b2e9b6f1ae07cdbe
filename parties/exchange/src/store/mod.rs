//! The exchange's SQLite store: the vouchers, and which redemption has which.
//!
//! Write-ahead log with `synchronous = FULL`: an assignment that was answered survives kill -9 and
//! power loss. One connection: writers wait in line instead of polling a lock.

mod backup;
mod stock;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_replica::ReplicaError;
use merits_sqlite::{DatabaseError, FileError, StoreKind, counted};
use merits_verifier::log::Hash;
use sqlx::{Row, SqliteConnection, sqlite::SqlitePool};
use thiserror::Error;

use crate::{
    at_rest::{MasterKey, UnsealError},
    voucher::Code,
};

pub use backup::{Copied, copy};
pub use stock::StockError;

/// Version of `schema.sql`.
const SCHEMA_VERSION: i64 = 3;
/// A store without the table `handed`, which opening adds.
const WITHOUT_HANDED: i64 = 2;
const TABLES: &str = include_str!("schema.sql");

/// The space that [`Store::make_room`] keeps free: several times the space of a voucher's row, its
/// entries in two indexes, and splits of their pages.
const ROOM_BYTES: i64 = 64 * 1024;

/// Redemptions of one transaction.
const ASSIGNED_AT_ONCE: usize = 512;

/// Why the store cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The copy of the log, from which redemptions are read.
    #[error("{0}")]
    Copy(Box<ReplicaError>),
    /// The database.
    #[error("the voucher store failed: {0}")]
    Database(#[from] DatabaseError),
    /// The database's file, or one beside it.
    #[error(transparent)]
    File(#[from] FileError),
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
        /// The store's value.
        found: i64,
        /// The needed value.
        wanted: i64,
    },
    /// Made for another ledger or party.
    #[error(
        "the voucher store belongs to {what} {found}, the config says {wanted}: name this party's own store \
         in the configuration"
    )]
    Foreign {
        /// Origin or party.
        what: &'static str,
        /// The store's value.
        found: String,
        /// The configured value.
        wanted: String,
    },
    /// The master key opens nothing that is in the store.
    #[error(
        "the master key is not that of the voucher store {}: it opens none of the vouchers there. Nothing was \
         changed. Put the key that belongs to this store back from your backup",
        .0.display()
    )]
    OtherKey(PathBuf),
    /// A sealed code.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// A row that this program cannot have written.
    #[error("the voucher store holds a malformed {what}: restore it from a copy")]
    Malformed {
        /// The value.
        what: &'static str,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    path: PathBuf,
    master: Arc<MasterKey>,
}

/// The result of [`Store::assign`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    /// Redemptions that got a voucher now.
    pub assigned: u64,
    /// Redemptions, with their offers, for which none was left, in the given order.
    pub without: Vec<(EntryId, EntryId)>,
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
            merits_guard::create_folder(directory).map_err(|source| StoreError::Io {
                path: directory.to_owned(),
                source: merits_guard::explain::writing(source),
            })?;
        }
        merits_sqlite::restrict(path)?;
        StoreKind::Vouchers.look(path).await?;
        let options = merits_sqlite::durable(path)
            .foreign_keys(true)
            // This is long enough for an import while an exchange runs.
            .busy_timeout(Duration::from_secs(20));
        let pool = merits_sqlite::pool(1).connect_with(options).await;
        let pool = pool.map_err(|error| merits_sqlite::explain(path, error))?;
        let store = Self {
            pool,
            path: path.to_owned(),
            master: Arc::new(master),
        };
        store.found(origin, party).await?;
        let mut db = store.pool.acquire().await?;
        merits_sqlite::prove_writable(&mut db, path).await?;
        store.require_own_key(&mut db).await?;
        drop(db);
        Ok(store)
    }

    /// With another store's key, an exchange would take credits and could hand out no voucher. One damaged voucher is no
    /// other key, so some are tried.
    async fn require_own_key(&self, db: &mut SqliteConnection) -> Result<(), StoreError> {
        let rows = sqlx::query("SELECT offer, tag, sealed FROM voucher ORDER BY id LIMIT 64")
            .fetch_all(db)
            .await?;
        for row in &rows {
            let offer = array(row.try_get("offer")?, "offer id").map(EntryId);
            let tag = array(row.try_get("tag")?, "code tag");
            let (Ok(offer), Ok(tag)) = (offer, tag) else {
                continue;
            };
            if self
                .master
                .open(&offer, &tag, row.try_get("sealed")?)
                .is_ok()
            {
                return Ok(());
            }
        }
        match rows.is_empty() {
            true => Ok(()),
            false => Err(StoreError::OtherKey(self.path.clone())),
        }
    }

    /// Closes the connection and folds the write-ahead log in: afterwards the file alone is the
    /// store. If another process has it open (an import while an exchange runs), that process does
    /// it.
    ///
    /// # Errors
    /// [`StoreError::File`]; nothing is lost then.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.pool.close().await;
        match merits_sqlite::fold(&self.path).await {
            Err(error @ FileError::NotFolded { .. }) => {
                tracing::warn!(%error, "the voucher store is left open to another process");
                Ok(())
            }
            done => Ok(done?),
        }
    }

    /// Makes sure that a voucher can be handed out: writes more data than that needs, and leaves
    /// the space free in the file. It writes about 80 KB to the write-ahead log.
    ///
    /// # Errors
    /// [`StoreError`]: the disk is full or read-only, or fails.
    pub async fn make_room(&self) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO room (id, filler) VALUES (1, zeroblob(?))")
            .bind(ROOM_BYTES)
            .execute(&mut *tx)
            .await?;
        // This is within the transaction, so its pages are free afterwards. They are written to the
        // write-ahead log nevertheless, which is the test.
        sqlx::query("DELETE FROM room").execute(&mut *tx).await?;
        sqlx::query("UPDATE node SET proofs_of_room = proofs_of_room + 1")
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives each redemption, in this order, the next voucher of its offer. An assignment is final. A
    /// redemption that already has a voucher keeps it.
    ///
    /// # Errors
    /// [`StoreError`]; a repeated call continues from there.
    pub async fn assign(&self, redemptions: &[(EntryId, EntryId)]) -> Result<Assigned, StoreError> {
        let mut done = Assigned::default();
        for chunk in redemptions.chunks(ASSIGNED_AT_ONCE) {
            let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            for (redemption, offer) in chunk {
                // An earlier call with the same redemption, in this process or another, has
                // decided.
                let known = sqlx::query("SELECT 1 FROM voucher WHERE redemption = ?")
                    .bind(redemption.0.as_slice())
                    .fetch_optional(&mut *tx)
                    .await?;
                if known.is_some() {
                    continue;
                }
                let given = sqlx::query(
                    "UPDATE voucher SET redemption = ? WHERE id =
                     (SELECT min(id) FROM voucher WHERE offer = ? AND redemption IS NULL)",
                )
                .bind(redemption.0.as_slice())
                .bind(offer.0.as_slice())
                .execute(&mut *tx)
                .await?;
                if given.rows_affected() == 0 {
                    done.without.push((*redemption, *offer));
                }
                done.assigned += given.rows_affected();
            }
            tx.commit().await?;
        }
        Ok(done)
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
        let count: Option<i64> = sqlx::query_scalar(
            "SELECT count(*) FROM voucher WHERE offer = ? AND redemption IS NOT NULL",
        )
        .bind(offer.0.as_slice())
        .fetch_one(&self.pool)
        .await?;
        Ok(counted(count)?)
    }

    /// How much of the log was looked through for redemptions ([`Store::keep_place`]), and the log's root there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn place(&self) -> Result<Option<(u64, Hash)>, StoreError> {
        let row: Option<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT next, root FROM handed WHERE id = 1")
                .fetch_optional(&self.pool)
                .await?;
        row.map(|(next, root)| Ok((next.unsigned_abs(), array(&root, "root")?)))
            .transpose()
    }

    /// Notes that each redemption before this leaf has its voucher. A backup has the place of its own time, so an
    /// exchange that goes on from it looks through the rest of the log again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_place(&self, next: u64, root: &Hash) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO handed (id, next, root) VALUES (1, ?, ?)
             ON CONFLICT (id) DO UPDATE SET next = excluded.next, root = excluded.root",
        )
        .bind(i64::try_from(next).map_err(|_| StoreError::Malformed { what: "place" })?)
        .bind(root.as_slice())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Makes the tables and the node's row, or checks them.
    async fn found(&self, origin: &Origin, party: &PartyId) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        if is_new(&mut tx).await? {
            sqlx::raw_sql(TABLES).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO node (id, version, origin, party) VALUES (1, ?, ?, ?)")
                .bind(SCHEMA_VERSION)
                .bind(origin.as_str())
                .bind(party.0.as_slice())
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            return Ok(());
        }
        if check_node(&mut tx, origin, party).await? == WITHOUT_HANDED {
            let (_, handed) = TABLES
                .split_once(HANDED_BEGINS)
                .ok_or(StoreError::Malformed { what: "schema" })?;
            let handed = format!("{HANDED_BEGINS}{handed}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(handed))
                .execute(&mut *tx)
                .await?;
            sqlx::query("UPDATE node SET version = ? WHERE id = 1")
                .bind(SCHEMA_VERSION)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Where the table that version 3 added begins in [`TABLES`]. It is the last one.
const HANDED_BEGINS: &str = "CREATE TABLE handed";

/// Whether a database has no tables of a store.
async fn is_new(db: &mut SqliteConnection) -> Result<bool, StoreError> {
    let tables: Option<i64> = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'node'",
    )
    .fetch_one(db)
    .await?;
    Ok(counted(tables)? == 0)
}

/// An existing store must belong to this program, ledger and party. Returns its version.
async fn check_node(
    db: &mut SqliteConnection,
    origin: &Origin,
    party: &PartyId,
) -> Result<i64, StoreError> {
    let version: Option<i64> = sqlx::query_scalar("SELECT version FROM node WHERE id = 1")
        .fetch_optional(&mut *db)
        .await?;
    let version = version.ok_or(StoreError::Malformed { what: "node" })?;
    if ![WITHOUT_HANDED, SCHEMA_VERSION].contains(&version) {
        let found = version;
        let wanted = SCHEMA_VERSION;
        return Err(StoreError::Version { found, wanted });
    }
    let row = sqlx::query("SELECT origin, party FROM node WHERE id = 1")
        .fetch_one(db)
        .await?;
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
    Ok(version)
}

/// A fixed-size column.
fn array<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Malformed { what })
}
