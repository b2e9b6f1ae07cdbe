//! Consents: published terms, deposited tickets, withdrawals.
//!
//! A deposit reserves a person's claim of one period for one distributor. The reservation ends when
//! the claim is made, when the person withdraws, or when its time is over; so no conflict with
//! another distributor can sink a batch that is being proven.

use std::collections::{BTreeMap, BTreeSet};

use merits_primitives::{
    Fr, field,
    ids::{EntryId, PartyId, Period, ScaleId},
};
use merits_verifier::codec::{Canonical as _, Writer};

use super::people::DAY;
use crate::entry::{ConsentWithdrawn, EarnBatch, TermsPublished, TicketDeposited};
use crate::refusal::{Refusal, TicketRefusal};

/// Tickets are taken for periods that begin at most so many days after the deposit.
pub const MOST_DAYS_AHEAD: u32 = 31;

/// A reservation ends so long after the deposit, or after its period's end if that is later,
/// milliseconds.
pub const RESERVATION: u64 = 14 * DAY;

/// What a distributor published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Whose terms.
    pub distributor: PartyId,
    /// For which scale.
    pub scale: ScaleId,
    /// The entry that has the document.
    pub entry: EntryId,
}

/// A deposited ticket that was not claimed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What was deposited.
    pub deposit: TicketDeposited,
    /// By whom.
    pub distributor: PartyId,
    /// The person's message to it.
    pub message: Fr,
    /// The reservation's last moment, unix milliseconds.
    pub until: u64,
    /// The entry.
    pub entry: EntryId,
    /// Whether the person took it back.
    pub withdrawn: bool,
}

impl Ticket {
    /// Whether nobody else can deposit for this claim.
    pub fn reserves(&self, time: u64) -> bool {
        !self.withdrawn && time <= self.until
    }
}

/// All consents.
#[derive(Debug, Clone, Default)]
pub struct Tickets {
    /// By distributor and the document's SHA-256: whoever publishes another's words takes nothing
    /// from it.
    terms: BTreeMap<(PartyId, [u8; 32]), Terms>,
    /// By nullifier; gone once claimed with.
    open: BTreeMap<[u8; 32], Ticket>,
    /// (nullifier, message).
    withdrawn: BTreeSet<([u8; 32], [u8; 32])>,
}

/// A change to apply.
#[derive(Debug, Clone)]
pub(super) enum TicketChange {
    Terms([u8; 32], Terms),
    Deposited(Box<Ticket>),
    Withdrawn { nullifier: Fr, message: Fr },
}

/// When a period is over everywhere on Earth (UTC−12), unix milliseconds.
fn end_of(period: Period) -> u64 {
    let days = u64::try_from(period.last_day() + 1).unwrap_or(0);
    days.saturating_mul(DAY).saturating_add(DAY / 2)
}

impl Tickets {
    /// A distributor's published terms, by the document's SHA-256.
    pub fn terms(&self, distributor: &PartyId, digest: &[u8; 32]) -> Option<&Terms> {
        self.terms.get(&(*distributor, *digest))
    }

    /// All published terms.
    pub fn all_terms(&self) -> impl Iterator<Item = (&[u8; 32], &Terms)> {
        let terms = self.terms.iter();
        terms.map(|((_, digest), terms)| (digest, terms))
    }

    /// The ticket with this nullifier, if one was deposited and not claimed with.
    pub fn open(&self, nullifier: &Fr) -> Option<&Ticket> {
        self.open.get(&field::to_bytes(nullifier))
    }

    /// Whether the person of this nullifier took this message back.
    pub fn is_withdrawn(&self, nullifier: &Fr, message: &Fr) -> bool {
        self.withdrawn
            .contains(&(field::to_bytes(nullifier), field::to_bytes(message)))
    }

    pub(super) fn check_terms(
        &self,
        distributor: PartyId,
        entry: EntryId,
        published: &TermsPublished,
    ) -> Result<TicketChange, Refusal> {
        let digest = published.digest();
        if self.terms(&distributor, &digest).is_some() {
            return Err(TicketRefusal::TermsKnown.into());
        }
        let scale = published.scale.clone();
        Ok(TicketChange::Terms(
            digest,
            Terms {
                distributor,
                scale,
                entry,
            },
        ))
    }

    /// What does not need the proof: terms, withdrawals, reservations.
    pub(super) fn check_deposit(
        &self,
        entry: EntryId,
        distributor: PartyId,
        deposit: &TicketDeposited,
        message: Fr,
        time: u64,
    ) -> Result<Ticket, Refusal> {
        match self.terms(&distributor, &deposit.terms) {
            Some(terms) if terms.scale == deposit.scale => {}
            _ => return Err(TicketRefusal::TermsUnknown.into()),
        }
        if self.is_withdrawn(&deposit.nullifier, &message) {
            return Err(TicketRefusal::ConsentWithdrawn { claim: None }.into());
        }
        if let Some(standing) = self.open(&deposit.nullifier)
            && standing.reserves(time)
        {
            return Err(TicketRefusal::Reserved {
                distributor: standing.distributor,
                until: standing.until,
            }
            .into());
        }
        Ok(Ticket {
            deposit: deposit.clone(),
            distributor,
            message,
            until: time.max(end_of(deposit.period)).saturating_add(RESERVATION),
            entry,
            withdrawn: false,
        })
    }

    pub(super) fn check_withdrawn(
        &self,
        withdrawn: &ConsentWithdrawn,
    ) -> Result<TicketChange, Refusal> {
        let (nullifier, message) = (withdrawn.nullifier, withdrawn.message);
        if self.is_withdrawn(&nullifier, &message) {
            return Err(TicketRefusal::ConsentWithdrawn { claim: None }.into());
        }
        Ok(TicketChange::Withdrawn { nullifier, message })
    }

    /// Whether each claim of a batch has its ticket; answers the nullifiers.
    pub(super) fn check_claims(
        &self,
        distributor: PartyId,
        batch: &EarnBatch,
        time: u64,
    ) -> Result<Vec<Fr>, Refusal> {
        let mut nullifiers = Vec::with_capacity(batch.claims.len());
        for (claim, signed) in batch.claims.iter().enumerate() {
            let nullifier = signed.ticket.ok_or(TicketRefusal::Missing { claim })?;
            let ticket = self
                .open(&nullifier)
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
            // Whole, so that no part of a consent goes without its part of the claim.
            let TicketDeposited {
                scale,
                version,
                period,
                source,
                expiry,
                // In the message, hence in b.
                terms: _,
                salt: _,
                // The person's, settled by the deposit.
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
        Ok(nullifiers)
    }

    pub(super) fn apply(&mut self, change: TicketChange) {
        match change {
            TicketChange::Terms(digest, terms) => {
                self.terms.insert((terms.distributor, digest), terms);
            }
            TicketChange::Deposited(ticket) => {
                self.open
                    .insert(field::to_bytes(&ticket.deposit.nullifier), *ticket);
            }
            TicketChange::Withdrawn { nullifier, message } => {
                let key = field::to_bytes(&nullifier);
                self.withdrawn.insert((key, field::to_bytes(&message)));
                if let Some(ticket) = self.open.get_mut(&key)
                    && ticket.message == message
                {
                    ticket.withdrawn = true;
                }
            }
        }
    }

    pub(super) fn claimed(&mut self, nullifiers: &[Fr]) {
        for nullifier in nullifiers {
            self.open.remove(&field::to_bytes(nullifier));
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.count(self.terms.len());
        for ((distributor, digest), terms) in &self.terms {
            out.array(&distributor.0);
            out.array(digest);
            out.text(terms.scale.as_str());
        }
        out.count(self.open.len());
        for ticket in self.open.values() {
            ticket.deposit.write(out);
            out.array(&ticket.distributor.0);
            out.field(&ticket.message);
            out.u64(ticket.until);
            out.bool(ticket.withdrawn);
        }
        out.count(self.withdrawn.len());
        for (nullifier, message) in &self.withdrawn {
            out.array(nullifier);
            out.array(message);
        }
    }
}
