//! Pools whose connections are fit to be used again.

use sqlx::{Connection as _, sqlite::SqlitePoolOptions};

/// A pool of at most so many connections, which drops a connection that is still inside a transaction
/// when it comes back.
///
/// When the disk is full, SQLite ends a transaction by itself; the rollback that follows then fails,
/// and the connection counts as inside for ever: everything that it is used for later is refused, or
/// never committed.
#[must_use]
pub fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(most)
        .after_release(|db, _| {
            Box::pin(async move {
                // Rollbacks that are only queued happen before the answer.
                db.ping().await?;
                let fit = !db.is_in_transaction();
                if !fit {
                    tracing::warn!("dropped a connection that a transaction had broken");
                }
                Ok(fit)
            })
        })
}
