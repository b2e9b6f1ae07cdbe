//! `merits wallet credits`, `history`.

use merits_party::machine_time;
use merits_primitives::ids::Credits;
use merits_wallet::{
    net::Happened,
    report::{Note, NoteSource, Purse},
};

use super::{
    consents,
    place::{Place, as_of, moment},
};
use crate::screen::{VOUCHED, counted, indented, thousands};

/// What the person has, by scale and expiry bucket.
pub(super) async fn show(place: &Place) -> anyhow::Result<()> {
    let wallet = place.open().await?;
    let purses = wallet.credits(machine_time())?;
    if purses.is_empty() {
        println!("no credits yet");
    }
    purses.iter().for_each(purse);
    println!("{}", as_of(&wallet)?);
    Ok(())
}

fn purse(purse: &Purse) {
    let unit = &purse.unit;
    let good = if purse.expired {
        format!("EXPIRED on {}", purse.expires)
    } else {
        format!("good until before {}", purse.expires)
    };
    println!(
        "{}: {} {unit}, {good}",
        purse.scale,
        thousands(purse.credits.0)
    );
    for note in &purse.notes {
        indented(&source(note, unit));
    }
    if purse.retired > Credits::ZERO {
        indented(&format!(
            "beside {} {unit} of an identity that was retired: they cannot be spent any more",
            thousands(purse.retired.0)
        ));
    }
}

/// Where a note comes from, in words.
fn source(note: &Note, unit: &str) -> String {
    let value = thousands(note.credits.0);
    match &note.from {
        NoteSource::Claim {
            period,
            distributor,
            source,
            vouched,
        } => {
            let mind = if *vouched {
                format!("; {VOUCHED}")
            } else {
                String::new()
            };
            let measure = note
                .measure
                .map(|measure| format!(" (measured: {})", thousands(measure.0)))
                .unwrap_or_default();
            format!(
                "{value} {unit}{measure} for {period}, by {distributor} from records of \
                 {source}{mind}"
            )
        }
        NoteSource::Change { entry } => format!("{value} {unit} left of entry {entry}"),
    }
}

/// Everything that concerns the person, in the ledger's order.
pub(super) async fn history(place: &Place) -> anyhow::Result<()> {
    let wallet = place.open().await?;
    let events = wallet.history()?;
    for event in &events {
        println!(
            "{}  {} (entry {})",
            moment(event.time),
            told(&event.happened),
            event.entry
        );
    }
    println!(
        "{}, {}",
        counted(events.len() as u64, "event"),
        as_of(&wallet)?
    );
    Ok(())
}

/// What happened, in words.
fn told(happened: &Happened) -> String {
    match happened {
        Happened::Registered { by } => format!("registered by {by}"),
        Happened::Retired { by } => format!("retired by {by}"),
        Happened::Consented { consent } => format!(
            "consented: {} {} to {}; since then {}",
            consent.scale,
            consent.period,
            consent.distributor,
            consents::standing(&consent.standing)
        ),
        Happened::Earned { unit, note } => format!("earned {}", source(note, unit)),
        Happened::Redeemed {
            credits,
            offer,
            exchange,
        } => format!(
            "redeemed {} for {offer:?} at {exchange}",
            thousands(credits.0)
        ),
        Happened::Merged => "merged notes".to_owned(),
        Happened::Attested { at_least } => {
            format!("attested to at least {}", thousands(at_least.0))
        }
        Happened::Opening {
            requester,
            redeemer,
            entry,
            claim,
            basis,
        } => {
            let what = if *redeemer {
                format!("who made your redemption {entry}")
            } else {
                format!("claim {claim} of entry {entry}")
            };
            format!("{requester} asked to open {what}: {basis}")
        }
    }
}
