//! A preview of the next run: which deeds are ready, and why the others wait.
//!
//! For reports beside a run and without the ledger: it decrypts, changes and requests nothing.
//! Facts that only a decrypted record shows (that the source linked another person, that no claim
//! can be made of it) are found by the run.

use std::collections::BTreeMap;

use merits_ledger::State;
use merits_primitives::{
    calendar::Timestamp,
    ids::{PartyId, Period, ScaleId},
};
use serde::Serialize;

use crate::{
    consents::{Consents, Wait, Waiting},
    store::{Store, StoreError},
    terms::TermsReader,
};

/// A preview of the next run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outlook {
    /// Deeds without a known reason to wait.
    pub ready: u64,
    /// The others.
    pub waiting: Waiting,
}

impl Outlook {
    /// From the store alone: whether there are tickets and whether they were deposited.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_store(
        store: &Store,
        scale: &ScaleId,
        tickets: bool,
    ) -> Result<Self, StoreError> {
        let mut outlook = Self::default();
        if !tickets {
            outlook.ready = store.unclaimed(scale).await?.len() as u64;
            return Ok(outlook);
        }
        for candidate in store.candidates(scale).await? {
            match candidate.ticket {
                None => outlook.waiting.add(Wait::NoTicket),
                Some(ticket) if !ticket.deposited => outlook.waiting.add(Wait::NotDeposited),
                Some(_) => outlook.ready += 1,
            }
        }
        Ok(outlook)
    }

    /// By the store and a verified state of the ledger, at `now`: also whether the
    /// tickets are open, and whether the ledger has terms for the periods.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(
        store: &Store,
        scale: &ScaleId,
        distributor: &PartyId,
        state: &State,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut outlook = Self::default();
        let mut open: BTreeMap<Period, u64> = BTreeMap::new();
        match Consents::of(state, now) {
            Consents::Custody => {
                for deed in store.unclaimed(scale).await? {
                    *open.entry(deed.period).or_default() += 1;
                }
            }
            consents @ Consents::Tickets { .. } => {
                for candidate in store.candidates(scale).await? {
                    let open_ticket = match candidate.ticket {
                        None => Err(Wait::NoTicket),
                        Some(ticket) => consents.open(distributor, &ticket)?,
                    };
                    match open_ticket {
                        Ok(()) => *open.entry(candidate.period).or_default() += 1,
                        Err(wait) => outlook.waiting.add(wait),
                    }
                }
            }
        }
        let time = now.max(state.time());
        let reader = TermsReader::new(state, scale.clone(), *distributor, time);
        for (period, deeds) in open {
            let terms = match &reader {
                Ok(reader) => reader
                    .at(period)
                    .map(drop)
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match terms {
                Ok(()) => outlook.ready += deeds,
                Err(why) => *outlook.waiting.without_terms.entry(why).or_default() += deeds,
            }
        }
        Ok(outlook)
    }
}
