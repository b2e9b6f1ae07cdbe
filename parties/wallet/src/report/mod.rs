//! A wallet's reports for its person, as plain data.
//!
//! A program displays them: the `merits` command as text, another one as a page. Nothing here needs
//! a network or files. Names are those on the ledger; times are unix milliseconds; ids and
//! commitments are hexadecimal.

mod consents;
mod credits;
mod identity;
mod offers;
mod openings;

use merits_ledger::{
    State,
    state::{BoardMark, HalfMark},
};
use merits_params::manifest::Manifest;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Expiry, PartyId, ScaleId},
};
use serde::Serialize;

pub use self::{
    consents::{Consent, ConsentStatus, consents},
    credits::{Note, NoteSource, Purse, credits},
    identity::{Identity, identity},
    offers::{Affordable, OpenOffer, offers},
    openings::{Opening, Openings, openings},
};

/// The part of the log that a report is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AsOf {
    /// Leaves of the copy.
    pub leaves: u64,
    /// The time of the last one, unix milliseconds.
    pub time: Timestamp,
    /// Whether one supervisor alone decides, or decided, on this ledger; as text.
    #[serde(serialize_with = "as_text")]
    pub mark: Option<BoardMark>,
    /// Whether one holder has a whole half of the view key in force; as text.
    #[serde(serialize_with = "as_text")]
    pub keys: Option<HalfMark>,
}

/// Writes what may be missing as its text.
fn as_text<T: std::fmt::Display, S: serde::Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .map(|mark| mark.to_string())
        .serialize(serializer)
}

/// A party's name, or the beginning of its id if the ledger lacks it.
pub fn party_name(state: &State, party: &PartyId) -> String {
    let known = state.parties().get(party);
    known.map_or_else(|| party.to_string(), |known| known.name.clone())
}

/// The unit of a scale's credits, from its newest approved manifest.
pub fn unit(state: &State, scale: &ScaleId) -> String {
    let manifest = newest_manifest(state, scale);
    manifest.map_or_else(
        || "credits".to_owned(),
        |manifest| manifest.unit().to_owned(),
    )
}

/// A scale's newest approved manifest, if this program can read it.
pub fn newest_manifest(state: &State, scale: &ScaleId) -> Option<Manifest> {
    let versions = &state.scales().get(scale).ok()?.versions;
    Manifest::from_approved(&versions.last()?.terms.manifest).ok()
}

/// The first day on which credits of a bucket are no longer valid, such as `2027-04-01`.
pub fn expiry_day(expiry: Expiry) -> String {
    format!("{}-01", expiry.month().label())
}
