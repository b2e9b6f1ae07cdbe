//! `merits wallet openings`: who opened the own records.

use super::session::{Place, Session, moment, name_of};
use crate::screen::{indented, say};

/// Lists openings of own claims, and says what cannot be known yet.
pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let session = Session::open(place).await?;
    let replica = session.replica();
    let state = replica.state()?;
    let view = &session.view;
    for opening in &view.openings {
        println!(
            "{}  {} opened claim {} of entry {}{}",
            moment(opening.requested),
            name_of(state, &opening.requester),
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
        "{} openings of your claims, {}",
        view.openings.len(),
        session.as_of()?
    );
    if view.hidden_requests > 0 {
        say(&format!(
            "{} requests for scales of yours are still hidden: they may be about you or about \
             others, and are revealed by their deadlines, or everybody sees that they were not.",
            view.hidden_requests
        ));
    }
    Ok(())
}
