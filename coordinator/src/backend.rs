//! The choice of the database that stores a ledger. Every other module works over [`crate::place::Place`].
//!
//! Another database is another crate with an implementation of [`merits_ledger::storage::Place`], a case in [`crate::place::of`],
//! and a variant of [`crate::StartError`] for its failures.

use std::path::PathBuf;

use merits_ledger_sqlite::{SqliteFile, TABLES};
use merits_sqlite::Schema;

/// Written to `PRAGMA user_version`. Raise it with every change of the schema, and write the
/// migration. 2 stores the founding facts, 3 the state, 4 blobs. From 5 on, leaves have room for the digest of the
/// state. A leaf never changes, so older ledgers cannot be migrated.
pub const SCHEMA_VERSION: i64 = 5;

/// `docs/src/data-model.md` tells the life of each row.
const SCHEMA: Schema = Schema {
    what: "coordinator's database",
    // "MERT".
    application_id: 0x4d45_5254,
    version: SCHEMA_VERSION,
    tables: TABLES,
};

/// The kind of place that a coordinator uses.
pub(crate) type Chosen = SqliteFile;

/// Why that place cannot be used.
pub type PlaceError = merits_sqlite::FileError;

/// A ledger in a SQLite file.
pub(crate) fn file(path: PathBuf) -> Chosen {
    SqliteFile::new(path, SCHEMA)
}
