//! The openings of a person's records and redemptions.

use merits_ledger::{State, state::OpeningSubject};
use merits_primitives::calendar::Timestamp;
use serde::Serialize;

use super::party_name;
use crate::view::View;

/// Openings of the person's claims and redemptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Openings {
    /// Revealed openings.
    pub openings: Vec<Opening>,
    /// Requests for scales of the person whose content is still hidden: they may be about other
    /// people.
    pub hidden: usize,
}

/// One opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opening {
    /// The supervisor.
    pub requester: String,
    /// When, unix milliseconds.
    pub requested: Timestamp,
    /// Whether it shows who made a redemption, and not what a claim holds.
    pub redeemer: bool,
    /// The batch, or the redemption.
    pub entry: String,
    /// The claim in it; 0 of a redemption.
    pub claim: u16,
    /// The legal basis that was given.
    pub basis: String,
    /// Whether it was carried out.
    pub completed: bool,
}

/// Openings of the person's claims and redemptions, in the log's order.
pub fn openings(state: &State, view: &View) -> Openings {
    let openings = view.openings.iter().map(|opening| Opening {
        requester: party_name(state, &opening.requester),
        requested: opening.requested,
        redeemer: opening.subject == OpeningSubject::Redeemer,
        entry: opening.entry.to_string(),
        claim: opening.claim,
        basis: opening.basis.clone(),
        completed: opening.completed,
    });
    Openings {
        openings: openings.collect(),
        hidden: view.hidden_requests,
    }
}
