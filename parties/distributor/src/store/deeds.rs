//! Subjects and their sealed records.

use std::collections::{HashMap, hash_map::Entry};

use merits_formula::Record;
use merits_primitives::{
    commitment::{RecordCommitment, RecordSalt},
    field,
    ids::{PartyId, Period, ScaleId},
    owner::Handle,
};
use merits_verifier::codec::{CodecError, Reader, Writer};
use rand_core::CryptoRng;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction, sqlite::SqliteRow};
use zeroize::Zeroizing;

use super::{
    DeedId, Store, StoreError, SubjectId, TicketId, array,
    columns::{needed, period, stored},
    tickets::ClaimTicket,
};
use crate::at_rest::{DataKey, SubjectTag};

/// A checked deed for the store.
#[derive(Clone)]
pub struct NewDeed {
    /// The account.
    pub subject: String,
    /// The period.
    pub period: Period,
    /// h.
    pub handle: Handle,
    /// s.
    pub salt: RecordSalt,
    /// The records, checked against the schema.
    pub records: Vec<Record>,
    /// C.
    pub commitment: RecordCommitment,
    /// The source's signature.
    pub signature: [u8; 64],
}

/// A decrypted deed from the store.
#[derive(Clone)]
pub struct Deed {
    /// Its row.
    pub id: DeedId,
    /// The account.
    pub subject: String,
    /// The period.
    pub period: Period,
    /// The source that committed to the records.
    pub source: PartyId,
    /// h.
    pub handle: Handle,
    /// s.
    pub salt: RecordSalt,
    /// The records.
    pub records: Vec<Record>,
    /// C.
    pub commitment: RecordCommitment,
    /// The source's signature.
    pub signature: [u8; 64],
    /// The ticket that it is claimed with; `None` on a ledger in custody.
    pub ticket: Option<ClaimTicket>,
}

impl std::fmt::Debug for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deed")
            .field("id", &self.id)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

/// The result of decrypting deeds.
#[derive(Debug, Default)]
pub struct DecryptedDeeds {
    /// Decrypted deeds.
    pub deeds: Vec<Deed>,
    /// Deeds that could not be decrypted.
    pub damaged: Vec<Damaged>,
}

/// A deed whose row cannot be decrypted.
#[derive(Debug)]
pub struct Damaged {
    /// Its row.
    pub deed: DeedId,
    /// Why.
    pub fault: StoreError,
}

/// Tags in one query, far below SQLite's limit.
const TAGS_AT_ONCE: usize = 1024;

/// The result for a new deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the store now.
    New,
    /// The same commitment was already there: reading a file twice changes nothing. If the source signed it again,
    /// its newer signature is kept.
    Known,
    /// Another commitment is there for this subject, source and period.
    Conflict,
    /// The account is new and looks like this known one: a person must decide whether they are the
    /// same.
    LooksLike(String),
}

impl Store {
    /// Adds deeds of one scale and source, all in one transaction.
    ///
    /// # Errors
    /// [`StoreError`]; then none is added.
    pub async fn insert_deeds(
        &self,
        scale: &ScaleId,
        source: &PartyId,
        deeds: &[NewDeed],
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Vec<Inserted>, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let tags: Vec<SubjectTag> = deeds
            .iter()
            .map(|deed| self.master.tag(&deed.subject))
            .collect();
        let mut keys = self.subjects_with_deeds(&mut tx, &tags).await?;
        let mut out = Vec::with_capacity(deeds.len());
        for (deed, tag) in deeds.iter().zip(tags) {
            let (subject, key) = match keys.entry(tag) {
                Entry::Occupied(known) => known.into_mut(),
                // New, or known by its tickets alone, which nobody but its person made.
                Entry::Vacant(place) => {
                    if let Some(known) = self.lookalike(&mut tx, &tag, &deed.subject).await? {
                        out.push(Inserted::LooksLike(known));
                        continue;
                    }
                    place.insert(self.subject(&mut tx, &tag, &deed.subject, rng).await?)
                }
            };
            out.push(insert_deed(&mut tx, scale, source, deed, *subject, key, rng).await?);
        }
        tx.commit().await?;
        Ok(out)
    }

    /// Rows and data keys of those subjects that have deeds.
    async fn subjects_with_deeds(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        tags: &[SubjectTag],
    ) -> Result<HashMap<SubjectTag, (SubjectId, DataKey)>, StoreError> {
        let mut known = HashMap::with_capacity(tags.len());
        for tags in tags.chunks(TAGS_AT_ONCE) {
            let mut query =
                QueryBuilder::new("SELECT id, tag, wrapped_key FROM subject WHERE tag IN (");
            let mut list = query.separated(", ");
            for tag in tags {
                list.push_bind(tag.as_slice());
            }
            query.push(") AND EXISTS (SELECT 1 FROM deed WHERE deed.subject = subject.id)");
            for row in query.build().fetch_all(&mut **tx).await? {
                let tag = array(row.try_get("tag")?, "subject tag")?;
                let key = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
                known.insert(tag, (row.try_get("id")?, key));
            }
        }
        Ok(known)
    }

    /// Accounts that a person has decided to be separate people although they look like others.
    #[must_use]
    pub fn with_distinct(mut self, accounts: impl IntoIterator<Item = String>) -> Self {
        self.distinct = std::sync::Arc::new(accounts.into_iter().collect());
        self
    }

    /// Another account that looks like this one and has deeds, unless a person has decided about
    /// it. Accounts that only gave tickets do not count: anybody can give one for an account of any
    /// name, and could so block the records of a person with a similar name.
    pub(super) async fn lookalike(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        tag: &SubjectTag,
        subject: &str,
    ) -> Result<Option<String>, StoreError> {
        if self.distinct.contains(subject) {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT tag, wrapped_key, name FROM subject WHERE look = ? AND tag <> ?
             AND EXISTS (SELECT 1 FROM deed WHERE deed.subject = subject.id) LIMIT 1",
        )
        .bind(self.master.look(subject).as_slice())
        .bind(tag.as_slice())
        .fetch_optional(&mut **tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let tag = array(row.try_get("tag")?, "subject tag")?;
        let key = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
        let name = self.unseal(&key, "name", &tag, row.try_get("name")?)?;
        Ok(Some(String::from_utf8_lossy(&name).into_owned()))
    }

    /// The subject's row and data key, made if it is new.
    pub(super) async fn subject(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        tag: &SubjectTag,
        name: &str,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<(SubjectId, DataKey), StoreError> {
        let row = sqlx::query("SELECT id, wrapped_key FROM subject WHERE tag = ?")
            .bind(tag.as_slice())
            .fetch_optional(&mut **tx)
            .await?;
        if let Some(row) = row {
            let key = self.master.unwrap(tag, row.try_get("wrapped_key")?)?;
            return Ok((row.try_get("id")?, key));
        }
        let (key, wrapped) = self.master.new_data_key(tag, rng);
        let sealed = key.seal("name", tag, name.as_bytes(), rng);
        let id =
            sqlx::query("INSERT INTO subject (tag, wrapped_key, name, look) VALUES (?, ?, ?, ?)")
                .bind(tag.as_slice())
                .bind(wrapped)
                .bind(sealed)
                .bind(self.master.look(name).as_slice())
                .execute(&mut **tx)
                .await?
                .last_insert_rowid();
        Ok((SubjectId(id), key))
    }

    /// Decrypts deeds, in the given order. A deed that was forgotten meanwhile is left out.
    ///
    /// # Errors
    /// [`StoreError`], also of a single deed that does not open.
    pub async fn deeds(&self, ids: &[DeedId]) -> Result<Vec<Deed>, StoreError> {
        let mut opened = self.open_deeds(ids).await?;
        match opened.damaged.pop() {
            Some(damaged) => Err(damaged.fault),
            None => Ok(opened.deeds),
        }
    }

    /// Decrypts the deeds that can be decrypted.
    async fn open_deeds(&self, ids: &[DeedId]) -> Result<DecryptedDeeds, StoreError> {
        // A list of numbers is written as JSON writes it.
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        let ids = format!("{ids:?}");
        let rows = sqlx::query(
            "SELECT deed.id, period, source, commitment, signature, records, tag, wrapped_key, name
             FROM json_each(?) AS wanted
             JOIN deed ON deed.id = wanted.value JOIN subject ON subject.id = deed.subject
             ORDER BY wanted.key",
        )
        .bind(ids)
        .fetch_all(&self.pool)
        .await?;
        let mut opened = DecryptedDeeds::default();
        for row in &rows {
            let deed = row.try_get("id")?;
            match self.open_deed(row) {
                Ok(deed) => opened.deeds.push(deed),
                Err(fault) => opened.damaged.push(Damaged { deed, fault }),
            }
        }
        Ok(opened)
    }

    /// Decrypts deeds with the tickets that they are claimed with, in the given order. Deeds that
    /// were forgotten or withdrawn meanwhile are left out; those that cannot be decrypted are
    /// reported separately.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claimed_deeds(
        &self,
        claims: &[(DeedId, Option<TicketId>)],
    ) -> Result<DecryptedDeeds, StoreError> {
        let ids: Vec<DeedId> = claims.iter().map(|(deed, _)| *deed).collect();
        let DecryptedDeeds {
            deeds: found,
            mut damaged,
        } = self.open_deeds(&ids).await?;
        let mut tickets: HashMap<DeedId, Option<TicketId>> = claims.iter().copied().collect();
        let mut deeds = Vec::with_capacity(claims.len());
        for mut deed in found {
            if let Some(id) = tickets.remove(&deed.id).flatten() {
                match self.claim_ticket(id).await {
                    Ok(Some(ticket)) => deed.ticket = Some(ticket),
                    Ok(None) => continue,
                    Err(fault @ StoreError::Database(_)) => return Err(fault),
                    Err(fault) => {
                        let deed = deed.id;
                        damaged.push(Damaged { deed, fault });
                        continue;
                    }
                }
            }
            deeds.push(deed);
        }
        Ok(DecryptedDeeds { deeds, damaged })
    }

    /// A ticket's keys, while it can be used for a claim.
    async fn claim_ticket(&self, id: TicketId) -> Result<Option<ClaimTicket>, StoreError> {
        let row = sqlx::query(
            "SELECT ticket.id, nullifier, entry_id, keys, tag, wrapped_key
             FROM ticket JOIN subject ON subject.id = ticket.subject
             WHERE ticket.id = ? AND ticket.state = 'deposited'",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            let tag = array(row.try_get("tag")?, "subject tag")?;
            let key = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
            self.open_keys(&row, &key)
        })
        .transpose()
    }

    /// `None` when its records were forgotten.
    /// Opens a deed whose account is known. Its records are never deleted without the account, so that missing
    /// ones are lost.
    fn open_deed(&self, row: &SqliteRow) -> Result<Deed, StoreError> {
        let sealed: &[u8] = needed(row, "records", "deed's records")?;
        let tag: SubjectTag = array(row.try_get("tag")?, "subject tag")?;
        let key = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
        let name = self.unseal(&key, "name", &tag, row.try_get("name")?)?;
        let commitment: [u8; 32] = array(row.try_get("commitment")?, "commitment")?;
        let sealed = self.unseal(&key, "records", &commitment, sealed)?;
        let malformed = |what| StoreError::Malformed { what };
        let (handle, salt, records) =
            decode_records(&sealed).map_err(|_| malformed("list of records"))?;
        Ok(Deed {
            id: row.try_get("id")?,
            subject: String::from_utf8(name.to_vec()).map_err(|_| malformed("subject name"))?,
            period: period(row)?,
            source: PartyId(array(row.try_get("source")?, "source id")?),
            handle,
            salt,
            records,
            commitment: field::from_bytes(&commitment).map_err(|_| malformed("commitment"))?,
            signature: array(row.try_get("signature")?, "signature")?,
            ticket: None,
        })
    }
}

async fn insert_deed(
    tx: &mut Transaction<'_, Sqlite>,
    scale: &ScaleId,
    source: &PartyId,
    deed: &NewDeed,
    subject: SubjectId,
    key: &DataKey,
    rng: &mut impl CryptoRng,
) -> Result<Inserted, StoreError> {
    let commitment = field::to_bytes(&deed.commitment);
    let period = stored(deed.period);
    let plain = encode_records(&deed.handle, &deed.salt, &deed.records);
    let sealed = key.seal("records", &commitment, &plain, rng);
    let inserted = sqlx::query(
        "INSERT INTO deed (subject, scale, period, source, commitment, signature, records, state)
         VALUES (?, ?, ?, ?, ?, ?, ?, 'ingested') ON CONFLICT DO NOTHING",
    )
    .bind(subject)
    .bind(scale.as_str())
    .bind(period)
    .bind(source.0.as_slice())
    .bind(commitment.as_slice())
    .bind(deed.signature.as_slice())
    .bind(sealed)
    .execute(&mut **tx)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Inserted::New);
    }
    let known: Vec<u8> = sqlx::query_scalar(
        "SELECT commitment FROM deed
         WHERE scale = ? AND (commitment = ? OR (subject = ? AND source = ? AND period = ?))",
    )
    .bind(scale.as_str())
    .bind(commitment.as_slice())
    .bind(subject)
    .bind(source.0.as_slice())
    .bind(period)
    .fetch_one(&mut **tx)
    .await?;
    if known != commitment {
        return Ok(Inserted::Conflict);
    }
    sign_again(tx, scale, &commitment, &deed.signature).await?;
    Ok(Inserted::Known)
}

/// Takes a deed out of its batch, to be claimed again.
pub(super) async fn give_back(
    tx: &mut Transaction<'_, Sqlite>,
    deed: DeedId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM claim WHERE deed = ?")
        .bind(deed)
        .execute(&mut **tx)
        .await?;
    // A subject may have been forgotten while its batch was out: nothing is left to claim then.
    sqlx::query("DELETE FROM deed WHERE id = ? AND records IS NULL")
        .bind(deed)
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE deed SET state = 'ingested', credits = NULL WHERE id = ?")
        .bind(deed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Stores a source's newer signature under a commitment: its key has changed, and the ledger takes the earlier one no
/// more. A deed that the ledger refused may be claimed again with it.
async fn sign_again(
    tx: &mut Transaction<'_, Sqlite>,
    scale: &ScaleId,
    commitment: &[u8; 32],
    signature: &[u8; 64],
) -> Result<(), StoreError> {
    let changed: Option<(DeedId, bool)> = sqlx::query_as(
        "UPDATE deed SET signature = ?3
         WHERE scale = ?1 AND commitment = ?2 AND signature <> ?3 AND records IS NOT NULL
         AND state <> 'acknowledged'
         RETURNING id, state = 'refused'",
    )
    .bind(scale.as_str())
    .bind(commitment.as_slice())
    .bind(signature.as_slice())
    .fetch_optional(&mut **tx)
    .await?;
    let Some((deed, true)) = changed else {
        return Ok(());
    };
    give_back(tx, deed).await?;
    sqlx::query("UPDATE deed SET refusal = NULL, aside = NULL WHERE id = ?")
        .bind(deed)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Period numbers stay below 2^34, so they keep their value and order as `i64`.
const MOST_RECORDS: usize = 4096;
const MOST_FIELDS: usize = 64;

fn encode_records(handle: &Handle, salt: &RecordSalt, records: &[Record]) -> Zeroizing<Vec<u8>> {
    let mut out = Writer::new();
    out.field(handle);
    out.field(salt);
    out.count(records.len());
    for record in records {
        out.count(record.0.len());
        for value in &record.0 {
            out.u64(*value);
        }
    }
    Zeroizing::new(out.into_bytes())
}

fn decode_records(bytes: &[u8]) -> Result<(Handle, RecordSalt, Vec<Record>), CodecError> {
    let mut input = Reader::new(bytes);
    let handle = input.field("h")?;
    let salt = input.field("s")?;
    let count = input.count("records", MOST_RECORDS)?;
    let records = (0..count)
        .map(|_| {
            let fields = input.count("fields", MOST_FIELDS)?;
            (0..fields)
                .map(|_| input.u64("field"))
                .collect::<Result<_, _>>()
                .map(Record)
        })
        .collect::<Result<_, _>>()?;
    input.finish("records")?;
    Ok((handle, salt, records))
}
