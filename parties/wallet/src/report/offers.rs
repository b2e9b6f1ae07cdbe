//! The offers that a person can redeem.

use merits_ledger::State;
use merits_primitives::{calendar::Timestamp, ids::Credits};
use serde::Serialize;

use super::{expiry_day, party_name, unit};
use crate::{
    keys::WalletKeys,
    spend::{SpendError, Spender},
    view::View,
};

/// An offer that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenOffer {
    /// Its id.
    pub id: String,
    /// The title.
    pub title: String,
    /// The kind of the offer.
    pub kind: String,
    /// The description; may be empty.
    pub description: String,
    /// How many credits it costs.
    pub price: Credits,
    /// The scale of its credits.
    pub scale: String,
    /// The unit of the credits.
    pub unit: String,
    /// The credits must be valid until this day (exclusive).
    pub expires: String,
    /// The sponsor.
    pub sponsor: String,
    /// The exchanges where it can be redeemed.
    pub exchanges: Vec<String>,
    /// The number of redemptions left.
    pub left: u32,
    /// The quota.
    pub quota: u32,
    /// When it ends, unix milliseconds.
    pub closes: Timestamp,
    /// Most redemptions of a person and day.
    pub per_day: u32,
    /// Whether this person can pay.
    pub affordable: Affordable,
}

/// Whether a person can pay an offer's price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Affordable {
    /// One or two notes cover it.
    Yes {
        /// What would be left of them.
        change: Credits,
    },
    /// Not now.
    No {
        /// The reason, as text.
        reason: String,
    },
    /// The wallet has no valid identity.
    NoIdentity,
}

/// The offers that are open at `now` (unix milliseconds; the ledger's time counts where it is later).
///
/// # Errors
/// [`SpendError::OtherView`], [`SpendError::Rows`]. No identity is needed.
pub fn offers(
    state: &State,
    view: &View,
    keys: &WalletKeys,
    now: Timestamp,
) -> Result<Vec<OpenOffer>, SpendError> {
    let now = now.max(state.time());
    let spender = match Spender::new(state, view, keys, now) {
        Ok(spender) => Some(spender),
        Err(SpendError::NotRegistered | SpendError::Retired) => None,
        Err(error) => return Err(error),
    };
    let open = state.offers().iter();
    let open = open.filter(|(id, offer)| offer.check_open(id, now).is_ok());
    let report = open.map(|(id, offer)| {
        let published = &offer.published;
        let affordable = match &spender {
            None => Affordable::NoIdentity,
            Some(spender) => {
                match spender.can_pay(offer.asset, published.expiry, published.price) {
                    Ok(change) => Affordable::Yes { change },
                    Err(error) => Affordable::No {
                        reason: error.to_string(),
                    },
                }
            }
        };
        let exchanges = published.exchanges.iter();
        OpenOffer {
            id: id.to_string(),
            title: published.title.clone(),
            kind: published.kind.to_string(),
            description: published.description.clone(),
            price: published.price,
            scale: published.scale.to_string(),
            unit: unit(state, &published.scale),
            expires: expiry_day(published.expiry),
            sponsor: party_name(state, &offer.sponsor),
            exchanges: exchanges.map(|id| party_name(state, id)).collect(),
            left: published.quota - offer.redeemed,
            quota: published.quota,
            closes: published.closes,
            per_day: published.per_day,
            affordable,
        }
    });
    Ok(report.collect())
}
