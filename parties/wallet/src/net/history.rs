//! Everything that concerns a person, in the ledger's order.

use merits_ledger::state::OpeningSubject;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, EntryId},
};
use serde::Serialize;

use super::{Wallet, WalletError};
use crate::{
    report::{Consent, Note, consents, party_name, unit},
    view::{NoteOrigin, SpendingPurpose},
};

/// Something that concerns the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The entry's leaf.
    pub leaf: u64,
    /// Its time.
    pub time: Timestamp,
    /// The entry.
    pub entry: String,
    /// The event.
    pub happened: Happened,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happened {
    /// An identity of the wallet was registered.
    Registered {
        /// The registrar.
        by: String,
    },
    /// It was retired.
    Retired {
        /// The party.
        by: String,
    },
    /// A consent was deposited.
    Consented {
        /// The consent, with its present status.
        consent: Consent,
    },
    /// Credits were earned.
    Earned {
        /// The unit of the credits.
        unit: String,
        /// The credits and their origin.
        note: Note,
    },
    /// Credits were redeemed.
    Redeemed {
        /// The price.
        credits: Credits,
        /// Title of the offer.
        offer: String,
        /// The exchange.
        exchange: String,
    },
    /// Two notes became one.
    Merged,
    /// Credits were shown to a verifier.
    Attested {
        /// At least this many.
        at_least: Credits,
    },
    /// A supervisor asked to open a claim, or who made a redemption.
    Opening {
        /// The supervisor.
        requester: String,
        /// Whether it shows who made a redemption, and not what a claim holds.
        redeemer: bool,
        /// The batch, or the redemption.
        entry: String,
        /// The claim in it; 0 of a redemption.
        claim: u16,
        /// The legal basis that was given.
        basis: String,
    },
}

impl Wallet {
    /// Everything that concerns the person, in the ledger's order.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn history(&self) -> Result<Vec<Event>, WalletError> {
        let replica = self.replica();
        let state = replica.state()?;
        let view = &self.view;
        let mut events: Vec<(EntryId, Happened)> = Vec::new();
        let reports = consents(state, view);
        for (consent, report) in view.consents.iter().zip(reports) {
            events.push((consent.deposit, Happened::Consented { consent: report }));
        }
        for note in &view.notes {
            if let NoteOrigin::Claim { entry, .. } = note.from {
                let (unit, note) = (unit(state, &note.scale), Note::of(state, note));
                events.push((entry, Happened::Earned { unit, note }));
            }
        }
        for spending in &view.spendings {
            let happened = match &spending.purpose {
                SpendingPurpose::Redeemed {
                    offer,
                    exchange,
                    amount,
                    ..
                } => {
                    let known = state.offers().get(offer);
                    Happened::Redeemed {
                        credits: *amount,
                        offer: known
                            .map_or_else(|| offer.to_string(), |of| of.published.title.clone()),
                        exchange: party_name(state, exchange),
                    }
                }
                SpendingPurpose::Attested { floor, .. } if floor.0 == 0 => Happened::Merged,
                SpendingPurpose::Attested { floor, .. } => Happened::Attested { at_least: *floor },
            };
            events.push((spending.entry, happened));
        }
        for opening in &view.openings {
            let happened = Happened::Opening {
                requester: party_name(state, &opening.requester),
                redeemer: opening.subject == OpeningSubject::Redeemer,
                entry: opening.entry.to_string(),
                claim: opening.claim,
                basis: opening.basis.clone(),
            };
            events.push((opening.request, happened));
        }
        for registration in &view.registrations {
            let by = party_name(state, &registration.registrar);
            let happened = match registration.retired {
                true => Happened::Retired { by },
                false => Happened::Registered { by },
            };
            events.push((registration.entry, happened));
        }
        let event = |(entry, happened): (EntryId, Happened)| -> Result<Event, WalletError> {
            Ok(Event {
                leaf: replica.find(&entry)?.unwrap_or(0),
                time: replica
                    .entry(&entry)?
                    .map_or(Timestamp::FIRST, |leaf| leaf.time),
                entry: entry.to_string(),
                happened,
            })
        };
        let mut events: Vec<Event> = events.into_iter().map(event).collect::<Result<_, _>>()?;
        events.sort_by_key(|event| event.leaf);
        Ok(events)
    }
}
