//! Forgetting a subject: key and records go, the ledger stays true.

use sqlx::Row;

use super::{Store, StoreError, batches::dissolve};

/// What forgetting a subject did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Deeds that were never proven and are gone without a trace.
    pub dropped: u64,
    /// Deeds that are on the ledger, or on their way: their records are gone, their commitments
    /// and proofs remain valid and open to nothing any more.
    pub shredded: u64,
    /// Batches that were taken apart because their proof was not made yet.
    pub dissolved: u64,
}

impl Store {
    /// Deletes a subject's data key and sealed rows. `None` when the store does not know it.
    ///
    /// A batch without a proof is taken apart and formed anew without the subject. A batch in the
    /// outbox stays: the ledger may have it already, and it holds nothing that opens.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self, subject: &str) -> Result<Option<Forgotten>, StoreError> {
        let tag = self.master.tag(subject);
        let mut connection = self.pool.acquire().await?;
        let mut tx = sqlx::Connection::begin_with(&mut *connection, "BEGIN IMMEDIATE").await?;
        let row = sqlx::query("SELECT id FROM subject WHERE tag = ?")
            .bind(tag.as_slice())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let id: i64 = row.try_get("id")?;
        let mut done = Forgotten::default();
        let unproven: Vec<i64> = sqlx::query_scalar(
            "SELECT DISTINCT batch.id FROM batch
             JOIN claim ON claim.batch = batch.id JOIN deed ON deed.id = claim.deed
             WHERE deed.subject = ? AND batch.state = 'formed'",
        )
        .bind(id)
        .fetch_all(&mut *tx)
        .await?;
        for batch in unproven {
            dissolve(&mut tx, batch).await?;
            done.dissolved += 1;
        }
        done.dropped = sqlx::query(
            "DELETE FROM deed WHERE subject = ? AND id NOT IN (SELECT deed FROM claim)",
        )
        .bind(id)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        done.shredded =
            sqlx::query("UPDATE deed SET records = NULL, credits = NULL WHERE subject = ?")
                .bind(id)
                .execute(&mut *tx)
                .await?
                .rows_affected();
        sqlx::query("DELETE FROM subject WHERE id = ?")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        // The write-ahead log still has the old pages: fold it in and cut it off. Another process
        // that reads may keep it from being cut now; it then goes with the next one.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut *connection)
            .await?;
        Ok(Some(done))
    }
}
