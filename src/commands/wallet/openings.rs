//! `merits wallet openings`: who opened the person's records.

use super::place::{Place, as_of, moment};
use crate::screen::{counted, indented, say};

/// Lists openings of the person's claims, and says what cannot be known yet.
pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let wallet = place.open().await?;
    let report = wallet.openings()?;
    for opening in &report.openings {
        println!(
            "{}  {} opened claim {} of entry {}{}",
            moment(opening.requested),
            opening.requester,
            opening.claim,
            opening.entry,
            if opening.completed {
                ""
            } else {
                " (asked, and did not carry it out)"
            }
        );
        indented(&format!("basis: {}", opening.basis));
    }
    println!(
        "{} of your claims, {}",
        counted(report.openings.len() as u64, "opening"),
        as_of(&wallet)?
    );
    if report.hidden > 0 {
        say(&format!(
            "Still hidden: {} for scales of yours. They may be about you or about others, and are revealed \
             by their deadlines, or everybody sees that they were not.",
            counted(report.hidden as u64, "request")
        ));
    }
    Ok(())
}
