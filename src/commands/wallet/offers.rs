//! `merits wallet offers`.

use merits_party::machine_time;
use merits_wallet::report::{Affordable, OpenOffer};

use super::place::{Place, as_of, day};
use crate::screen::{indented, thousands};

/// What can be redeemed now, and what of it this person can afford.
pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let wallet = place.open().await?;
    let offers = wallet.offers(machine_time())?;
    for offer in &offers {
        show(offer);
    }
    if offers.is_empty() {
        println!("no open offers");
    }
    println!("{}", as_of(&wallet)?);
    Ok(())
}

fn show(offer: &OpenOffer) {
    println!(
        "{}: {} {} of {} that are good until before {}",
        offer.title,
        thousands(offer.price.0),
        offer.unit,
        offer.scale,
        offer.expires,
    );
    indented(&format!("offer {}", offer.id));
    indented(&format!(
        "{} from {}, at {}; {} of {} left, until {}",
        offer.kind,
        offer.sponsor,
        offer.exchanges.join(" or "),
        thousands(offer.left),
        thousands(offer.quota),
        day(offer.closes),
    ));
    if offer.per_day <= MOST_SHOWN_A_DAY {
        indented(&format!("at most {} a person and day", offer.per_day));
    }
    if !offer.description.is_empty() {
        indented(&offer.description);
    }
    indented(&match &offer.affordable {
        Affordable::Yes { change } => format!(
            "you can afford it; {} would be left of the notes",
            thousands(change.0)
        ),
        Affordable::No { reason } => format!("you cannot redeem it now: {reason}"),
        Affordable::NoIdentity => {
            "this wallet cannot redeem: it has no identity that is in force".to_owned()
        }
    });
}

/// Higher limits are not shown: no person would notice them.
const MOST_SHOWN_A_DAY: u32 = 1_000;
