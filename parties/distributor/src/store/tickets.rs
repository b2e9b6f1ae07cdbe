//! Tickets: people's consents, from their import to the claims that are made with them.
//!
//! K and h are sealed under the subject's data key, like the records. Data of a ticket that is
//! public, or will be once it is deposited, is not encrypted.

use merits_primitives::{
    element::Element,
    field,
    ids::{EntryId, PartyId, Period, ScaleId},
    message::Message,
    nullifier::Nullifier,
    owner::{Handle, OwnerKey},
};
use merits_sqlite::counted;
use rand_core::CryptoRng;
use serde::Serialize;
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};
use zeroize::Zeroizing;

use super::{
    Store, StoreError, SubjectId, TicketId, array,
    columns::{needed, stored},
};
use crate::at_rest::{DataKey, SubjectTag};

/// A checked ticket for the store.
#[derive(Clone)]
pub struct NewTicket {
    /// The account.
    pub subject: String,
    /// The scale.
    pub scale: ScaleId,
    /// The period.
    pub period: Period,
    /// The source of the records.
    pub source: PartyId,
    /// nf.
    pub nullifier: Nullifier,
    /// The person's message.
    pub message: Message,
    /// The id of the deposit's ledger entry.
    pub entry_id: EntryId,
    /// The signed deposit, the person's proof in it.
    pub envelope: Vec<u8>,
    /// K.
    pub owner_key: OwnerKey,
    /// h.
    pub handle: Handle,
}

impl std::fmt::Debug for NewTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewTicket")
            .field("scale", &self.scale)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

/// The result for a new ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Imported {
    /// It is in the store and waits to be deposited.
    New,
    /// It was already there: reading a file twice changes nothing.
    Known,
    /// The ledger had refused its deposit; it is tried again.
    Again,
    /// There is another open ticket for the same account and period.
    Standing,
    /// It was here before and has ended: it lapsed, or its person withdrew it.
    Over,
    /// It is refused: its account has no records here and looks like this one, which has. A person
    /// must decide whether they are the same.
    LooksLike(String),
}

/// A ticket that waits for its deposit.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// Its row.
    pub id: TicketId,
    /// The id of the ledger entry.
    pub entry_id: EntryId,
    /// The signed entry, proof included.
    pub envelope: Vec<u8>,
}

/// A ticket whose records are still here and which the ledger may affect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveTicket {
    /// Its row.
    pub id: TicketId,
    /// nf.
    pub nullifier: Nullifier,
    /// The person's message.
    pub message: Message,
    /// Whether it is deposited and not used for a claim yet.
    pub deposited: bool,
}

/// A ticket's keys, for a claim.
#[derive(Clone, Copy)]
pub struct ClaimTicket {
    /// Its row.
    pub id: TicketId,
    /// nf: names the ticket in the claim.
    pub nullifier: Nullifier,
    /// K.
    pub owner_key: OwnerKey,
    /// h.
    pub handle: Handle,
}

impl std::fmt::Debug for ClaimTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimTicket")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How a ticket ended without a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketEnd<'a> {
    /// Its reservation has ended.
    Lapsed,
    /// The ledger refused it, with this reason.
    Refused(&'a str),
}

/// Tickets of a scale by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TicketCounts {
    /// They wait to be deposited.
    pub imported: u64,
    /// On the ledger, open.
    pub deposited: u64,
    /// Used for a claim.
    pub claimed: u64,
    /// Their reservation ended without a claim.
    pub lapsed: u64,
    /// The ledger refused them.
    pub refused: u64,
    /// Their people withdrew them.
    pub withdrawn: u64,
}

impl TicketCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.imported + self.deposited + self.claimed + self.lapsed + self.refused + self.withdrawn
    }
}

impl Store {
    /// Adds a ticket.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_ticket(
        &self,
        ticket: &NewTicket,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Imported, StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let known: Option<(TicketId, String)> =
            sqlx::query_as("SELECT id, state FROM ticket WHERE entry_id = ?")
                .bind(ticket.entry_id.0.as_slice())
                .fetch_optional(&mut *tx)
                .await?;
        match known.as_ref().map(|(_, state)| state.as_str()) {
            None | Some("refused") => {}
            Some("imported" | "deposited" | "claimed") => return Ok(Imported::Known),
            Some(_) => return Ok(Imported::Over),
        }
        let tag = self.master.tag(&ticket.subject);
        if !has_deeds(&mut tx, &tag).await?
            && let Some(like) = self.lookalike(&mut tx, &tag, &ticket.subject).await?
        {
            return Ok(Imported::LooksLike(like));
        }
        let (subject, key) = self.subject(&mut tx, &tag, &ticket.subject, rng).await?;
        if stands(&mut tx, subject, ticket).await? {
            return Ok(Imported::Standing);
        }
        let plain = encode_keys(ticket);
        let keys = key.seal("ticket", &ticket.entry_id.0, plain.as_ref(), rng);
        let outcome = if let Some((id, _)) = known {
            sqlx::query(
                "UPDATE ticket SET state = 'imported', refusal = NULL, subject = ?, keys = ?,
                     envelope = ? WHERE id = ?",
            )
            .bind(subject)
            .bind(keys)
            .bind(ticket.envelope.as_slice())
            .bind(id)
            .execute(&mut *tx)
            .await?;
            Imported::Again
        } else {
            sqlx::query(
                "INSERT INTO ticket (subject, scale, period, source, nullifier, message, entry_id,
                     envelope, keys, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'imported')",
            )
            .bind(subject)
            .bind(ticket.scale.as_str())
            .bind(stored(ticket.period))
            .bind(ticket.source.0.as_slice())
            .bind(field::to_bytes(&ticket.nullifier).as_slice())
            .bind(field::to_bytes(&ticket.message).as_slice())
            .bind(ticket.entry_id.0.as_slice())
            .bind(ticket.envelope.as_slice())
            .bind(keys)
            .execute(&mut *tx)
            .await?;
            Imported::New
        };
        tx.commit().await?;
        Ok(outcome)
    }

    /// Tickets that wait for their deposit, in a random order: in the order of arrival, one
    /// person's tickets would be side by side on the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_deposits(&self, limit: u32) -> Result<Vec<Deposit>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, entry_id, envelope FROM ticket WHERE state = 'imported'
             ORDER BY nullifier LIMIT ?",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Deposit {
                    id: row.try_get("id")?,
                    entry_id: EntryId(array(row.try_get("entry_id")?, "entry id")?),
                    envelope: row.try_get("envelope")?,
                })
            })
            .collect()
    }

    /// The ledger has the deposit: stores the receipt.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deposited(&self, ticket: TicketId, receipt: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE ticket SET state = 'deposited', receipt = ? WHERE id = ? AND state = 'imported'",
        )
        .bind(receipt)
        .bind(ticket)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Sets a ticket aside whose deposit is damaged in the store. If it is handed in again, it is
    /// accepted again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_damaged(&self, ticket: TicketId) -> Result<(), StoreError> {
        let reason = "the store's copy of its deposit is damaged: hand the ticket in again";
        self.end_ticket(ticket, TicketEnd::Refused(reason)).await
    }

    /// Sets a ticket aside with which no claim can be made, and deletes its keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_ticket(&self, ticket: TicketId, end: TicketEnd<'_>) -> Result<(), StoreError> {
        let (state, reason) = match end {
            TicketEnd::Lapsed => ("lapsed", None),
            TicketEnd::Refused(reason) => ("refused", Some(reason)),
        };
        sqlx::query(
            "UPDATE ticket SET state = ?, refusal = ?, keys = NULL
             WHERE id = ? AND state IN ('imported', 'deposited')",
        )
        .bind(state)
        .bind(reason)
        .bind(ticket)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Tickets that their people may still withdraw, at most `limit` of them: those after the ticket `after`, in the
    /// order of rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn live_tickets(
        &self,
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<LiveTicket>, StoreError> {
        let rows = sqlx::query(
            "SELECT id AS ticket, nullifier, message, state FROM ticket
             WHERE state <> 'withdrawn' AND id > ? ORDER BY id LIMIT ?",
        )
        .bind(after.map_or(0, |ticket| ticket.0))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(live_ticket).collect()
    }

    /// The pseudonyms that people's tickets give for their accounts at a source, by account. More
    /// than one for an account means that two people use it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ticket_handles(
        &self,
        scale: &ScaleId,
        source: &PartyId,
    ) -> Result<Vec<(String, Handle)>, StoreError> {
        let rows = sqlx::query(
            "SELECT ticket.id AS id, nullifier, entry_id, keys, tag, wrapped_key, name
             FROM ticket JOIN subject ON subject.id = ticket.subject
             WHERE scale = ? AND source = ? AND keys IS NOT NULL ORDER BY ticket.id",
        )
        .bind(scale.as_str())
        .bind(source.0.as_slice())
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let tag = array(row.try_get("tag")?, "subject tag")?;
                let key = self.master.unwrap(&tag, row.try_get("wrapped_key")?)?;
                let name = self.unseal(&key, "name", &tag, row.try_get("name")?)?;
                let name = String::from_utf8(name.to_vec()).map_err(|_| StoreError::Malformed {
                    what: "subject name",
                })?;
                Ok((name, self.open_keys(row, &key)?.handle))
            })
            .collect()
    }

    /// Counts of a scale's tickets.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ticket_counts(&self, scale: &ScaleId) -> Result<TicketCounts, StoreError> {
        let mut counts = TicketCounts::default();
        let rows: Vec<(String, Option<i64>)> =
            sqlx::query_as("SELECT state, count(*) FROM ticket WHERE scale = ? GROUP BY state")
                .bind(scale.as_str())
                .fetch_all(&self.pool)
                .await?;
        for (state, count) in rows {
            let place = match state.as_str() {
                "imported" => &mut counts.imported,
                "deposited" => &mut counts.deposited,
                "claimed" => &mut counts.claimed,
                "lapsed" => &mut counts.lapsed,
                "refused" => &mut counts.refused,
                "withdrawn" => &mut counts.withdrawn,
                _ => {
                    return Err(StoreError::Malformed {
                        what: "ticket state",
                    });
                }
            };
            *place = counted(count)?;
        }
        Ok(counts)
    }

    /// Reasons of refused tickets, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ticket_refusals(
        &self,
        scale: &ScaleId,
    ) -> Result<Vec<(EntryId, String)>, StoreError> {
        let rows = sqlx::query(
            "SELECT entry_id, coalesce(refusal, '') AS refusal FROM ticket
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
}

/// Whether the store has deeds of an account.
async fn has_deeds(tx: &mut Transaction<'_, Sqlite>, tag: &SubjectTag) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM deed JOIN subject ON subject.id = deed.subject WHERE tag = ?)",
    )
    .bind(tag.as_slice())
    .fetch_one(&mut **tx)
    .await?)
}

/// Whether the account has another open ticket for this period and source.
async fn stands(
    tx: &mut Transaction<'_, Sqlite>,
    subject: SubjectId,
    ticket: &NewTicket,
) -> Result<bool, StoreError> {
    let standing: Option<i64> = sqlx::query_scalar(
        "SELECT count(*) FROM ticket
         WHERE subject = ? AND scale = ? AND period = ? AND source = ?
             AND state IN ('imported', 'deposited', 'claimed')",
    )
    .bind(subject)
    .bind(ticket.scale.as_str())
    .bind(stored(ticket.period))
    .bind(ticket.source.0.as_slice())
    .fetch_one(&mut **tx)
    .await?;
    Ok(counted(standing)? > 0)
}

pub(super) fn live_ticket(row: &SqliteRow) -> Result<LiveTicket, StoreError> {
    let state: &str = needed(row, "state", "ticket state")?;
    Ok(LiveTicket {
        id: needed(row, "ticket", "ticket")?,
        nullifier: element(row, "nullifier")?,
        message: element(row, "message")?,
        deposited: state == "deposited",
    })
}

fn element<E: Element>(row: &SqliteRow, what: &'static str) -> Result<E, StoreError> {
    let bytes: [u8; 32] = array(needed(row, what, what)?, what)?;
    field::from_bytes(&bytes).map_err(|_| StoreError::Malformed { what })
}

/// K, then h.
fn encode_keys(ticket: &NewTicket) -> Zeroizing<[u8; 64]> {
    let mut bytes = Zeroizing::new([0u8; 64]);
    bytes[..32].copy_from_slice(&field::to_bytes(&ticket.owner_key));
    bytes[32..].copy_from_slice(&field::to_bytes(&ticket.handle));
    bytes
}

impl Store {
    /// Opens the keys in a row that has `id`, `nullifier`, `entry_id` and `keys`.
    pub(super) fn open_keys(
        &self,
        row: &SqliteRow,
        key: &DataKey,
    ) -> Result<ClaimTicket, StoreError> {
        let plain = self.unseal(
            key,
            "ticket",
            row.try_get("entry_id")?,
            needed(row, "keys", "ticket's keys")?,
        )?;
        let element = |bytes: &[u8]| {
            let malformed = StoreError::Malformed {
                what: "ticket's keys",
            };
            let bytes: Option<&[u8; 32]> = bytes.try_into().ok();
            bytes
                .and_then(|bytes| field::from_bytes(bytes).ok())
                .ok_or(malformed)
        };
        let (owner_key, handle) = plain.split_at_checked(32).ok_or(StoreError::Malformed {
            what: "ticket's keys",
        })?;
        Ok(ClaimTicket {
            id: row.try_get("id")?,
            nullifier: self::element(row, "nullifier")?,
            owner_key: OwnerKey(element(owner_key)?),
            handle: Handle(element(handle)?),
        })
    }
}
