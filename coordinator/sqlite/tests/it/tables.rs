//! Tables that somebody else added to or changed.

use merits_sqlite::{FileError, durable, require_tables};
use sqlx::{ConnectOptions as _, SqliteConnection};

const TABLES: &str = "-- What is kept.
CREATE TABLE thing (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- its number
    value TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE node (id INTEGER PRIMARY KEY) STRICT;
CREATE INDEX thing_by_value ON thing (value);";

async fn made_by(tables: &'static str, more: &'static str) -> Result<(), FileError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let mut db: SqliteConnection = durable(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql(tables).execute(&mut db).await.unwrap();
    sqlx::raw_sql(more).execute(&mut db).await.unwrap();
    require_tables(&mut db, &path, TABLES, &["node"]).await
}

/// Regression: a backup with a trigger in it was restored.
#[tokio::test]
async fn what_is_not_the_programs_is_named() {
    for more in [
        "",
        "INSERT INTO thing (value) VALUES ('a row'); ANALYZE",
        // A later version added to it.
        "ALTER TABLE node ADD COLUMN looks TEXT",
    ] {
        made_by(TABLES, more).await.unwrap();
    }
    // Of an earlier build: other comments, other spaces.
    let other = "CREATE TABLE thing (\n\n -- the number\n id INTEGER PRIMARY KEY AUTOINCREMENT, value  TEXT NOT NULL \
                 UNIQUE\n) STRICT; CREATE TABLE node (id INTEGER PRIMARY KEY) STRICT;
                 CREATE INDEX thing_by_value ON thing (value);";
    made_by(other, "").await.unwrap();

    for (more, named) in [
        (
            "CREATE TRIGGER evil AFTER INSERT ON thing BEGIN DELETE FROM node; END",
            "trigger \"evil\" is none of this program's",
        ),
        ("CREATE VIEW other AS SELECT * FROM thing", "view \"other\""),
        ("CREATE TABLE other (id INTEGER)", "table \"other\""),
        ("CREATE UNIQUE INDEX one ON thing (id)", "index \"one\""),
        (
            "DROP INDEX thing_by_value",
            "index \"thing_by_value\" is missing",
        ),
        (
            "ALTER TABLE thing ADD COLUMN more TEXT",
            "table \"thing\" is not what this program makes",
        ),
    ] {
        let error = made_by(TABLES, more).await.unwrap_err();
        assert!(matches!(error, FileError::Tables { .. }), "{error}");
        let said = error.to_string();
        assert!(
            said.contains(named) && said.contains("nothing was changed"),
            "{said}"
        );
    }
}
