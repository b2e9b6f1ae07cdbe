#!/usr/bin/env bash
# sqlx rolls a nested transaction back without releasing its savepoint.
#
# `begin` inside a transaction makes a savepoint, `commit` releases it, and `rollback` sends ROLLBACK TO and
# nothing more, so the savepoint stays on SQLite's stack until the outer transaction ends. The next one bears
# the same name and lies above it. A transaction that tries many things, each in a nested transaction, and
# refuses many of them carries all their savepoints along, and each later write gets slower: 200 of them
# more than double its time.
#
# Seen with sqlx 0.9.0 and its SQLite, 2026-11-30. Met by whoever puts each item of a group into a savepoint:
# release it by hand after a rollback, or look before writing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat >Cargo.toml <<'T'
[package]
name = "savepoints"
version = "0.0.0"
edition = "2021"
[dependencies]
sqlx = { version = "=0.9.0", default-features = false, features = ["runtime-tokio", "sqlite"] }
tokio = { version = "1", features = ["macros", "rt"] }
T
cat >src/main.rs <<'R'
use sqlx::{Connection, SqliteConnection};

/// How many savepoints are open, by releasing them one after another.
async fn open(db: &mut SqliteConnection) -> usize {
    let mut count = 0;
    while sqlx::query("RELEASE SAVEPOINT _sqlx_savepoint_1").execute(&mut *db).await.is_ok() {
        count += 1;
    }
    count
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sqlx::Error> {
    let mut db = SqliteConnection::connect("sqlite::memory:").await?;
    let mut outer = SqliteConnection::begin(&mut db).await?;
    for _ in 0..3 {
        SqliteConnection::begin(&mut outer).await?.commit().await?;
    }
    let committed = open(&mut outer).await;
    for _ in 0..3 {
        SqliteConnection::begin(&mut outer).await?.rollback().await?;
    }
    let rolled_back = open(&mut outer).await;
    println!("open savepoints after 3 nested commits: {committed}, after 3 nested rollbacks: {rolled_back}");
    std::process::exit(((committed, rolled_back) != (0, 3)).into());
}
R
cargo run --quiet
