//! `merits wallet credits`, `history`.

use std::collections::BTreeMap;

use merits_ledger::{Entry, State, state::check_not_expired};
use merits_party::unix_millis;
use merits_primitives::ids::{EntryId, Expiry, ScaleId};
use merits_wallet::view::{NoteOrigin, OwnNote, SpendingPurpose, View};

use super::{
    consents,
    session::{Place, Session, end_of, moment, name_of, unit_of},
};
use crate::screen::{VOUCHED, indented, thousands};

/// What the person has, by scale and expiry bucket.
pub(super) async fn show(place: &Place) -> anyhow::Result<()> {
    let session = Session::open(place).await?;
    let (replica, view) = (session.replica(), &session.view);
    let state = replica.state()?;
    let mut purses: BTreeMap<(&ScaleId, Expiry), Vec<&OwnNote>> = BTreeMap::new();
    for note in view.notes.iter().filter(|note| note.spent.is_none()) {
        let purse = purses.entry((&note.scale, note.expiry)).or_default();
        purse.push(note);
    }
    if purses.is_empty() {
        println!("no credits yet");
    }
    for ((scale, expiry), notes) in &purses {
        purse(state, view, scale, *expiry, notes);
    }
    println!("{}", session.as_of()?);
    Ok(())
}

fn purse(state: &State, view: &View, scale: &ScaleId, expiry: Expiry, notes: &[&OwnNote]) {
    let unit = unit_of(state, scale);
    let (own, lost): (Vec<&OwnNote>, Vec<&OwnNote>) = notes.iter().partition(|note| {
        view.identity
            .as_ref()
            .is_some_and(|owner| !owner.retired && owner.generation == note.generation)
    });
    let sum = |notes: &[&OwnNote]| -> u64 {
        // Notes of one scale: its supply is below 2^64.
        notes
            .iter()
            .fold(0, |sum, note| sum.saturating_add(note.value.0))
    };
    let expired = check_not_expired(expiry, unix_millis()).is_err();
    let good = if expired {
        format!("EXPIRED on {}", end_of(expiry))
    } else {
        format!("good until before {}", end_of(expiry))
    };
    println!("{scale}: {} {unit}, {good}", thousands(sum(&own)));
    for note in &own {
        if note.value.0 > 0 {
            indented(&source(state, note, &unit));
        }
    }
    if sum(&lost) > 0 {
        indented(&format!(
            "beside {} {unit} of an identity that was retired: they cannot be spent any more",
            thousands(sum(&lost))
        ));
    }
}

/// Where a note comes from, in words.
fn source(state: &State, note: &OwnNote, unit: &str) -> String {
    let value = thousands(note.value.0);
    match &note.from {
        NoteOrigin::Claim {
            period,
            distributor,
            source,
            vouched,
            ..
        } => {
            let mind = if *vouched {
                format!("; {VOUCHED}")
            } else {
                String::new()
            };
            let measure = note
                .measure
                .map(|measure| format!(" (measured: {})", thousands(measure)))
                .unwrap_or_default();
            format!(
                "{value} {unit}{measure} for {}, by {} from records of {}{mind}",
                period.label(),
                name_of(state, distributor),
                name_of(state, source),
            )
        }
        NoteOrigin::Change { entry } => format!("{value} {unit} left of entry {entry}"),
    }
}

/// Everything that concerns the person, in the ledger's order.
pub(super) async fn history(place: &Place) -> anyhow::Result<()> {
    let session = Session::open(place).await?;
    let mut events = events(&session)?;
    events.sort_by_key(|(index, ..)| *index);
    for (_, entry, text) in &events {
        println!(
            "{}  {text} (entry {entry})",
            moment(session.time_of(entry)?)
        );
    }
    println!("{} events, {}", events.len(), session.as_of()?);
    Ok(())
}

/// (leaf, entry, what happened).
fn events(session: &Session) -> anyhow::Result<Vec<(u64, EntryId, String)>> {
    let (replica, view) = (session.replica(), &session.view);
    let state = replica.state()?;
    let mut events = Vec::new();
    let mut happened = |entry: EntryId, text: String| -> anyhow::Result<()> {
        events.push((replica.find(&entry)?.unwrap_or(0), entry, text));
        Ok(())
    };
    for consent in &view.consents {
        let text = format!(
            "consented: {} {} to {}; since then {}",
            consent.scale,
            consent.period.label(),
            name_of(state, &consent.distributor),
            consents::standing(consent)
        );
        happened(consent.deposit, text)?;
    }
    for note in &view.notes {
        if let NoteOrigin::Claim { entry, .. } = note.from {
            let unit = unit_of(state, &note.scale);
            happened(entry, format!("earned {}", source(state, note, &unit)))?;
        }
    }
    for spending in &view.spendings {
        let text = match &spending.purpose {
            SpendingPurpose::Redeemed {
                offer,
                exchange,
                amount,
                ..
            } => {
                let title = state
                    .offers()
                    .get(offer)
                    .map_or_else(|| offer.to_string(), |known| known.published.title.clone());
                format!(
                    "redeemed {} for {title:?} at {}",
                    thousands(amount.0),
                    name_of(state, exchange)
                )
            }
            SpendingPurpose::Attested { floor, .. } if floor.0 == 0 => "merged notes".to_owned(),
            SpendingPurpose::Attested { floor, .. } => {
                format!("attested to at least {}", thousands(floor.0))
            }
        };
        happened(spending.entry, text)?;
    }
    for opening in &view.openings {
        let text = format!(
            "{} asked to open claim {} of entry {}: {}",
            name_of(state, &opening.requester),
            opening.claim,
            opening.entry,
            opening.basis
        );
        happened(opening.request, text)?;
    }
    let known = view.identity.as_ref().map(|own| own.generation);
    let own: Vec<_> = known
        .into_iter()
        .flat_map(|newest| 0..=newest)
        .map(|generation| session.keys.commitment(generation))
        .collect();
    for leaf in replica.leaves() {
        let (_, leaf) = leaf?;
        let entry = Entry::decode(leaf.entry.kind, &leaf.entry.statement);
        let (commitment, what) = match entry {
            Some(Ok(Entry::IdentityRegistered(registered))) => {
                (registered.commitment, "registered")
            }
            Some(Ok(Entry::IdentityRetired(retired))) => (retired.commitment, "retired"),
            _ => continue,
        };
        if own.contains(&commitment) {
            let by = name_of(state, &leaf.entry.party);
            happened(leaf.entry.id(), format!("{what} by {by}"))?;
        }
    }
    Ok(events)
}
