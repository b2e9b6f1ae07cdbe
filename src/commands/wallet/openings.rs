//! `merits wallet openings`: who opened the person's records and redemptions.

use super::place::{Place, as_of, moment};
use crate::screen::{counted, indented, say};

/// Lists openings of the person's claims and redemptions, and says what cannot be known yet.
pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let wallet = place.open().await?;
    let report = wallet.openings()?;
    for opening in &report.openings {
        let what = if opening.redeemer {
            format!("who made your redemption {}", opening.entry)
        } else {
            format!("claim {} of entry {}", opening.claim, opening.entry)
        };
        println!(
            "{}  {} opened {what}{}",
            moment(opening.requested),
            opening.requester,
            if opening.completed {
                ""
            } else {
                " (asked, and did not carry it out)"
            }
        );
        indented(&format!("basis: {}", opening.basis));
    }
    println!(
        "{} of your claims and redemptions, {}",
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
