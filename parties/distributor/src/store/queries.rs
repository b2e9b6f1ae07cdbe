//! Queries of the store: counts, receipts, the deed of a claim.

use futures::{Stream, TryStreamExt as _};
use merits_primitives::{
    earned::Earned,
    field,
    ids::{EntryId, ScaleId},
};
use merits_sqlite::counted;
use serde::Serialize;
use sqlx::{Row, sqlite::SqliteRow};

use super::{
    BatchId, DeedId, Store, StoreError, SubjectId, array, batches::earned, columns::needed,
    deeds::Deed,
};
use crate::earnings::EarnedSum;

/// Rows by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct StoreCounts {
    /// Subjects with a data key.
    pub subjects: u64,
    /// Deeds that wait to be claimed.
    pub ingested: u64,
    /// Deeds in batches that the ledger has not answered.
    pub claimed: u64,
    /// Deeds on the ledger.
    pub acknowledged: u64,
    /// Deeds that the ledger refused.
    pub refused: u64,
    /// Batches that wait for their proof.
    pub formed: u64,
    /// Batches in the outbox.
    pub outbox: u64,
    /// Batches on the ledger.
    pub acknowledged_batches: u64,
    /// Batches that the ledger refused.
    pub refused_batches: u64,
}

/// The store's answer about a claim of an entry.
#[derive(Debug)]
pub enum ClaimPlace {
    /// Not an entry of this node, or no such claim in it.
    Unknown,
    /// The subject was forgotten: the records are gone for good.
    Forgotten,
    /// The deed.
    Deed(Box<Deed>),
}

/// What deeds on the ledger earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Acknowledged {
    /// The total earnings of its claims, as far as the store still has them.
    pub earned: EarnedSum,
    /// Claims of subjects that were not forgotten, whose earnings the store has lost: they are not in the sum.
    pub lost: u64,
}

/// Receipts of acknowledged batches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipts {
    /// Those that the store has, oldest first.
    pub held: Vec<(EntryId, String)>,
    /// Entries whose receipts it has lost. The log still has them.
    pub lost: Vec<EntryId>,
    /// The row of the last batch, after which the next ones come; `None` if there is no batch.
    pub last: Option<BatchId>,
}

impl Store {
    /// Counts of a scale.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&self, scale: &ScaleId) -> Result<StoreCounts, StoreError> {
        let mut counts = StoreCounts::default();
        let subjects: Option<i64> = sqlx::query_scalar("SELECT count(*) FROM subject")
            .fetch_one(&self.pool)
            .await?;
        counts.subjects = counted(subjects)?;
        let deeds: Vec<(String, Option<i64>)> =
            sqlx::query_as("SELECT state, count(*) FROM deed WHERE scale = ? GROUP BY state")
                .bind(scale.as_str())
                .fetch_all(&self.pool)
                .await?;
        for (state, count) in deeds {
            let count = counted(count)?;
            match state.as_str() {
                "ingested" => counts.ingested = count,
                "claimed" => counts.claimed = count,
                "acknowledged" => counts.acknowledged = count,
                "refused" => counts.refused = count,
                _ => return Err(StoreError::Malformed { what: "deed state" }),
            }
        }
        let batches: Vec<(String, Option<i64>)> =
            sqlx::query_as("SELECT state, count(*) FROM batch WHERE scale = ? GROUP BY state")
                .bind(scale.as_str())
                .fetch_all(&self.pool)
                .await?;
        for (state, count) in batches {
            let count = counted(count)?;
            match state.as_str() {
                "formed" => counts.formed = count,
                "proved" => counts.outbox = count,
                "acknowledged" => counts.acknowledged_batches = count,
                "refused" => counts.refused_batches = count,
                _ => {
                    return Err(StoreError::Malformed {
                        what: "batch state",
                    });
                }
            }
        }
        Ok(counts)
    }

    /// What the claims of a batch earn, opened and added up. A subject that was forgotten has no row; what does not open
    /// of another one is counted as lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn earned_in(&self, batch: BatchId) -> Result<Acknowledged, StoreError> {
        let rows = sqlx::query(
            "SELECT tag, wrapped_key, commitment, credits
             FROM claim JOIN deed ON deed.id = claim.deed JOIN subject ON subject.id = deed.subject
             WHERE claim.batch = ?",
        )
        .bind(batch)
        .fetch(&self.pool);
        self.added_up(rows).await
    }

    /// The same of all deeds on the ledger, one after the other. It opens each of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acknowledged(&self, scale: &ScaleId) -> Result<Acknowledged, StoreError> {
        let rows = sqlx::query(
            "SELECT tag, wrapped_key, commitment, credits
             FROM deed JOIN subject ON subject.id = deed.subject
             WHERE scale = ? AND state = 'acknowledged'",
        )
        .bind(scale.as_str())
        .fetch(&self.pool);
        self.added_up(rows).await
    }

    async fn added_up(
        &self,
        mut rows: impl Stream<Item = sqlx::Result<SqliteRow>> + Unpin,
    ) -> Result<Acknowledged, StoreError> {
        let mut found = Acknowledged::default();
        while let Some(row) = rows.try_next().await? {
            match self.earned_by(&row) {
                Ok(earned) => found.earned.add(&[earned]),
                Err(fault @ StoreError::Database(_)) => return Err(fault),
                Err(_) => found.lost += 1,
            }
        }
        Ok(found)
    }

    /// What the claim in a row earns.
    fn earned_by(&self, row: &SqliteRow) -> Result<Earned, StoreError> {
        let tag = array(row.try_get("tag")?, "subject tag")?;
        let key = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
        let place: &[u8] = row.try_get("commitment")?;
        let plain = self.unseal(
            &key,
            "credits",
            place,
            needed(row, "credits", "claim's credits")?,
        )?;
        earned(&plain)
    }

    /// The number of deeds on the ledger whose earnings are missing although their subjects were not forgotten. Nothing
    /// is opened.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn missing_earnings(&self, scale: &ScaleId) -> Result<u64, StoreError> {
        let missing: Option<i64> = sqlx::query_scalar(
            "SELECT count(*) FROM deed
             WHERE scale = ? AND state = 'acknowledged' AND subject IS NOT NULL AND credits IS NULL",
        )
        .bind(scale.as_str())
        .fetch_one(&self.pool)
        .await?;
        Ok(counted(missing)?)
    }

    /// Receipts of at most `limit` acknowledged batches, oldest first, after the batch `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn receipts(
        &self,
        scale: &ScaleId,
        after: Option<BatchId>,
        limit: u32,
    ) -> Result<Receipts, StoreError> {
        let rows = sqlx::query(
            "SELECT id, entry_id, receipt FROM batch
             WHERE scale = ? AND state = 'acknowledged' AND id > ? ORDER BY id LIMIT ?",
        )
        .bind(scale.as_str())
        // Rows count from 1.
        .bind(after.map_or(0, |batch| batch.0))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let mut found = Receipts::default();
        for row in &rows {
            found.last = Some(row.try_get("id")?);
            let entry = EntryId(array(row.try_get("entry_id")?, "entry id")?);
            match row.try_get("receipt")? {
                Some(receipt) => found.held.push((entry, receipt)),
                None => found.lost.push(entry),
            }
        }
        Ok(found)
    }

    /// Stores whether a scale is vouched, from its approved manifest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_vouched(&self, scale: &ScaleId, vouched: bool) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO scale (id, vouched) VALUES (?, ?)
             ON CONFLICT (id) DO UPDATE SET vouched = excluded.vouched",
        )
        .bind(scale.as_str())
        .bind(vouched)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether a scale is vouched: its sources cannot link people, so the distributor vouches for
    /// whose records these are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn vouched(&self, scale: &ScaleId) -> Result<bool, StoreError> {
        let vouched: Option<bool> = sqlx::query_scalar("SELECT vouched FROM scale WHERE id = ?")
            .bind(scale.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(vouched.unwrap_or(false))
    }

    /// Reasons of refused batches, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refusals(&self, scale: &ScaleId) -> Result<Vec<(EntryId, String)>, StoreError> {
        let rows = sqlx::query(
            "SELECT entry_id, coalesce(refusal, '') AS refusal FROM batch
             WHERE scale = ? AND state = 'refused' ORDER BY id",
        )
        .bind(scale.as_str())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    EntryId(array(row.try_get("entry_id")?, "entry id")?),
                    row.try_get("refusal")?,
                ))
            })
            .collect()
    }

    /// The deed of a claim on the ledger.
    ///
    /// # Errors
    /// [`StoreError`]: also when the store has lost the records of an account that it knows.
    pub async fn claim(&self, entry: &EntryId, position: usize) -> Result<ClaimPlace, StoreError> {
        let Ok(position) = i64::try_from(position) else {
            return Ok(ClaimPlace::Unknown);
        };
        let deed: Option<(DeedId, Option<SubjectId>)> = sqlx::query_as(
            "SELECT deed.id, deed.subject FROM deed
             JOIN claim ON claim.deed = deed.id JOIN batch ON batch.id = claim.batch
             WHERE batch.entry_id = ? AND claim.position = ? AND batch.state <> 'refused'",
        )
        .bind(entry.0.as_slice())
        .bind(position)
        .fetch_optional(&self.pool)
        .await?;
        Ok(match deed {
            None => ClaimPlace::Unknown,
            Some((_, None)) => ClaimPlace::Forgotten,
            Some((id, Some(_))) => match self.deeds(&[id]).await?.pop() {
                Some(deed) => ClaimPlace::Deed(Box::new(deed)),
                // A moment ago.
                None => ClaimPlace::Forgotten,
            },
        })
    }

    /// Whether a commitment of this scale is in the store, for tests and `fsck`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn knows_commitment(
        &self,
        scale: &ScaleId,
        commitment: &merits_primitives::commitment::RecordCommitment,
    ) -> Result<bool, StoreError> {
        let count: Option<i64> =
            sqlx::query_scalar("SELECT count(*) FROM deed WHERE scale = ? AND commitment = ?")
                .bind(scale.as_str())
                .bind(field::to_bytes(commitment).as_slice())
                .fetch_one(&self.pool)
                .await?;
        Ok(counted(count)? > 0)
    }
}
