//! Pools after a connection broke.

use std::{fs, os::unix::fs::MetadataExt as _};

use merits_sqlite::{durable, pool, restrict};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

async fn full(pool: &SqlitePool) -> String {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let grown = sqlx::query("INSERT INTO thing (value) VALUES (zeroblob(1000000))")
        .execute(&mut *tx)
        .await;
    // Dropped, as `?` would drop it.
    grown.unwrap_err().to_string()
}

async fn opened(path: &std::path::Path, options: SqlitePoolOptions) -> SqlitePool {
    let options = options.max_connections(1);
    let pool = options
        .connect_with(durable(path).create_if_missing(true))
        .await
        .unwrap();
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, value BLOB)")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::raw_sql("PRAGMA max_page_count = 20")
        .execute(&pool)
        .await
        .unwrap();
    pool
}

/// SQLite ends the transaction by itself when the disk is full, but sqlx still counts it.
#[tokio::test]
async fn a_connection_that_a_full_disk_broke_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    // The behaviour of sqlx's own pools, so that this test shows when they no longer need our pool.
    let stock = opened(&path, SqlitePoolOptions::new()).await;
    let said = full(&stock).await;
    assert!(said.contains("full"), "{said}");
    let refused = stock.begin_with("BEGIN IMMEDIATE").await;
    assert!(refused.is_err(), "a stock pool is fit again: pool() may go");
    stock.close().await;

    let pool = opened(&path, pool(1)).await;
    let said = full(&pool).await;
    assert!(said.contains("full"), "{said}");
    // The new connection has no limit: there is room again.
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("INSERT INTO thing (value) VALUES (zeroblob(1000000))")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[test]
fn a_stores_files_are_its_owners() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777;
    restrict(&path).unwrap();
    assert_eq!(mode("store.sqlite"), 0o600, "made so");
    for name in ["store.sqlite", "store.sqlite-wal"] {
        let path = dir.path().join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    }
    restrict(&path).unwrap();
    assert_eq!(mode("store.sqlite"), 0o600);
    assert_eq!(mode("store.sqlite-wal"), 0o600);
}
