//! The owner and version of a file.

use std::path::Path;

use sqlx::{Connection as _, SqliteConnection};

use crate::{counted::counted, error::FileError, explain::explain, kind::StoreKind};

/// The identity and the tables of a store.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// What the file is, for messages: "coordinator's database".
    pub what: &'static str,
    /// `PRAGMA application_id`; not 0.
    pub application_id: i32,
    /// `PRAGMA user_version`. Raise it with every change of the tables.
    pub version: i64,
    /// Makes the tables of an empty file.
    pub tables: &'static str,
}

/// The kind of a file before anything is written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A database without an owner and without tables.
    Empty,
    /// A database of this schema and version.
    Ours,
}

impl Schema {
    /// Determines the owner of a file. Changes nothing.
    ///
    /// # Errors
    /// [`FileError::Foreign`], [`FileError::Version`], or SQLite's error ([`explain`]).
    pub async fn look(&self, db: &mut SqliteConnection, path: &Path) -> Result<Found, FileError> {
        let failed = |error| explain(path, error);
        let application: i64 = sqlx::query_scalar("PRAGMA application_id")
            .fetch_one(&mut *db)
            .await
            .map_err(failed)?;
        let version: i64 = sqlx::query_scalar("PRAGMA user_version")
            .fetch_one(&mut *db)
            .await
            .map_err(failed)?;
        if application == i64::from(self.application_id) {
            return if version == self.version {
                Ok(Found::Ours)
            } else {
                Err(FileError::Version {
                    path: path.to_owned(),
                    found: version,
                    known: self.version,
                })
            };
        }
        let things: Option<i64> = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut *db)
            .await
            .map_err(failed)?;
        let things = counted(things).map_err(failed)?;
        if (application, version, things) == (0, 0, 0) {
            Ok(Found::Empty)
        } else {
            Err(FileError::Foreign {
                path: path.to_owned(),
                what: self.what,
                found: StoreKind::of(db).await.map_err(failed)?,
            })
        }
    }

    /// Makes the tables of an empty file, in one transaction with the version, so that a crash
    /// leaves an empty database or a complete one.
    ///
    /// # Errors
    /// [`FileError::Database`].
    pub async fn create(&self, db: &mut SqliteConnection) -> Result<(), FileError> {
        let mut tx = db.begin().await?;
        sqlx::raw_sql(self.tables).execute(&mut *tx).await?;
        let versions = format!(
            "PRAGMA application_id = {}; PRAGMA user_version = {};",
            self.application_id, self.version
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(versions))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}
