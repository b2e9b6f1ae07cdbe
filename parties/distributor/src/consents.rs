//! The state of people's consents on the ledger, as a run follows it.

use std::collections::BTreeMap;

use merits_ledger::{State, rows::RowError};
use merits_primitives::{
    calendar::Timestamp,
    ids::{PartyId, Period},
};
use rand_core::CryptoRng;
use serde::Serialize;

use crate::{
    node::Node,
    store::{Deed, Erased, LiveTicket, StoreError, TicketEnd},
};

/// The deeds that a run may claim.
#[derive(Debug, Clone, Copy)]
pub enum Consents<'a> {
    /// On a ledger in custody: every deed.
    Custody,
    /// Deeds with an open ticket.
    Tickets {
        /// A verified state.
        state: &'a State,
        /// Now.
        time: Timestamp,
    },
}

/// Why a deed waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// The account gave no ticket for its period and source.
    NoTicket,
    /// Its ticket is not deposited yet.
    NotDeposited,
    /// The distributor's copy of the log does not show its ticket as open.
    NotOpen,
    /// The time of its ticket is over.
    Lapsed,
    /// Its ticket belongs to another person than the one that the source linked to the account.
    OtherPerson,
    /// It was set aside; the store has the reason.
    Aside,
    /// Its source's signature is not under a key that signs for the source.
    KeyEnded,
    /// Its source is suspended.
    SourceSuspended,
    /// Its source has ended, or is no source.
    SourceGone,
    /// The ledger refused its source in this run, for a reason that this run's state does not show.
    SourceChanged,
}

impl Wait {
    /// Whether it waits because of its source, and not of its person.
    pub(crate) fn is_of_source(self) -> bool {
        match self {
            Self::KeyEnded | Self::SourceSuspended | Self::SourceGone | Self::SourceChanged => true,
            Self::NoTicket
            | Self::NotDeposited
            | Self::NotOpen
            | Self::Lapsed
            | Self::OtherPerson
            | Self::Aside => false,
        }
    }
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoTicket => "the account gave no ticket for the period and source",
            Self::NotDeposited => {
                "the ticket is not deposited yet: run `merits distributor tickets`"
            }
            Self::NotOpen => "this distributor's copy of the log does not show the ticket as open",
            Self::Lapsed => "the ticket lapsed: the person must give a new one",
            Self::OtherPerson => "the source linked another person to the account",
            Self::Aside => "it was set aside, for the reason that is shown with it",
            Self::KeyEnded => {
                "the key that its source signed it with has ended, or ends within minutes: ask the source to sign the \
                 period again (`merits source sign`), and run with its new bundle"
            }
            Self::SourceSuspended => {
                "its source is suspended on the ledger: it goes on by itself once the source may act again"
            }
            Self::SourceGone => {
                "its source has ended on the ledger or is no source there: ask the board what becomes of its records"
            }
            Self::SourceChanged => {
                "the ledger refused its source, which has changed since this run began: run again"
            }
        })
    }
}

/// Deeds that wait, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// How many.
    pub counts: BTreeMap<Wait, u64>,
    /// Accounts and periods that the source linked to another person. Source, person and
    /// distributor must find out whose the account is.
    #[serde(serialize_with = "crate::report::accounts")]
    pub other_person: Vec<(String, Period)>,
    /// How many wait because the ledger has no terms for their period, by its message.
    pub without_terms: BTreeMap<String, u64>,
}

impl Waiting {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.counts.values().sum::<u64>() + self.without_terms.values().sum::<u64>()
    }

    /// Those whose source stands in the way.
    pub fn of_sources(&self) -> u64 {
        let counts = self.counts.iter();
        counts
            .filter(|(wait, _)| wait.is_of_source())
            .map(|(_, count)| count)
            .sum()
    }

    pub(crate) fn add(&mut self, wait: Wait) {
        *self.counts.entry(wait).or_default() += 1;
    }

    /// Removes deeds whose ticket belongs to another person than the one that the source committed
    /// to.
    pub(crate) fn take_other_persons(&mut self, deeds: &mut Vec<Deed>) {
        deeds.retain(|deed| {
            let ticket = deed.ticket.as_ref();
            let same = ticket.is_some_and(|ticket| ticket.handle == deed.handle);
            if !same {
                self.add(Wait::OtherPerson);
                self.other_person.push((deed.subject.clone(), deed.period));
            }
            same
        });
    }
}

impl<'a> Consents<'a> {
    /// What `state` asks for, at `now`.
    pub fn of(state: &'a State, now: Timestamp) -> Self {
        if state.policy().tickets {
            let time = now.max(state.time());
            Self::Tickets { state, time }
        } else {
            Self::Custody
        }
    }

    /// Checks whether the ledger accepts a claim of `distributor` with this ticket.
    ///
    /// # Errors
    /// [`RowError`], which says nothing about the ticket.
    pub(crate) fn open(
        &self,
        distributor: &PartyId,
        ticket: &LiveTicket,
    ) -> Result<Result<(), Wait>, RowError> {
        let Self::Tickets { state, time } = self else {
            return Ok(Ok(()));
        };
        if !ticket.deposited {
            return Ok(Err(Wait::NotDeposited));
        }
        let open = state.tickets().open(&ticket.nullifier)?;
        Ok(match open.filter(|open| is(open, distributor, ticket)) {
            Some(open) if open.reserves(*time) => Ok(()),
            Some(open) if !open.withdrawn => Err(Wait::Lapsed),
            _ => Err(Wait::NotOpen),
        })
    }
}

/// Whether the open ticket is the node's.
fn is(open: &merits_ledger::state::Ticket, distributor: &PartyId, ticket: &LiveTicket) -> bool {
    open.distributor == *distributor && open.message == ticket.message
}

/// The changes from following the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// Data that was deleted because people withdrew consents.
    pub erased: Vec<Erased>,
    /// Tickets whose time was over.
    pub lapsed: u64,
}

impl Node {
    /// Checks the status of the node's tickets in a verified state. If a ticket was withdrawn, the records,
    /// salt, K and h of its account, scale and period are deleted (PIPL 47). A ticket whose reservation is
    /// over by the ledger's time is set aside, and a new one may come.
    ///
    /// # Errors
    /// [`StoreError`]; completed changes are kept, and a repeated call continues from there.
    pub async fn follow_consents(
        &self,
        consents: &Consents<'_>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Followed, StoreError> {
        let mut followed = Followed::default();
        let Consents::Tickets { state, .. } = consents else {
            return Ok(followed);
        };
        let (party, mut after) = (self.party(), None);
        loop {
            let tickets = self.store().live_tickets(after, TICKET_PAGE).await?;
            let Some(last) = tickets.last() else {
                return Ok(followed);
            };
            after = Some(last.id);
            for ticket in tickets {
                if state
                    .tickets()
                    .is_withdrawn(&ticket.nullifier, &ticket.message)?
                {
                    followed
                        .erased
                        .extend(self.store().erase(ticket.id, rng).await?);
                    continue;
                }
                let lapsed = state
                    .tickets()
                    .open(&ticket.nullifier)?
                    .is_some_and(|open| is(&open, &party, &ticket) && !open.reserves(state.time()));
                if lapsed && ticket.deposited {
                    self.store()
                        .end_ticket(ticket.id, TicketEnd::Lapsed)
                        .await?;
                    followed.lapsed += 1;
                }
            }
        }
    }
}

/// Tickets that are read at once: some 2 MB.
const TICKET_PAGE: u32 = 16_384;
