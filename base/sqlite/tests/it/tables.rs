//! Tables that somebody else added to or changed.

use merits_sqlite::{FileError, durable, require_tables};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

const TABLES: &str = "-- What is kept.
CREATE TABLE thing (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- its number
    value TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE node (id INTEGER PRIMARY KEY) STRICT;
CREATE INDEX thing_by_value ON thing (value);";

/// A table's text in a later version.
const ADDED: &str = "CREATE TABLE node (id INTEGER PRIMARY KEY, looks TEXT) STRICT";

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
    require_tables(&mut db, &path, TABLES, &[ADDED]).await
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
    // The text of an earlier build: other comments, other spaces.
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
        (
            "ALTER TABLE node ADD COLUMN other TEXT",
            "table \"node\" is not what this program makes",
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

/// Regression: SQLite refuses names that begin with `sqlite_` only when an object is made, and loads any that was
/// written into its schema. Such a trigger fired, and passed backup and restore.
#[tokio::test]
async fn what_was_written_into_the_schema_is_named() {
    for (make, kind, name) in [
        (
            "CREATE TRIGGER evil AFTER INSERT ON thing BEGIN INSERT INTO node VALUES (7); END",
            "trigger",
            "evil",
        ),
        ("CREATE VIEW other AS SELECT 1", "view", "other"),
        ("CREATE TABLE more (x)", "table", "more"),
        // One of SQLite's own names with another text.
        ("CREATE TABLE stat1 (x)", "table", "stat1"),
        ("CREATE UNIQUE INDEX one ON thing (id)", "index", "one"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let options = durable(&path).create_if_missing(true);
        let mut db = options.connect().await.unwrap();
        let rename = "PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET tbl_name = 'sqlite_' || name WHERE name = tbl_name AND name = $1;
            UPDATE sqlite_schema SET sql = replace(sql, ' ' || name || ' ', ' sqlite_' || name || ' '),
                name = 'sqlite_' || name WHERE name = $1";
        let rename = rename.replace("$1", &format!("'{name}'"));
        for statement in [TABLES, make, &rename] {
            let statement = sqlx::AssertSqlSafe(statement.to_owned());
            sqlx::raw_sql(statement).execute(&mut db).await.unwrap();
        }
        db.close().await.unwrap();
        // SQLite reads the written schema.
        let mut db = durable(&path).connect().await.unwrap();
        sqlx::raw_sql("INSERT INTO thing (value) VALUES ('a row')")
            .execute(&mut db)
            .await
            .unwrap();
        let fired: i64 = sqlx::query_scalar("SELECT count(*) FROM node")
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert_eq!(fired, i64::from(kind == "trigger"));
        let error = require_tables(&mut db, &path, TABLES, &[]).await;
        let said = error.unwrap_err().to_string();
        assert!(
            said.contains(&format!("{kind} \"sqlite_{name}\"")),
            "{said}"
        );
    }
}

#[test]
fn the_advice_depends_on_whose_file_it_is() {
    let error = |live| FileError::Tables {
        path: "store.sqlite".into(),
        what: "trigger \"evil\" is none of this program's".to_owned(),
        live,
    };
    let said = error(false).to_string();
    assert!(said.ends_with("Take another backup"), "{said}");
    assert_eq!(error(false).of_live().to_string(), error(true).to_string());
    let said = error(true).to_string();
    assert!(said.ends_with("restore an older backup"), "{said}");
}
