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
    shares::{PAGE, SIGNATURES},
    sources::Sources,
    store::{Candidate, CandidateCursor, SourceSigned, Store, StoreError},
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
        each_candidate(store, scale, |candidate| {
            match candidate.ticket {
                None if tickets => outlook.waiting.add(Wait::NoTicket),
                Some(ticket) if tickets && !ticket.deposited => {
                    outlook.waiting.add(Wait::NotDeposited);
                }
                _ => outlook.ready += 1,
            }
            Ok(())
        })
        .await?;
        Ok(outlook)
    }

    /// By the store and a verified state of the ledger, at `now`: also whether the
    /// tickets are open, whether the sources and their keys stand, and whether the ledger has terms for the periods.
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
        let consents = Consents::of(state, now);
        let clock = move || now;
        let sources = Sources::of(state, &clock);
        let mut after = Some(CandidateCursor::START);
        while let Some(place) = after {
            let page = store.candidates(scale, place, PAGE).await?;
            after = page.next;
            for candidates in page.candidates.chunks(SIGNATURES) {
                let mut with_ticket = Vec::with_capacity(candidates.len());
                for candidate in candidates {
                    match open_ticket(&consents, distributor, candidate)? {
                        Ok(()) => with_ticket.push(candidate),
                        Err(wait) => outlook.waiting.add(wait),
                    }
                }
                let signed = with_ticket.iter().map(|candidate| candidate.signed);
                let signed: Vec<Option<SourceSigned>> = signed.collect();
                let verdicts = sources.judge(scale, &signed);
                for (candidate, verdict) in with_ticket.into_iter().zip(verdicts) {
                    match verdict {
                        Ok(()) => *open.entry(candidate.period).or_default() += 1,
                        Err(wait) => outlook.waiting.add(wait),
                    }
                }
                tokio::task::yield_now().await;
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

/// Whether the ledger has the ticket that a deed needs.
fn open_ticket(
    consents: &Consents<'_>,
    distributor: &PartyId,
    candidate: &Candidate,
) -> Result<Result<(), Wait>, StoreError> {
    Ok(match (consents, &candidate.ticket) {
        (Consents::Custody, _) => Ok(()),
        (Consents::Tickets { .. }, None) => Err(Wait::NoTicket),
        (Consents::Tickets { .. }, Some(ticket)) => consents.open(distributor, ticket)?,
    })
}

/// Visits all deeds without a batch, page by page.
async fn each_candidate(
    store: &Store,
    scale: &ScaleId,
    mut visit: impl FnMut(Candidate) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut after = Some(CandidateCursor::START);
    while let Some(place) = after {
        let page = store.candidates(scale, place, PAGE).await?;
        page.candidates.into_iter().try_for_each(&mut visit)?;
        after = page.next;
    }
    Ok(())
}
