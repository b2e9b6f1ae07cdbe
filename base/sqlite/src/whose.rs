//! Identifies a file for callers that were given the wrong one.

use std::path::Path;

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::{
    counted::counted,
    error::FileError,
    explain::{examine, explain},
    inspecting,
    kind::StoreKind,
    schema::Found,
};

impl StoreKind {
    /// The kind of a database, if MERITS made it.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn of(db: &mut SqliteConnection) -> sqlx::Result<Option<Self>> {
        let application: i64 = sqlx::query_scalar("PRAGMA application_id")
            .fetch_one(&mut *db)
            .await?;
        match application {
            0x4d45_5254 => return Ok(Some(Self::Ledger)),
            0x4d45_5252 => return Ok(Some(Self::Copy)),
            0 => {}
            _ => return Ok(None),
        }
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
                .fetch_all(db)
                .await?;
        let has = |name: &str| tables.iter().any(|table| table == name);
        Ok(match (has("node"), has("voucher"), has("deed")) {
            (true, true, false) => Some(Self::Vouchers),
            (true, false, true) => Some(Self::Records),
            _ => None,
        })
    }

    /// Refuses a file of another kind, such as a backup of another store. Changes nothing.
    ///
    /// # Errors
    /// [`FileError`], which says what the file is instead.
    pub async fn require(self, path: &Path) -> Result<(), FileError> {
        examine(path)?;
        match self.look(path).await? {
            Found::Ours => Ok(()),
            Found::Empty => Err(FileError::NoDatabase {
                path: path.to_owned(),
                found: "it has no table",
            }),
        }
    }

    /// Refuses a file of another kind. An empty database is accepted. Changes nothing.
    ///
    /// # Errors
    /// [`FileError`], which says what the file is instead.
    pub async fn look(self, path: &Path) -> Result<Found, FileError> {
        let failed = |error| explain(path, error);
        let mut db = inspecting(path).connect().await.map_err(failed)?;
        let found = Self::of(&mut db).await.map_err(failed)?;
        let things: Option<i64> = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut db)
            .await
            .map_err(failed)?;
        let things = counted(things).map_err(failed)?;
        db.close().await.map_err(failed)?;
        match found {
            None if things == 0 => Ok(Found::Empty),
            Some(found) if found == self => Ok(Found::Ours),
            found => Err(FileError::Foreign {
                path: path.to_owned(),
                what: self.store(),
                found,
            }),
        }
    }
}
