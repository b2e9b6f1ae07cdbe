//! Deeds that no claim could be made of. Each keeps its reason, waits, and stops no other: it is tried
//! again by every run, alone in its batch.

use merits_primitives::ids::{Period, ScaleId};

use super::{
    Store, StoreError, array,
    batches::dissolve,
    columns::needed,
    deeds::{DeedId, period},
};

/// A deed that waits, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// The account; `None` when its row does not open.
    pub subject: Option<String>,
    /// The period.
    pub period: Period,
    /// What the last run found.
    pub reason: String,
}

impl std::fmt::Display for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (subject, period) = (self.subject.as_deref(), self.period.label());
        let subject = subject.unwrap_or("of an account whose row does not open");
        write!(f, "{subject} in {period}: {}", self.reason)
    }
}

impl Store {
    /// Takes a batch apart that cannot be proven. Its deeds keep the reason, and each is claimed alone
    /// from then on. Answers which.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_batch_aside(
        &self,
        batch: i64,
        reason: &str,
    ) -> Result<Vec<DeedId>, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let deeds: Vec<DeedId> = sqlx::query_scalar(
            "SELECT deed FROM claim JOIN batch ON batch.id = claim.batch
             WHERE batch = ? AND batch.state = 'formed' ORDER BY position",
        )
        .bind(batch)
        .fetch_all(&mut *tx)
        .await?;
        dissolve(&mut tx, batch).await?;
        for deed in &deeds {
            sqlx::query("UPDATE deed SET aside = ? WHERE id = ? AND state = 'ingested'")
                .bind(reason)
                .bind(deed)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(deeds)
    }

    /// Keeps why no claim could be made of a deed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_aside(&self, deed: DeedId, reason: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE deed SET aside = ? WHERE id = ? AND state = 'ingested'")
            .bind(reason)
            .bind(deed)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The deeds of a scale that wait because no claim could be made of them, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn aside(&self, scale: &ScaleId) -> Result<Vec<Aside>, StoreError> {
        let rows = sqlx::query(
            "SELECT period, aside, tag, wrapped_key, name
             FROM deed LEFT JOIN subject ON subject.id = deed.subject
             WHERE scale = ? AND deed.state = 'ingested' AND aside IS NOT NULL ORDER BY deed.id",
        )
        .bind(scale.as_str())
        .fetch_all(&self.pool)
        .await?;
        let subject = |row| -> Result<String, StoreError> {
            let tag = array(needed(row, "tag", "subject tag")?, "subject tag")?;
            let wrapped = needed(row, "wrapped_key", "data key")?;
            let key = self.master.unwrap(&tag, wrapped)?;
            let name = key.unseal("name", &tag, needed(row, "name", "subject name")?)?;
            String::from_utf8(name.to_vec()).map_err(|_| StoreError::Malformed {
                what: "subject name",
            })
        };
        rows.iter()
            .map(|row| {
                Ok(Aside {
                    subject: subject(row).ok(),
                    period: period(row)?,
                    reason: needed(row, "aside", "reason")?,
                })
            })
            .collect()
    }

    /// A proven batch whose signed entry the store lost or damaged: it states the same as before, so it
    /// is proven again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prove_again(&self, batch: i64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE batch SET state = 'formed', envelope = NULL WHERE id = ? AND state = 'proved'",
        )
        .bind(batch)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
