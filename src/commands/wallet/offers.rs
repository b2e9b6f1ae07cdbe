//! `merits wallet offers`.

use merits_ledger::{State, state::Offer};
use merits_party::unix_millis;
use merits_primitives::ids::{AssetId, Credits, EntryId};
use merits_wallet::spend::{SpendError, Spender};

use super::session::{Place, Session, day, end_of, name_of, unit_of};
use crate::screen::{indented, thousands};

/// What can be redeemed now, and what of it this person can afford.
pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let session = Session::open(place).await?;
    let replica = session.replica();
    let state = replica.state()?;
    let now = unix_millis().max(state.time());
    let spender = match Spender::new(state, &session.view, &session.keys, now) {
        Ok(spender) => Some(spender),
        // Looking is free.
        Err(SpendError::NotRegistered | SpendError::Retired) => None,
        Err(error) => return Err(error.into()),
    };
    let mut open = 0;
    for (id, offer) in state.offers().iter() {
        if offer.check_open(id, now).is_err() {
            continue;
        }
        open += 1;
        show(state, id, offer);
        indented(&affordable(spender.as_ref(), offer));
    }
    if open == 0 {
        println!("no open offers");
    }
    println!("{}", session.as_of()?);
    Ok(())
}

fn show(state: &State, id: &EntryId, offer: &Offer) {
    let published = &offer.published;
    println!(
        "{}: {} {} of {} that are good until before {}",
        published.title,
        thousands(published.price.0),
        unit_of(state, &published.scale),
        published.scale,
        end_of(published.expiry),
    );
    indented(&format!("offer {id}"));
    let exchanges: Vec<String> = published
        .exchanges
        .iter()
        .map(|exchange| name_of(state, exchange))
        .collect();
    indented(&format!(
        "{} from {}, at {}; {} of {} left, until {}",
        published.kind,
        name_of(state, &offer.sponsor),
        exchanges.join(" or "),
        thousands(u64::from(published.quota - offer.redeemed)),
        thousands(u64::from(published.quota)),
        day(published.closes),
    ));
    if published.per_day <= MOST_SHOWN_A_DAY {
        indented(&format!("at most {} a person and day", published.per_day));
    }
    if !published.description.is_empty() {
        indented(&published.description);
    }
}

/// What the wallet says to the price.
fn affordable(spender: Option<&Spender<'_>>, offer: &Offer) -> String {
    let Some(spender) = spender else {
        return "this wallet cannot redeem: it has no identity that stands".to_owned();
    };
    let (asset, price): (AssetId, Credits) = (offer.asset, offer.published.price);
    match spender.can_pay(asset, offer.published.expiry, price) {
        Ok(change) => format!(
            "you can afford it; {} would be left of the notes",
            thousands(change.0)
        ),
        Err(error) => format!("you cannot redeem it now: {error}"),
    }
}

/// An offer with a higher limit has none that a person would notice.
const MOST_SHOWN_A_DAY: u32 = 1_000;
