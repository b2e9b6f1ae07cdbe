//! Pools whose connections are fit to be used again.

use sqlx::{Connection as _, sqlite::SqlitePoolOptions};

/// A pool of at most this many connections. It drops a connection that is still inside a
/// transaction when it is returned.
///
/// When the disk is full, SQLite ends a transaction by itself. The later rollback then fails, and
/// the connection counts as inside a transaction for ever: all later uses are refused or never
/// committed.
#[must_use]
pub fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(most)
        .after_release(|db, _| {
            Box::pin(async move {
                // Queued rollbacks happen before this answer.
                db.ping().await?;
                let fit = !db.is_in_transaction();
                if !fit {
                    tracing::warn!("dropped a connection that a transaction had broken");
                }
                Ok(fit)
            })
        })
}
