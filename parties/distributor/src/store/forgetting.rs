//! Forgets a subject, or the data of a withdrawn consent: key and records are deleted, and the
//! ledger stays valid.

use merits_primitives::ids::{Period, ScaleId};
use merits_sqlite::counted;
use rand_core::CryptoRng;
use serde::Serialize;
use sqlx::{Row, Sqlite, SqliteConnection, Transaction};

use super::{
    BatchId, DeedId, Store, StoreError, SubjectId, TicketId, array,
    batches::dissolve,
    columns::{needed, period},
};
use crate::at_rest::SubjectTag;

/// The result of forgetting a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Forgotten {
    /// Unproven deeds that were deleted completely.
    pub dropped: u64,
    /// Deeds that are on the ledger or in the outbox: their records are deleted. Their commitments
    /// and proofs stay valid, but cannot be opened any more.
    pub shredded: u64,
    /// Batches that were taken apart because their proof was not made yet.
    pub dissolved: u64,
}

/// Data that was deleted because its person withdrew a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// The account; `None` when it was forgotten before.
    pub subject: Option<String>,
    /// The scale.
    #[serde(serialize_with = "crate::report::text")]
    pub scale: ScaleId,
    /// The period.
    #[serde(serialize_with = "merits_records::grouping::period_label")]
    pub period: Period,
    /// The result for the records.
    pub records: Forgotten,
}

impl Store {
    /// Deletes a subject's data key and sealed rows. `None` when the store does not know it.
    ///
    /// A batch without a proof is taken apart and formed again without the subject. A batch in the
    /// outbox stays: the ledger may already have it, and nothing in it can be decrypted.
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
        let id: SubjectId = row.try_get("id")?;
        let mut done = Forgotten::default();
        let unproven: Vec<BatchId> = sqlx::query_scalar(
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
        done.shredded = sqlx::query(
            "UPDATE deed SET records = NULL, credits = NULL, aside = NULL WHERE subject = ?",
        )
        .bind(id)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        // A ticket that was not deposited is deleted. A deposited one stays known by its nullifier,
        // without keys.
        sqlx::query("DELETE FROM ticket WHERE subject = ? AND state = 'imported'")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE ticket SET keys = NULL WHERE subject = ?")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        delete_subject(&mut tx, id).await?;
        tx.commit().await?;
        cut_log(&mut connection).await?;
        Ok(Some(done))
    }

    /// Deletes the data of a withdrawn consent: records, salt, K and h of that account, scale and
    /// period. Data of other consents stays, under a new data key. If there is none, the subject is
    /// forgotten as by [`Store::forget`]. `None` when it was done before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn erase(
        &self,
        ticket: TicketId,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Option<Erased>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let mut tx = sqlx::Connection::begin_with(&mut *connection, "BEGIN IMMEDIATE").await?;
        let row = sqlx::query(
            "SELECT subject, scale, period FROM ticket WHERE id = ? AND state <> 'withdrawn'",
        )
        .bind(ticket)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let scale: String = row.try_get("scale")?;
        let mut erased = Erased {
            subject: None,
            scale: ScaleId::new(&scale).map_err(|_| StoreError::Malformed { what: "scale id" })?,
            period: period(&row)?,
            records: Forgotten::default(),
        };
        let subject: Option<SubjectId> = row.try_get("subject")?;
        if let Some(subject) = subject {
            erased.subject = Some(self.subject_name(&mut tx, subject).await?);
            erased.records = erase_records(&mut tx, ticket).await?;
        }
        sqlx::query(
            "UPDATE ticket SET state = 'withdrawn', keys = NULL, subject = NULL WHERE id = ?",
        )
        .bind(ticket)
        .execute(&mut *tx)
        .await?;
        if let Some(subject) = subject {
            let holds: Option<i64> = sqlx::query_scalar(
                "SELECT (SELECT count(*) FROM deed WHERE subject = ?1 AND records IS NOT NULL)
                     + (SELECT count(*) FROM ticket WHERE subject = ?1 AND keys IS NOT NULL)",
            )
            .bind(subject)
            .fetch_one(&mut *tx)
            .await?;
            if counted(holds)? == 0 {
                delete_subject(&mut tx, subject).await?;
            } else {
                self.renew_key(&mut tx, subject, rng).await?;
            }
        }
        tx.commit().await?;
        cut_log(&mut connection).await?;
        Ok(Some(erased))
    }

    async fn subject_name(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        subject: SubjectId,
    ) -> Result<String, StoreError> {
        let row = sqlx::query("SELECT tag, wrapped_key, name FROM subject WHERE id = ?")
            .bind(subject)
            .fetch_one(&mut **tx)
            .await?;
        let tag: SubjectTag = array(row.try_get("tag")?, "subject tag")?;
        let key = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
        let name = self.unseal(&key, "name", &tag, row.try_get("name")?)?;
        String::from_utf8(name.to_vec()).map_err(|_| StoreError::Malformed {
            what: "subject name",
        })
    }

    /// Seals a subject's remaining data under a new data key, so that the deleted data cannot be
    /// decrypted with the subject's row any more, even if an old block of it survives on disk.
    async fn renew_key(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        subject: SubjectId,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<(), StoreError> {
        let row = sqlx::query("SELECT tag, wrapped_key, name FROM subject WHERE id = ?")
            .bind(subject)
            .fetch_one(&mut **tx)
            .await?;
        let tag: SubjectTag = array(row.try_get("tag")?, "subject tag")?;
        let old = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
        let (new, wrapped) = self.master.new_data_key(&tag, rng);
        let name = self.unseal(&old, "name", &tag, row.try_get("name")?)?;
        sqlx::query("UPDATE subject SET wrapped_key = ?, name = ? WHERE id = ?")
            .bind(wrapped)
            .bind(new.seal("name", &tag, &name, rng))
            .bind(subject)
            .execute(&mut **tx)
            .await?;
        let deeds =
            sqlx::query("SELECT id, commitment, records, credits FROM deed WHERE subject = ?")
                .bind(subject)
                .fetch_all(&mut **tx)
                .await?;
        for row in deeds {
            let (id, place): (DeedId, &[u8]) = (row.try_get("id")?, row.try_get("commitment")?);
            let mut renew = |purpose, sealed: Option<&[u8]>| {
                sealed
                    .map(|sealed| {
                        let plain = self.unseal(&old, purpose, place, sealed)?;
                        Ok::<_, StoreError>(new.seal(purpose, place, &plain, rng))
                    })
                    .transpose()
            };
            let records = renew("records", row.try_get("records")?)?;
            let credits = renew("credits", row.try_get("credits")?)?;
            sqlx::query("UPDATE deed SET records = ?, credits = ? WHERE id = ?")
                .bind(records)
                .bind(credits)
                .bind(id)
                .execute(&mut **tx)
                .await?;
        }
        let tickets = sqlx::query(
            "SELECT id, entry_id, keys FROM ticket WHERE subject = ? AND keys IS NOT NULL",
        )
        .bind(subject)
        .fetch_all(&mut **tx)
        .await?;
        for row in tickets {
            let (id, place): (TicketId, &[u8]) = (row.try_get("id")?, row.try_get("entry_id")?);
            let plain = self.unseal(
                &old,
                "ticket",
                place,
                needed(&row, "keys", "ticket's keys")?,
            )?;
            sqlx::query("UPDATE ticket SET keys = ? WHERE id = ?")
                .bind(new.seal("ticket", place, &plain, rng))
                .bind(id)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }
}

/// The deeds of a ticket: those of the account, scale and period, except deeds of another source
/// for which the person consented with another ticket.
const DEEDS_OF_TICKET: &str = "SELECT deed.id FROM deed JOIN ticket
     ON ticket.subject = deed.subject AND ticket.scale = deed.scale
     AND ticket.period = deed.period
     WHERE ticket.id = ?1 AND (deed.source = ticket.source OR NOT EXISTS (
         SELECT 1 FROM ticket AS other WHERE other.subject = deed.subject
             AND other.scale = deed.scale AND other.period = deed.period
             AND other.source = deed.source
             AND other.state IN ('imported', 'deposited', 'claimed')))";

async fn erase_records(
    tx: &mut Transaction<'_, Sqlite>,
    ticket: TicketId,
) -> Result<Forgotten, StoreError> {
    let mut done = Forgotten::default();
    let deeds: Vec<DeedId> = sqlx::query_scalar(DEEDS_OF_TICKET)
        .bind(ticket)
        .fetch_all(&mut **tx)
        .await?;
    for deed in deeds {
        let unproven: Vec<BatchId> = sqlx::query_scalar(
            "SELECT batch.id FROM batch JOIN claim ON claim.batch = batch.id
             WHERE claim.deed = ? AND batch.state = 'formed'",
        )
        .bind(deed)
        .fetch_all(&mut **tx)
        .await?;
        for batch in unproven {
            dissolve(tx, batch).await?;
            done.dissolved += 1;
        }
        done.dropped +=
            sqlx::query("DELETE FROM deed WHERE id = ? AND id NOT IN (SELECT deed FROM claim)")
                .bind(deed)
                .execute(&mut **tx)
                .await?
                .rows_affected();
        done.shredded += sqlx::query(
            "UPDATE deed SET records = NULL, credits = NULL, aside = NULL, subject = NULL
             WHERE id = ?",
        )
        .bind(deed)
        .execute(&mut **tx)
        .await?
        .rows_affected();
    }
    Ok(done)
}

async fn delete_subject(
    tx: &mut Transaction<'_, Sqlite>,
    subject: SubjectId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM subject WHERE id = ?")
        .bind(subject)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The write-ahead log still has the old pages, so this folds and truncates it. A reading process
/// may prevent the truncation now; then the next one does it.
async fn cut_log(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(connection)
        .await?;
    Ok(())
}
