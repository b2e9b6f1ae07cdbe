//! Consents: published terms, deposited tickets, withdrawals.
//!
//! A deposit reserves a person's claim of one period for one distributor. The reservation ends when
//! the claim is made, when the person withdraws, or when its time is over. So a conflict with
//! another distributor cannot invalidate a batch that is being proven.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use merits_primitives::{
    calendar::{Day, Timestamp},
    field,
    ids::{EntryId, PartyId, Period, ScaleId},
    message::Message,
    nullifier::Nullifier,
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::draft::Draft;
use super::stored::{self, MOST, present, read_entry, read_party};
use crate::entry::{ConsentWithdrawn, EarnBatch, TermsPublished, TicketDeposited};
use crate::refusal::{CheckError, Refusal, TicketRefusal};
use crate::rows::{self, Key, Record, RowError, RowKey, Rows, Table, decode};

/// Tickets are accepted for periods that begin at most this many days after the deposit.
pub const MOST_DAYS_AHEAD: u32 = 31;

/// A reservation ends so long after the deposit, or after its period's end if that is later.
pub const RESERVATION: Duration = Duration::from_secs(14 * 24 * 3_600);

/// Terms that a distributor published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The distributor.
    pub distributor: PartyId,
    /// The scale.
    pub scale: ScaleId,
    /// The entry with the document.
    pub entry: EntryId,
}

/// A deposited ticket that was not used for a claim yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The deposit.
    pub deposit: TicketDeposited,
    /// The distributor.
    pub distributor: PartyId,
    /// The person's message to it.
    pub message: Message,
    /// The reservation's last moment.
    pub until: Timestamp,
    /// The entry.
    pub entry: EntryId,
    /// Whether the person withdrew it.
    pub withdrawn: bool,
}

impl Ticket {
    /// Whether nobody else can deposit for this claim.
    pub fn reserves(&self, time: Timestamp) -> bool {
        !self.withdrawn && time <= self.until
    }
}

/// All published terms, the governing part of consents.
#[derive(Debug, Clone, Default)]
pub(super) struct PublishedTerms {
    /// By distributor and the document's SHA-256, so that a distributor that publishes another's
    /// text does not affect it.
    terms: Arc<BTreeMap<(PartyId, [u8; 32]), Terms>>,
}

/// All consents: published terms, and a reader of the other rows.
#[derive(Debug, Clone, Copy)]
pub struct Tickets<'s> {
    pub(super) published: &'s PublishedTerms,
    pub(super) rows: &'s dyn Rows,
}

impl Canonical for Terms {
    const NAME: &'static str = "terms";

    fn write(&self, out: &mut Writer) {
        out.array(&self.distributor.0);
        out.text(self.scale.as_str());
        out.array(&self.entry.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let distributor = read_party(input, "distributor")?;
        let scale = input.text("scale id", MOST)?;
        let unfit = |_| CodecError::NotText { what: "scale id" };
        Ok(Self {
            distributor,
            scale: ScaleId::new(&scale).map_err(unfit)?,
            entry: read_entry(input, "entry")?,
        })
    }
}

impl Record for Terms {
    const TABLE: Table = Table::Terms;
}

impl Canonical for Ticket {
    const NAME: &'static str = "ticket";

    fn write(&self, out: &mut Writer) {
        self.deposit.write(out);
        out.array(&self.distributor.0);
        out.field(&self.message);
        out.time(self.until);
        out.array(&self.entry.0);
        out.bool(self.withdrawn);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            deposit: TicketDeposited::read(input)?,
            distributor: read_party(input, "distributor")?,
            message: input.field("message")?,
            until: input.time("until")?,
            entry: read_entry(input, "entry")?,
            withdrawn: input.bool("withdrawn")?,
        })
    }
}

impl Record for Ticket {
    const TABLE: Table = Table::Ticket;
}

present!(
    /// A withdrawn message.
    Withdrawal in Table::Withdrawal
);

pub(super) fn ticket_key(nullifier: &Nullifier) -> Key<Ticket> {
    Key::new(&[&field::to_bytes(nullifier)])
}

pub(super) fn withdrawal_key(nullifier: &Nullifier, message: &Message) -> Key<Withdrawal> {
    Key::new(&[&field::to_bytes(nullifier), &field::to_bytes(message)])
}

/// The rows of a batch's tickets.
pub(super) fn claims_reads(batch: &EarnBatch) -> impl Iterator<Item = RowKey> {
    let tickets = batch.claims.iter().filter_map(|claim| claim.ticket);
    tickets.map(|nullifier| ticket_key(&nullifier).into_row())
}

/// When a period is over everywhere on Earth (UTC−12).
fn end_of(period: Period) -> Timestamp {
    let last = u32::try_from(period.last_day()).map_or(Day::LAST, Day);
    last.start() + Duration::from_secs(36 * 3_600)
}

impl<'s> Tickets<'s> {
    /// A distributor's published terms, by the document's SHA-256.
    pub fn terms(&self, distributor: &PartyId, digest: &[u8; 32]) -> Option<&'s Terms> {
        self.published.get(distributor, digest)
    }

    /// All published terms.
    pub fn all_terms(&self) -> impl Iterator<Item = (&'s [u8; 32], &'s Terms)> + use<'s> {
        let terms = self.published.terms.iter();
        terms.map(|((_, digest), terms)| (digest, terms))
    }

    /// The ticket with this nullifier, if one was deposited and not used for a claim.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn open(&self, nullifier: &Nullifier) -> Result<Option<Ticket>, RowError> {
        rows::get(self.rows, &ticket_key(nullifier))
    }

    /// Whether the person of this nullifier withdrew this message.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn is_withdrawn(&self, nullifier: &Nullifier, message: &Message) -> Result<bool, RowError> {
        Ok(rows::get(self.rows, &withdrawal_key(nullifier, message))?.is_some())
    }
}

impl PublishedTerms {
    fn get(&self, distributor: &PartyId, digest: &[u8; 32]) -> Option<&Terms> {
        self.terms.get(&(*distributor, *digest))
    }

    pub(super) fn check_terms(
        &self,
        distributor: PartyId,
        entry: EntryId,
        published: &TermsPublished,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let digest = published.digest();
        if self.get(&distributor, &digest).is_some() {
            return Err(TicketRefusal::TermsKnown.into());
        }
        let terms = Terms {
            distributor,
            scale: published.scale.clone(),
            entry,
        };
        draft.put(Key::new(&[&distributor.0, &digest]), &terms);
        Ok(())
    }

    /// The checks that do not need the proof: terms, withdrawals, reservations. Returns whether the
    /// nullifier is new: a ticket that lapsed or was withdrawn has used it before.
    pub(super) fn check_deposit(
        &self,
        entry: EntryId,
        distributor: PartyId,
        deposit: &TicketDeposited,
        message: Message,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<bool, CheckError> {
        match self.get(&distributor, &deposit.terms) {
            Some(terms) if terms.scale == deposit.scale => {}
            _ => return Err(TicketRefusal::TermsUnknown.into()),
        }
        let nullifier = &deposit.nullifier;
        if draft.get(&withdrawal_key(nullifier, &message))?.is_some() {
            return Err(TicketRefusal::ConsentWithdrawn { claim: None }.into());
        }
        let standing = draft.get(&ticket_key(nullifier))?;
        if let Some(standing) = &standing
            && standing.reserves(time)
        {
            return Err(TicketRefusal::Reserved {
                distributor: standing.distributor,
                until: standing.until,
            }
            .into());
        }
        let ticket = Ticket {
            deposit: deposit.clone(),
            distributor,
            message,
            until: time.max(end_of(deposit.period)) + RESERVATION,
            entry,
            withdrawn: false,
        };
        draft.put(ticket_key(nullifier), &ticket);
        Ok(standing.is_none())
    }

    /// Applies a changed row.
    pub(super) fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        let key: [u8; 64] = stored::key(Table::Terms, key)?;
        let (mut distributor, mut digest) = ([0; 32], [0; 32]);
        distributor.copy_from_slice(&key[..32]);
        digest.copy_from_slice(&key[32..]);
        let terms = decode(value)?;
        Arc::make_mut(&mut self.terms).insert((PartyId(distributor), digest), terms);
        Ok(())
    }
}

/// Checks whether a message can be withdrawn, which is possible once.
pub(super) fn check_not_withdrawn(withdrawn: Option<Withdrawal>) -> Result<(), Refusal> {
    match withdrawn {
        None => Ok(()),
        Some(_) => Err(TicketRefusal::ConsentWithdrawn { claim: None }.into()),
    }
}

pub(super) fn check_withdrawn(
    withdrawn: &ConsentWithdrawn,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let (nullifier, message) = (withdrawn.nullifier, withdrawn.message);
    let key = withdrawal_key(&nullifier, &message);
    check_not_withdrawn(draft.get(&key)?)?;
    draft.put(key, &Withdrawal);
    let key = ticket_key(&nullifier);
    if let Some(mut ticket) = draft.get(&key)?
        && ticket.message == message
    {
        ticket.withdrawn = true;
        draft.put(key, &ticket);
    }
    Ok(())
}

/// Checks that each claim of a batch has its ticket, and uses the tickets.
pub(super) fn check_claims(
    distributor: PartyId,
    batch: &EarnBatch,
    time: Timestamp,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let mut nullifiers = Vec::with_capacity(batch.claims.len());
    for (claim, signed) in batch.claims.iter().enumerate() {
        let nullifier = signed.ticket.ok_or(TicketRefusal::Missing { claim })?;
        let ticket = draft
            .get(&ticket_key(&nullifier))?
            .ok_or(TicketRefusal::Missing { claim })?;
        if ticket.distributor != distributor {
            return Err(TicketRefusal::OfAnother { claim }.into());
        }
        if ticket.withdrawn {
            return Err(TicketRefusal::ConsentWithdrawn { claim: Some(claim) }.into());
        }
        if !ticket.reserves(time) {
            let until = ticket.until;
            return Err(TicketRefusal::Lapsed { claim, until }.into());
        }
        // Destructured in full, so that every part of a consent is compared with the claim.
        let TicketDeposited {
            scale,
            version,
            period,
            source,
            expiry,
            // Bound by the message, and so by b.
            terms: _,
            salt: _,
            // Chosen by the person, checked at the deposit.
            root: _,
            nullifier: _,
            b,
        } = &ticket.deposit;
        let differs = [
            (*scale != batch.scale, "scale"),
            (*version != batch.version, "version"),
            (*period != batch.period, "period"),
            (*source != batch.source, "source"),
            (*expiry != batch.terms.expiry, "expiry"),
        ];
        if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
            return Err(TicketRefusal::Other { claim, what }.into());
        }
        if *b != signed.public.b {
            return Err(TicketRefusal::OtherRecords { claim }.into());
        }
        if nullifiers.contains(&nullifier) {
            return Err(TicketRefusal::Twice { claim }.into());
        }
        nullifiers.push(nullifier);
    }
    for nullifier in nullifiers {
        draft.remove(ticket_key(&nullifier));
    }
    Ok(())
}
