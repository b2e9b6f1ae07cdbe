//! The node's own SQLite: accounts, sealed records, batches, outbox.
//!
//! Write-ahead log with `synchronous = FULL`: committed transactions survive kill -9 and power
//! loss. `secure_delete` overwrites deleted rows in the database file, and after a `forget` the log
//! is truncated too. File systems and disks may keep old blocks, which is why everything private in
//! here is sealed.
//!
//! Every change of state is one transaction of one function in this module.

mod backup;
mod batches;
mod candidates;
mod columns;
mod deeds;
mod forgetting;
mod ids;
mod lookalike_hashes;
mod queries;
mod set_aside;
mod tickets;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use merits_guard::LockedFile;
use merits_ledger::rows::RowError;
use merits_primitives::ids::{Origin, PartyId};
use merits_sqlite::{DatabaseError, FileError, StoreKind, counted};
use sqlx::{Row, SqliteConnection, sqlite::SqlitePool};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::at_rest::{DataKey, MasterKey, UnsealError};

pub use backup::{Copied, copy};
pub use batches::{FormedBatch, NewBatch, OutboxItem, RefusalCause};
pub use candidates::{Candidate, CandidateCursor, CandidatePage, SourceSigned};
pub use deeds::{Damaged, DecryptedDeeds, Deed, Inserted, NewDeed};
pub use forgetting::{Erased, Forgotten};
pub use ids::{BatchId, DeedId, SubjectId, TicketId};
pub use queries::{Acknowledged, ClaimPlace, Receipts, StoreCounts};
pub use set_aside::{Aside, AsideReason, Released};
pub use tickets::{Deposit, Imported, LiveTicket, NewTicket, TicketCounts, TicketEnd};

/// Version of `schema.sql`.
const SCHEMA_VERSION: i64 = 5;
const TABLES: &str = include_str!("schema.sql");

/// Why the store cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A row of the copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The database.
    #[error("the record store failed: {0}")]
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
    /// Made before there were tickets.
    #[error(
        "the record store has schema version 1, from before tickets: run the program that made it once more, until its outbox is empty; then move the store and its master key away, and take the records that are still to be claimed in again"
    )]
    BeforeTickets,
    /// Made by another version of this program.
    #[error(
        "the record store has schema version {found}, this program needs {wanted}: run the program that made it until its outbox is empty; then move the store and its master key away, and take the records that are still to be claimed in again"
    )]
    Version {
        /// The store's value.
        found: i64,
        /// The needed value.
        wanted: i64,
    },
    /// Made for another ledger or party.
    #[error(
        "the record store belongs to {what} {found}, the config says {wanted}: name this party's own store \
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
    /// Another prover node works on this store.
    #[error("{path}: another process works on this store; one prover node a store")]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The master key opens nothing that is in the store.
    #[error(
        "the master key is not that of the record store {}: it opens none of the accounts there. Nothing was \
         changed. Put the key that belongs to this store back from your backup",
        .0.display()
    )]
    OtherKey(PathBuf),
    /// A sealed column.
    #[error(transparent)]
    Unseal(#[from] UnsealError),
    /// A row without a required value.
    #[error("the record store has lost a {what}: restore it from a copy")]
    Missing {
        /// The value.
        what: &'static str,
    },
    /// A row that this program cannot have written.
    #[error("the record store holds a malformed {what}: restore it from a copy")]
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
    master: std::sync::Arc<MasterKey>,
    distinct: std::sync::Arc<std::collections::BTreeSet<String>>,
    opened: std::sync::Arc<AtomicU64>,
}

/// Held by the process that forms and proves batches.
#[derive(Debug)]
pub struct NodeLock(#[expect(dead_code, reason = "it is held, not used")] LockedFile);

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
        StoreKind::Records.look(path).await?;
        let options = merits_sqlite::durable(path)
            .foreign_keys(true)
            .pragma("secure_delete", "ON")
            // Long enough for a `forget` beside a running prover.
            .busy_timeout(Duration::from_secs(20));
        let pool = merits_sqlite::pool(4).connect_with(options).await;
        let pool = pool.map_err(|error| merits_sqlite::explain(path, error))?;
        let store = Self {
            pool,
            path: path.to_owned(),
            distinct: std::sync::Arc::default(),
            opened: std::sync::Arc::default(),
            master: std::sync::Arc::new(master),
        };
        store.found(origin, party).await?;
        let mut db = store.pool.acquire().await?;
        merits_sqlite::prove_writable(&mut db, path).await?;
        store.require_own_key(&mut db).await?;
        drop(db);
        Ok(store)
    }

    /// A key of the right kind that is another store's would make each account a stranger, and put it into the store a
    /// second time. One damaged account is no other key, so some are tried.
    async fn require_own_key(&self, db: &mut SqliteConnection) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT tag, wrapped_key FROM subject WHERE wrapped_key IS NOT NULL ORDER BY id LIMIT 64",
        )
        .fetch_all(db)
        .await?;
        for row in &rows {
            let Ok(tag) = array(row.try_get("tag")?, "subject tag") else {
                continue;
            };
            if self
                .master
                .unwrap(&tag, row.try_get("wrapped_key")?)
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

    /// Takes the lock for forming and proving batches. It ends with the process at the latest.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another process has it.
    pub fn lock(&self) -> Result<NodeLock, StoreError> {
        let path = self.path.with_extension("lock");
        let io = |source| StoreError::Io {
            path: path.clone(),
            source: merits_guard::explain::writing(source),
        };
        let file = merits_guard::open_lock(&path).map_err(FileError::from)?;
        match LockedFile::lock(file) {
            Ok(lock) => Ok(NodeLock(lock)),
            Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Busy { path }),
            Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// How many values of rows were opened since the store was. A run opens each value once, because with
    /// many deeds opening is most of its work.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Opens a value of a row with the data key of the row's subject.
    fn unseal(
        &self,
        key: &DataKey,
        purpose: &'static str,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        key.unseal(purpose, place, sealed)
    }

    /// Closes all connections and folds the write-ahead log in: afterwards the file alone is the store.
    /// While another process has it open (`forget` beside a running node), that is left to it.
    ///
    /// # Errors
    /// [`StoreError::File`]; nothing is lost then.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.pool.close().await;
        match merits_sqlite::fold(&self.path).await {
            Err(error @ FileError::NotFolded { .. }) => {
                tracing::info!(%error, "the record store is left open to another process");
                Ok(())
            }
            done => Ok(done?),
        }
    }

    /// Makes the tables and the node's row, or checks them.
    async fn found(&self, origin: &Origin, party: &PartyId) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        if is_new(&mut tx).await? {
            sqlx::raw_sql(TABLES).execute(&mut *tx).await?;
            sqlx::query(
                "INSERT INTO node (id, version, origin, party, looks) VALUES (1, ?, ?, ?, ?)",
            )
            .bind(SCHEMA_VERSION)
            .bind(origin.as_str())
            .bind(party.0.as_slice())
            .bind(merits_text::lookalike::rule())
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            return Ok(());
        }
        let version = check_node(&mut tx, origin, party).await?;
        if version == lookalike_hashes::WITHOUT_RULE {
            lookalike_hashes::add_rule(&mut tx, SCHEMA_VERSION).await?;
        }
        lookalike_hashes::renew(&mut tx, &self.master).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Whether a database has no tables of a store.
async fn is_new(db: &mut SqliteConnection) -> Result<bool, StoreError> {
    let tables: Option<i64> = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'node'",
    )
    .fetch_one(db)
    .await?;
    Ok(counted(tables)? == 0)
}

/// An existing store must belong to this program, ledger and party. Returns its schema version.
async fn check_node(
    db: &mut SqliteConnection,
    origin: &Origin,
    party: &PartyId,
) -> Result<i64, StoreError> {
    let version: Option<i64> = sqlx::query_scalar("SELECT version FROM node WHERE id = 1")
        .fetch_optional(&mut *db)
        .await?;
    let version = version.ok_or(StoreError::Missing { what: "node" })?;
    if version == 1 {
        return Err(StoreError::BeforeTickets);
    }
    if ![lookalike_hashes::WITHOUT_RULE, SCHEMA_VERSION].contains(&version) {
        let (found, wanted) = (version, SCHEMA_VERSION);
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
