//! The owner of a file.

use merits_sqlite::{FileError, Found, Schema, durable};
use sqlx::ConnectOptions as _;

use super::store;

const SCHEMA: Schema = Schema {
    what: "test's store",
    application_id: 0x0102_0304,
    version: 3,
    tables: "CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT;",
};

#[tokio::test]
async fn files_of_others_and_of_other_versions_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let mut db = durable(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    assert_eq!(SCHEMA.look(&mut db, &path).await.unwrap(), Found::Empty);
    SCHEMA.create(&mut db).await.unwrap();
    assert_eq!(SCHEMA.look(&mut db, &path).await.unwrap(), Found::Ours);
    let newer = Schema {
        version: 4,
        ..SCHEMA
    };
    let error = newer.look(&mut db, &path).await.unwrap_err();
    assert!(
        matches!(
            error,
            FileError::Version {
                found: 3,
                known: 4,
                ..
            }
        ),
        "{error}"
    );
    let other = Schema {
        application_id: 7,
        ..SCHEMA
    };
    let error = other.look(&mut db, &path).await.unwrap_err();
    assert!(matches!(error, FileError::Foreign { .. }), "{error}");

    // A table that nobody signed for.
    let path = dir.path().join("anonymous.sqlite");
    let mut db = store(&path, 1).await;
    let error = SCHEMA.look(&mut db, &path).await.unwrap_err();
    assert!(
        error.to_string().contains("expected: test's store"),
        "{error}"
    );
}
