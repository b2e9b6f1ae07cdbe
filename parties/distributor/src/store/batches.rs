//! Batches are fixed before they are proven, proven once, and submitted until the ledger answers.

use merits_primitives::{
    earned::Earned,
    field,
    ids::{Credits, EntryId, Epoch, PartyId, Period, Quantity, ScaleId, ScaleVersion},
};
use rand_core::CryptoRng;
use sqlx::{Row, Sqlite, Transaction};

use super::{
    AsideReason, BatchId, DeedId, Store, StoreError, TicketId, array,
    columns::{period, stored},
    deeds::{Deed, give_back},
};

/// A fixed batch, with the earnings that its claims state.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// The scale.
    pub scale: ScaleId,
    /// Its version.
    pub version: ScaleVersion,
    /// The view-key epoch.
    pub epoch: Epoch,
    /// The period.
    pub period: Period,
    /// The source of the commitments.
    pub source: PartyId,
    /// The id of its ledger entry.
    pub entry_id: EntryId,
    /// Its statement.
    pub statement: Vec<u8>,
    /// Deeds by position, and what each earns.
    pub claims: Vec<(DeedId, Earned)>,
}

/// A batch that waits for its proof.
#[derive(Debug, Clone)]
pub struct FormedBatch {
    /// Its row.
    pub id: BatchId,
    /// The scale's version.
    pub version: ScaleVersion,
    /// The view-key epoch.
    pub epoch: Epoch,
    /// The period.
    pub period: Period,
    /// Whose commitments.
    pub source: PartyId,
    /// What its ledger entry will be called.
    pub entry_id: EntryId,
    /// What it will state.
    pub statement: Vec<u8>,
    /// Deeds by position, and the ticket that each is claimed with.
    pub deeds: Vec<(DeedId, Option<TicketId>)>,
}

/// A batch that waits for the ledger's answer.
#[derive(Debug, Clone)]
pub struct OutboxItem {
    /// Its row.
    pub id: BatchId,
    /// The id of its ledger entry.
    pub entry_id: EntryId,
    /// The signed entry with its proof; `None` when the store has none, which means damage.
    pub envelope: Option<Vec<u8>>,
}

/// The kind of a refusal of a batch, which decides what happens to its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCause {
    /// A claim that is not named. The claim of a batch of one is refused: to try the same again would give the
    /// same answer. The claims of a larger one are made alone, so that one costs no other.
    Unnamed,
    /// One claim, by position: it can never be accepted.
    Claim(usize),
    /// The ticket of one claim, by position: its deed may be claimed with another.
    Ticket(usize),
    /// The batch's terms, which are outdated: no claim is refused.
    Terms,
    /// The source, its key, or the distributor itself: no claim is refused, and those whose source does not stand or
    /// signs by another key now wait.
    Source,
}

impl RefusalCause {
    /// Whether the claim at a position is refused for good, in a batch of this many.
    fn refuses_claim(self, position: i64, claims: usize) -> bool {
        match self {
            Self::Unnamed => claims == 1,
            Self::Claim(named) => at(position, named),
            Self::Ticket(_) | Self::Terms | Self::Source => false,
        }
    }

    /// Whether the ticket of the claim at a position is refused.
    fn refuses_ticket(self, position: i64) -> bool {
        matches!(self, Self::Ticket(named) if at(position, named))
    }
}

fn at(position: i64, claim: usize) -> bool {
    usize::try_from(position).is_ok_and(|at| at == claim)
}

/// The encoding of a claim's earnings before sealing: v, then w if there is one.
fn earned_bytes(earned: &Earned) -> Vec<u8> {
    let mut bytes = earned.credits.0.to_le_bytes().to_vec();
    bytes.extend(
        earned
            .measure
            .map(|w| w.0.to_le_bytes())
            .into_iter()
            .flatten(),
    );
    bytes
}

/// Reads [`earned_bytes`].
pub(super) fn earned(bytes: &[u8]) -> Result<Earned, StoreError> {
    let amount = |bytes: &[u8]| Ok::<_, StoreError>(u64::from_le_bytes(array(bytes, "earnings")?));
    let (credits, measure) = bytes.split_at_checked(8).unwrap_or((bytes, &[]));
    Ok(Earned {
        credits: Credits(amount(credits)?),
        measure: match measure {
            [] => None,
            measure => Some(Quantity(amount(measure)?)),
        },
    })
}

impl Store {
    /// Fixes a batch: the row, its claims, and the deeds' change of state in one transaction.
    /// Answers the batch's row; `None` when one of the deeds or of their tickets is no longer there
    /// to be claimed with; then nothing is changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn form_batch(
        &self,
        batch: &NewBatch,
        deeds: &[Deed],
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Option<BatchId>, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let id = sqlx::query(
            "INSERT INTO batch (scale, version, epoch, period, source, entry_id, statement, state)
             VALUES (?, ?, ?, ?, ?, ?, ?, 'formed')",
        )
        .bind(batch.scale.as_str())
        .bind(batch.version.0)
        .bind(batch.epoch.0)
        .bind(stored(batch.period))
        .bind(batch.source.0.as_slice())
        .bind(batch.entry_id.0.as_slice())
        .bind(batch.statement.as_slice())
        .execute(&mut *tx)
        .await?
        .last_insert_rowid();
        let id = BatchId(id);
        for (position, (deed, (_, earned))) in deeds.iter().zip(&batch.claims).enumerate() {
            let commitment = field::to_bytes(&deed.commitment);
            let ticket = deed.ticket.as_ref().map(|ticket| ticket.id);
            let row = sqlx::query(
                "SELECT tag, wrapped_key FROM deed JOIN subject ON subject.id = deed.subject
                 WHERE deed.id = ?1 AND deed.state = 'ingested' AND (?2 IS NULL OR EXISTS (
                     SELECT 1 FROM ticket
                     WHERE id = ?2 AND state = 'deposited' AND keys IS NOT NULL))",
            )
            .bind(deed.id)
            .bind(ticket)
            .fetch_optional(&mut *tx)
            .await?;
            let Some(row) = row else {
                return Ok(None);
            };
            let tag = array(row.try_get("tag")?, "subject tag")?;
            let key = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
            let plain = earned_bytes(earned);
            let sealed = key.seal("credits", &commitment, &plain, rng);
            sqlx::query("UPDATE deed SET state = 'claimed', credits = ? WHERE id = ?")
                .bind(sealed)
                .bind(deed.id)
                .execute(&mut *tx)
                .await?;
            sqlx::query("INSERT INTO claim (batch, position, deed, ticket) VALUES (?, ?, ?, ?)")
                .bind(id)
                // At most 64 claims a batch.
                .bind(position as i64)
                .bind(deed.id)
                .bind(ticket)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(Some(id))
    }

    /// Batches that wait for their proof, oldest first, at most `limit` of them: those after the batch `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn formed_batches(
        &self,
        scale: &ScaleId,
        after: Option<BatchId>,
        limit: u32,
    ) -> Result<Vec<FormedBatch>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, version, epoch, period, source, entry_id, statement
             FROM batch WHERE scale = ? AND state = 'formed' AND id > ? ORDER BY id LIMIT ?",
        )
        .bind(scale.as_str())
        .bind(after.map_or(0, |batch| batch.0))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let mut out = Vec::with_capacity(rows.len());
        for row in rows {
            let id: BatchId = row.try_get("id")?;
            let deeds =
                sqlx::query_as("SELECT deed, ticket FROM claim WHERE batch = ? ORDER BY position")
                    .bind(id)
                    .fetch_all(&self.pool)
                    .await?;
            out.push(FormedBatch {
                id,
                version: ScaleVersion(row.try_get("version")?),
                epoch: Epoch(row.try_get("epoch")?),
                period: period(&row)?,
                source: PartyId(array(row.try_get("source")?, "source id")?),
                entry_id: EntryId(array(row.try_get("entry_id")?, "entry id")?),
                statement: row.try_get("statement")?,
                deeds,
            });
        }
        Ok(out)
    }

    /// Puts a proven batch into the outbox. Returns `false` when it was taken apart meanwhile: then
    /// the proof must not be submitted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_in_outbox(&self, batch: BatchId, envelope: &[u8]) -> Result<bool, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query(
            "UPDATE batch SET state = 'proved', envelope = ? WHERE id = ? AND state = 'formed'",
        )
        .bind(envelope)
        .bind(batch)
        .execute(&mut *tx)
        .await?;
        // The earlier reason for setting them aside no longer applies.
        sqlx::query(
            "UPDATE deed SET aside = NULL WHERE aside IS NOT NULL
             AND id IN (SELECT deed FROM claim WHERE batch = ?)",
        )
        .bind(batch)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// At most `limit` batches that wait for the ledger's answer, oldest first, after the batch `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outbox(
        &self,
        after: Option<BatchId>,
        limit: u32,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, entry_id, envelope FROM batch
             WHERE state = 'proved' AND id > ? ORDER BY id LIMIT ?",
        )
        // Rows count from 1.
        .bind(after.map_or(0, |batch| batch.0))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(OutboxItem {
                    id: row.try_get("id")?,
                    entry_id: EntryId(array(row.try_get("entry_id")?, "entry id")?),
                    envelope: row.try_get("envelope")?,
                })
            })
            .collect()
    }

    /// The ledger has the entry: stores the receipt and closes batch and deeds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acknowledge(&self, batch: BatchId, receipt: &str) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "UPDATE batch SET state = 'acknowledged', receipt = ? WHERE id = ? AND state = 'proved'",
        )
        .bind(receipt)
        .bind(batch)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE deed SET state = 'acknowledged'
             WHERE id IN (SELECT deed FROM claim WHERE batch = ?)",
        )
        .bind(batch)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "UPDATE ticket SET state = 'claimed' WHERE state = 'deposited'
             AND id IN (SELECT ticket FROM claim WHERE batch = ?)",
        )
        .bind(batch)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The ledger refused the entry. Claims that can never be accepted are refused with it; the others go back,
    /// to be claimed in another batch, and so does one whose source has signed again since. A refused ticket is set
    /// aside, and its deed waits for another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refuse(
        &self,
        batch: BatchId,
        refusal: &str,
        cause: RefusalCause,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "UPDATE batch SET state = 'refused', refusal = ? WHERE id = ? AND state = 'proved'",
        )
        .bind(refusal)
        .bind(batch)
        .execute(&mut *tx)
        .await?;
        let claims: Vec<(i64, DeedId, Option<TicketId>)> =
            sqlx::query_as("SELECT position, deed, ticket FROM claim WHERE batch = ?")
                .bind(batch)
                .fetch_all(&mut *tx)
                .await?;
        let count = claims.len();
        for (position, deed, ticket) in claims {
            if cause.refuses_ticket(position) {
                sqlx::query(
                    "UPDATE ticket SET state = 'refused', refusal = ?, keys = NULL
                     WHERE id = ? AND state = 'deposited'",
                )
                .bind(refusal)
                .bind(ticket)
                .execute(&mut *tx)
                .await?;
            }
            if !cause.refuses_claim(position, count) {
                give_back(&mut tx, deed).await?;
                if cause == RefusalCause::Unnamed {
                    sqlx::query("UPDATE deed SET aside = ? WHERE id = ?")
                        .bind(AsideReason::Refused.word())
                        .bind(deed)
                        .execute(&mut *tx)
                        .await?;
                }
                continue;
            }
            // The batch states the signature that the source gave before.
            let signed_since: bool = sqlx::query_scalar(
                "SELECT instr(batch.statement, deed.signature) = 0 FROM batch, deed
                 WHERE batch.id = ? AND deed.id = ?",
            )
            .bind(batch)
            .bind(deed)
            .fetch_one(&mut *tx)
            .await?;
            if signed_since {
                give_back(&mut tx, deed).await?;
                continue;
            }
            sqlx::query("UPDATE deed SET state = 'refused', refusal = ? WHERE id = ?")
                .bind(refusal)
                .bind(deed)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes an unproven batch apart, so that its deeds can be claimed again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn dissolve(&self, batch: BatchId) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        dissolve(&mut tx, batch).await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(super) async fn dissolve(
    tx: &mut Transaction<'_, Sqlite>,
    batch: BatchId,
) -> Result<(), StoreError> {
    let deeds: Vec<DeedId> = sqlx::query_scalar(
        "SELECT deed FROM claim JOIN batch ON batch.id = claim.batch
         WHERE batch = ? AND batch.state = 'formed'",
    )
    .bind(batch)
    .fetch_all(&mut **tx)
    .await?;
    for deed in deeds {
        give_back(tx, deed).await?;
    }
    sqlx::query("DELETE FROM batch WHERE id = ? AND state = 'formed'")
        .bind(batch)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
