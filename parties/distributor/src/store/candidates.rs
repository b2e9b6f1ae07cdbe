//! Deeds that no batch has yet, page by page. People who gave no ticket keep their deeds here, so there may be many.

use merits_primitives::{
    commitment::RecordCommitment,
    field,
    ids::{PartyId, Period, ScaleId},
};
use merits_verifier::signature::SIGNATURE_BYTES;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{
    DeedId, Store, StoreError, TicketId, array,
    columns::period,
    tickets::{LiveTicket, live_ticket},
};

/// A deed without a batch, and its ticket.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// The deed.
    pub deed: DeedId,
    /// Its period.
    pub period: Period,
    /// The source that committed to the records.
    pub source: PartyId,
    /// Whether it is claimed alone, because an earlier attempt failed.
    pub alone: bool,
    /// The ticket and whether it is deposited; `None` when the account gave none, or on a ledger in custody.
    pub ticket: Option<LiveTicket>,
    /// What the source signed; `None` when the row is damaged, which shows when the deed is opened.
    pub signed: Option<SourceSigned>,
}

/// What a source signed, as the store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceSigned {
    /// The source.
    pub source: PartyId,
    /// The period.
    pub period: Period,
    /// C.
    pub commitment: RecordCommitment,
    /// The source's signature.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// Some candidates in their order.
#[derive(Debug, Clone)]
pub struct CandidatePage {
    /// The candidates.
    pub candidates: Vec<Candidate>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<CandidateCursor>,
}

/// A place in the order of candidates: period, source, commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandidateCursor {
    period: i64,
    source: [u8; 32],
    commitment: [u8; 32],
}

impl CandidateCursor {
    /// Before the first candidate.
    pub const START: Self = Self {
        period: i64::MIN,
        source: [0; 32],
        commitment: [0; 32],
    };
}

/// A page. The indexes `deed_by_state` and `ticket_by_place` give deeds in their order and each deed's ticket, so a page
/// costs what it has. `ticket_by_place` covers three states, and SQLite uses it only where a query names these.
const PAGE: &str = "SELECT deed.id AS deed, deed.period AS period, deed.source AS source,
         deed.commitment AS commitment, deed.signature AS signature, ticket.id AS ticket,
         ticket.nullifier AS nullifier, ticket.message AS message,
         ticket.state AS state, deed.aside IS NOT NULL AS alone
     FROM deed LEFT JOIN ticket
         ON ticket.subject = deed.subject AND ticket.scale = deed.scale
         AND ticket.period = deed.period AND ticket.source = deed.source
         AND ticket.state IN ('imported', 'deposited', 'claimed') AND ticket.state <> 'claimed'
     WHERE deed.scale = ? AND deed.state = 'ingested'
         AND (deed.period, deed.source, deed.commitment) > (?, ?, ?)
     ORDER BY deed.period, deed.source, deed.commitment LIMIT ?";

impl Store {
    /// The ingested deeds of a scale with their tickets, at most `limit` of them: those after a place in the order in
    /// which they are claimed, which is period, source, commitment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn candidates(
        &self,
        scale: &ScaleId,
        after: CandidateCursor,
        limit: u32,
    ) -> Result<CandidatePage, StoreError> {
        let rows = sqlx::query(PAGE)
            .bind(scale.as_str())
            .bind(after.period)
            .bind(after.source.as_slice())
            .bind(after.commitment.as_slice())
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        let candidates = rows.iter().map(|row| {
            let ticket: Option<TicketId> = row.try_get("ticket")?;
            Ok(Candidate {
                deed: row.try_get("deed")?,
                period: period(row)?,
                source: PartyId(array(row.try_get("source")?, "source id")?),
                alone: row.try_get("alone")?,
                ticket: ticket.map(|_| live_ticket(row)).transpose()?,
                signed: signed(row)?,
            })
        });
        let candidates: Vec<Candidate> = candidates.collect::<Result<_, StoreError>>()?;
        let full = candidates.len() >= limit as usize;
        let next = match rows.last().filter(|_| full) {
            None => None,
            Some(row) => Some(CandidateCursor {
                period: row.try_get("period")?,
                source: array(row.try_get("source")?, "source id")?,
                commitment: array(row.try_get("commitment")?, "commitment")?,
            }),
        };
        Ok(CandidatePage { candidates, next })
    }
}

/// What the source signed, if the row still says it.
fn signed(row: &SqliteRow) -> Result<Option<SourceSigned>, StoreError> {
    let (commitment, signature): (&[u8], &[u8]) =
        (row.try_get("commitment")?, row.try_get("signature")?);
    let commitment: Option<[u8; 32]> = commitment.try_into().ok();
    let commitment = commitment.and_then(|bytes| field::from_bytes(&bytes).ok());
    let (Some(commitment), Ok(signature)) = (commitment, signature.try_into()) else {
        return Ok(None);
    };
    Ok(Some(SourceSigned {
        source: PartyId(array(row.try_get("source")?, "source id")?),
        period: period(row)?,
        commitment,
        signature,
    }))
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, SqliteConnection};

    use super::*;
    use crate::store::TABLES;

    /// Regression: for each deed, all open tickets were read. With 100,000 of both, a page took minutes.
    #[tokio::test]
    async fn a_page_finds_each_ticket_by_its_place() {
        let mut db = SqliteConnection::connect("sqlite::memory:")
            .await
            .expect("memory");
        sqlx::raw_sql(TABLES).execute(&mut db).await.expect("made");
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {PAGE}")))
            .bind("cycling")
            .bind(0)
            .bind([0u8; 32].as_slice())
            .bind([0u8; 32].as_slice())
            .bind(1)
            .fetch_all(&mut db)
            .await
            .expect("a plan");
        let steps: Vec<String> = plan
            .iter()
            .map(|step| step.try_get("detail").expect("a step"))
            .collect();
        let [deeds, tickets] = steps.as_slice() else {
            panic!("{steps:?}");
        };
        assert!(
            deeds.contains("deed_by_state (scale=? AND state=? AND "),
            "{deeds}"
        );
        assert!(
            tickets.contains("ticket_by_place (subject=? AND scale=? AND period=? AND source=?)"),
            "{tickets}"
        );
    }
}
