//! SQLite files in the states that a store, an operator or a crash leaves.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

mod access;
mod copies;
mod folding;
mod pools;
mod schema;
mod strangers;
mod tables;

use std::path::Path;

use merits_sqlite::durable;
use sqlx::{ConnectOptions as _, SqliteConnection};

/// A store with `rows` rows, still open.
async fn store(path: &Path, rows: u32) -> SqliteConnection {
    let mut db = durable(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql("CREATE TABLE thing (id INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT")
        .execute(&mut db)
        .await
        .unwrap();
    add(&mut db, rows).await;
    db
}

async fn add(db: &mut SqliteConnection, rows: u32) {
    for row in 0..rows {
        sqlx::query("INSERT INTO thing (value) VALUES (?)")
            .bind(format!("value {row}"))
            .execute(&mut *db)
            .await
            .unwrap();
    }
}

async fn count(db: &mut SqliteConnection) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM thing")
        .fetch_one(db)
        .await
        .unwrap()
}
