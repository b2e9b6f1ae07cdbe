#!/usr/bin/env bash
# sqlx on SQLite: after a full disk inside a transaction the pool keeps a connection on which no
# transaction begins any more.
#
# SQLite answers SQLITE_FULL by rolling the transaction back itself. sqlx does not see that: its own ROLLBACK
# then fails ("no transaction is active"), its count of open transactions stays at 1, and the connection
# goes back into the pool as sound. Every later `begin_with` on it is refused as nested, for as long as the
# process lives, also when there is room again. A plain query on it works, and so does a health check
# by one. The cure: `after_release` with a ping, which reports the failed rollback's leftovers, and
# `is_in_transaction()`; throw the connection away if it says yes.
#
# Seen with sqlx 0.9.0 (bundled SQLite), 2026-11-30; the full disk is `PRAGMA max_page_count`. Met by every
# service that begins its writes with BEGIN IMMEDIATE.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat >Cargo.toml <<'T'
[package]
name = "full"
version = "0.0.0"
edition = "2021"
[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["runtime-tokio", "sqlite"] }
tokio = { version = "1", features = ["rt", "macros"] }
T
cat >src/main.rs <<'R'
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sqlx::Error> {
    let options = SqliteConnectOptions::new().filename("full.sqlite").create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    sqlx::query("CREATE TABLE deed (b BLOB)").execute(&pool).await?;
    sqlx::query("PRAGMA max_page_count = 8").execute(&pool).await?;
    let mut full = pool.begin_with("BEGIN IMMEDIATE").await?;
    let written = sqlx::query("INSERT INTO deed VALUES (zeroblob(200000))").execute(&mut *full).await;
    println!("writing to a full disk: {}", written.unwrap_err());
    drop(full);
    sqlx::query("PRAGMA max_page_count = 1000000").execute(&pool).await?;
    println!("there is room again, and a plain query works");
    let mut refused = 0;
    for _ in 0..3 {
        match pool.begin_with("BEGIN IMMEDIATE").await {
            Ok(transaction) => transaction.rollback().await?,
            Err(error) => {
                println!("a transaction: {error}");
                refused += 1;
            }
        }
    }
    std::process::exit((refused != 3).into());
}
R
cargo run --quiet
