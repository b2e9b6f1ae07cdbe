//! Deeds that no claim could be made of. Each is stored with its reason and waits without stopping
//! others: every run tries it again, alone in its batch and after all others.
//!
//! A reason is stored unencrypted, also in every backup. So it is one of a few fixed words and
//! never contains an error's text about the records.

use merits_primitives::ids::{Period, ScaleId};
use serde::Serialize;

use super::{
    BatchId, DeedId, Store, StoreError, array, batches::dissolve, columns::needed, columns::period,
};

/// Why no claim was made of a deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsideReason {
    /// Its row cannot be decrypted.
    Damaged,
    /// The formula has no value for its records.
    Formula,
    /// The batch that it was in cannot be stated.
    Statement,
    /// The batch that it was in has no witness.
    Witness,
    /// The prover failed for the batch that it was in.
    Proof,
    /// The ledger refused the batch that it was in, without naming a claim.
    Refused,
    /// A reason of another version of this program.
    Unknown,
}

impl AsideReason {
    const ALL: [Self; 7] = [
        Self::Damaged,
        Self::Formula,
        Self::Statement,
        Self::Witness,
        Self::Proof,
        Self::Refused,
        Self::Unknown,
    ];

    /// The word in the store.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Formula => "formula",
            Self::Statement => "statement",
            Self::Witness => "witness",
            Self::Proof => "proof",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    fn of_word(word: &str) -> Self {
        let found = Self::ALL.into_iter().find(|reason| reason.word() == word);
        found.unwrap_or(Self::Unknown)
    }
}

impl std::fmt::Display for AsideReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Damaged => "its row in the store does not open: restore the store from a copy",
            Self::Formula => {
                "the formula gives no credits for its records; `merits scale eval` on them says why"
            }
            Self::Statement => {
                "no batch can be stated of its records; `merits scale eval` on them says more"
            }
            Self::Witness => "its records have no witness in the scale's circuit",
            Self::Proof => "the prover made no proof of it: see its log for the reason",
            Self::Refused => {
                "the ledger refused a batch with it and named no claim: it is claimed alone next"
            }
            Self::Unknown => "another version of this program made no claim of it",
        })
    }
}

/// A deed of a batch that was taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// Its row.
    pub deed: DeedId,
    /// Whether it had been set aside before.
    pub again: bool,
}

/// A deed that waits, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// The account; `None` when its row does not open.
    pub subject: Option<String>,
    /// The period.
    #[serde(serialize_with = "merits_records::grouping::period_label")]
    pub period: Period,
    /// What the last run found.
    #[serde(serialize_with = "crate::report::text")]
    pub reason: AsideReason,
}

impl std::fmt::Display for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (subject, period) = (self.subject.as_deref(), self.period.label());
        let subject = subject.unwrap_or("of an account whose row does not open");
        write!(f, "{subject} in {period}: {}", self.reason)
    }
}

impl Store {
    /// Takes a batch apart that cannot be proven. Its deeds store the reason, and each is claimed
    /// alone from then on. Returns them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_batch_aside(
        &self,
        batch: BatchId,
        reason: AsideReason,
    ) -> Result<Vec<Released>, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let deeds: Vec<(DeedId, bool)> = sqlx::query_as(
            "SELECT deed, deed.aside IS NOT NULL FROM claim JOIN batch ON batch.id = claim.batch
             JOIN deed ON deed.id = claim.deed
             WHERE batch = ? AND batch.state = 'formed' ORDER BY position",
        )
        .bind(batch)
        .fetch_all(&mut *tx)
        .await?;
        dissolve(&mut tx, batch).await?;
        for (deed, _) in &deeds {
            sqlx::query("UPDATE deed SET aside = ? WHERE id = ? AND state = 'ingested'")
                .bind(reason.word())
                .bind(deed)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        let released = deeds.into_iter();
        Ok(released
            .map(|(deed, again)| Released { deed, again })
            .collect())
    }

    /// Stores why no claim could be made of a deed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_aside(&self, deed: DeedId, reason: AsideReason) -> Result<(), StoreError> {
        sqlx::query("UPDATE deed SET aside = ? WHERE id = ? AND state = 'ingested'")
            .bind(reason.word())
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
            let name = self.unseal(&key, "name", &tag, needed(row, "name", "subject name")?)?;
            String::from_utf8(name.to_vec()).map_err(|_| StoreError::Malformed {
                what: "subject name",
            })
        };
        rows.iter()
            .map(|row| {
                Ok(Aside {
                    subject: subject(row).ok(),
                    period: period(row)?,
                    reason: AsideReason::of_word(needed(row, "aside", "reason")?),
                })
            })
            .collect()
    }

    /// A proven batch whose signed entry the store lost or damaged: it states the same as before, so it
    /// is proven again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prove_again(&self, batch: BatchId) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE batch SET state = 'formed', envelope = NULL WHERE id = ? AND state = 'proved'",
        )
        .bind(batch)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        for reason in AsideReason::ALL {
            assert_eq!(AsideReason::of_word(reason.word()), reason);
        }
        let before = "the formula gives no credits for its records: field `weight` = 12345";
        assert_eq!(AsideReason::of_word(before), AsideReason::Unknown);
        assert!(!AsideReason::Unknown.to_string().contains("12345"));
    }
}
