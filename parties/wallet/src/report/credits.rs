//! The credits of a person.

use std::collections::BTreeMap;

use merits_ledger::{State, state::check_not_expired};
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, Expiry, Quantity, ScaleId},
};
use serde::Serialize;

use super::{expiry_day, party_name, unit};
use crate::view::{NoteOrigin, OwnNote, View};

/// Unspent credits of one scale and expiry bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Purse {
    /// The scale.
    pub scale: String,
    /// The unit of the credits.
    pub unit: String,
    /// The first day on which they are no longer valid.
    pub expires: String,
    /// Whether that day has come.
    pub expired: bool,
    /// How many the person owns.
    pub credits: Credits,
    /// Credits of identities that were retired: nobody can spend them any more.
    pub retired: Credits,
    /// The notes that hold [`Purse::credits`], without empty ones.
    pub notes: Vec<Note>,
}

/// One note of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is worth.
    pub credits: Credits,
    /// What the deeds measured, of a scale with a measure.
    pub measure: Option<Quantity>,
    /// Where it comes from.
    pub from: NoteSource,
}

/// The origin of a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoteSource {
    /// Earned.
    Claim {
        /// The period of the deeds.
        period: String,
        /// The distributor that proved them.
        distributor: String,
        /// The source that recorded them.
        source: String,
        /// Whether only the distributor vouches for whose records they are.
        vouched: bool,
    },
    /// The change of spent notes.
    Change {
        /// The entry that spent them.
        entry: String,
    },
}

impl Note {
    pub(crate) fn of(state: &State, note: &OwnNote) -> Self {
        let from = match &note.from {
            NoteOrigin::Claim {
                period,
                distributor,
                source,
                vouched,
                ..
            } => NoteSource::Claim {
                period: period.label(),
                distributor: party_name(state, distributor),
                source: party_name(state, source),
                vouched: *vouched,
            },
            NoteOrigin::Change { entry } => NoteSource::Change {
                entry: entry.to_string(),
            },
        };
        Self {
            credits: note.value,
            measure: note.measure,
            from,
        }
    }
}

/// What the person has at `now` (unix milliseconds), by scale and expiry bucket.
pub fn credits(state: &State, view: &View, now: Timestamp) -> Vec<Purse> {
    let mut purses: BTreeMap<(&ScaleId, Expiry), Vec<&OwnNote>> = BTreeMap::new();
    for note in view.notes.iter().filter(|note| note.spent.is_none()) {
        let purse = purses.entry((&note.scale, note.expiry)).or_default();
        purse.push(note);
    }
    let purse = |((scale, expiry), notes): ((&ScaleId, Expiry), Vec<&OwnNote>)| {
        let (own, retired): (Vec<&OwnNote>, Vec<&OwnNote>) =
            notes.into_iter().partition(|note| view.owns(note));
        Purse {
            scale: scale.to_string(),
            unit: unit(state, scale),
            expires: expiry_day(expiry),
            expired: check_not_expired(expiry, now).is_err(),
            credits: sum(&own),
            retired: sum(&retired),
            notes: own
                .into_iter()
                .filter(|note| note.value.0 > 0)
                .map(|note| Note::of(state, note))
                .collect(),
        }
    };
    purses.into_iter().map(purse).collect()
}

/// Notes of one scale: its supply is below 2^64.
fn sum(notes: &[&OwnNote]) -> Credits {
    notes
        .iter()
        .fold(Credits::ZERO, |sum, note| sum.saturating_add(note.value))
}
