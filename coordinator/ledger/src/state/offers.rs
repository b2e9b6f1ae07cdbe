//! Offers and what was redeemed of them.

use std::collections::BTreeMap;

use merits_primitives::ids::{AssetId, EntryId, Expiry, PartyId, Period, PeriodKind};
use merits_verifier::{codec::Writer, statement::redeem::MOST_A_DAY};

use super::{
    Parties,
    people::{ROOT_GRACE, day_of},
};
use crate::entry::{OfferClosed, OfferPublished, Redeemed};
use crate::refusal::{OfferRefusal, Refusal};
use crate::role::Role;

/// An offer as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Whose.
    pub sponsor: PartyId,
    /// The scale's number.
    pub asset: AssetId,
    /// What was published.
    pub published: OfferPublished,
    /// Redemptions so far, at most the quota.
    pub redeemed: u32,
    /// When it was closed before its time, unix milliseconds.
    pub closed: Option<u64>,
}

impl Offer {
    /// Whether it can be redeemed at `time`.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn check_open(&self, id: &EntryId, time: u64) -> Result<(), Refusal> {
        let offer = *id;
        let published = &self.published;
        if self.closed.is_some() || time < published.opens || time >= published.closes {
            return Err(OfferRefusal::NotOpen { offer }.into());
        }
        if self.redeemed >= published.quota {
            return Err(OfferRefusal::SoldOut { offer }.into());
        }
        check_not_expired(published.expiry, time)
    }
}

/// What was redeemed of one scale and expiry bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedeemedSum {
    /// How often.
    pub redemptions: u64,
    /// Credits.
    pub credits: u128,
}

/// All offers.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    by_id: BTreeMap<EntryId, Offer>,
    redeemed: BTreeMap<(AssetId, Expiry), RedeemedSum>,
}

/// A change to apply.
#[derive(Debug, Clone)]
pub(super) enum OfferChange {
    Published(EntryId, Box<Offer>),
    Closed { offer: EntryId, time: u64 },
    Redeemed(EntryId),
}

/// Credits are good until before the first day of their expiry's month, by the ledger's time.
///
/// # Errors
/// [`OfferRefusal::CreditsExpired`].
pub fn check_not_expired(expiry: Expiry, time: u64) -> Result<(), Refusal> {
    if Period::of_day(PeriodKind::Month, day_of(time)).index >= expiry.0 {
        return Err(OfferRefusal::CreditsExpired { expiry }.into());
    }
    Ok(())
}

impl Offers {
    /// An offer.
    pub fn get(&self, id: &EntryId) -> Option<&Offer> {
        self.by_id.get(id)
    }

    /// All offers.
    pub fn iter(&self) -> impl Iterator<Item = (&EntryId, &Offer)> {
        self.by_id.iter()
    }

    /// What was redeemed, by scale and expiry bucket.
    pub fn redeemed(&self) -> impl Iterator<Item = (AssetId, Expiry, RedeemedSum)> + '_ {
        self.redeemed
            .iter()
            .map(|((asset, expiry), sum)| (*asset, *expiry, *sum))
    }

    /// An offer, or why there is none.
    ///
    /// # Errors
    /// [`OfferRefusal::Unknown`].
    pub(super) fn known(&self, offer: &EntryId) -> Result<&Offer, Refusal> {
        let unknown = Refusal::Offer(OfferRefusal::Unknown { offer: *offer });
        self.by_id.get(offer).ok_or(unknown)
    }

    pub(super) fn check_published(
        &self,
        id: EntryId,
        sponsor: PartyId,
        asset: AssetId,
        published: &OfferPublished,
        time: u64,
    ) -> Result<OfferChange, Refusal> {
        let own = |offer: &&Offer| offer.sponsor == sponsor;
        let before = self.by_id.values().filter(own).count();
        let expected = u32::try_from(before + 1).unwrap_or(u32::MAX);
        if published.number != expected {
            return Err(Refusal::OutOfSequence {
                what: "number",
                expected,
                found: published.number,
            });
        }
        let faults = [
            (published.price.0 == 0, "price", "is at least 1"),
            (published.quota == 0, "quota", "is at least 1"),
            (
                published.closes <= published.opens || published.closes <= time,
                "closes",
                "is after `opens` and not past",
            ),
            (
                published.per_day == 0 || published.per_day > MOST_A_DAY,
                "per day",
                "is 1 to 65,536",
            ),
            (published.exchanges.is_empty(), "exchanges", "is not empty"),
        ];
        if let Some((_, what, rule)) = faults.into_iter().find(|(fault, ..)| *fault) {
            return Err(OfferRefusal::Invalid { what, rule }.into());
        }
        check_not_expired(published.expiry, time)?;
        let offer = Offer {
            sponsor,
            asset,
            published: published.clone(),
            redeemed: 0,
            closed: None,
        };
        Ok(OfferChange::Published(id, Box::new(offer)))
    }

    /// `party` is the offer's sponsor; `None` for a supervisor, who may close any.
    pub(super) fn check_closed(
        &self,
        party: Option<PartyId>,
        closed: &OfferClosed,
        time: u64,
    ) -> Result<OfferChange, Refusal> {
        let offer = self.known(&closed.offer)?;
        if offer.closed.is_some() || time >= offer.published.closes {
            let offer = closed.offer;
            return Err(OfferRefusal::NotOpen { offer }.into());
        }
        if party.is_some_and(|party| party != offer.sponsor) {
            let offer = closed.offer;
            return Err(OfferRefusal::OfAnother { offer }.into());
        }
        Ok(OfferChange::Closed {
            offer: closed.offer,
            time,
        })
    }

    pub(super) fn check_redeemed(
        &self,
        parties: &Parties,
        exchange: PartyId,
        redeemed: &Redeemed,
        time: u64,
    ) -> Result<OfferChange, Refusal> {
        let id = redeemed.offer;
        let offer = self.known(&id)?;
        offer.check_open(&id, time)?;
        if !offer.published.exchanges.contains(&exchange) {
            return Err(OfferRefusal::Elsewhere { offer: id }.into());
        }
        // Nobody spends credits on what a suspended sponsor promised.
        parties.acting(&offer.sponsor, Role::Sponsor)?;
        // A proof that was made just before midnight is good just after it.
        let (today, before) = (day_of(time), day_of(time.saturating_sub(ROOT_GRACE)));
        if redeemed.day != today && redeemed.day != before {
            let found = redeemed.day;
            return Err(OfferRefusal::OtherDay { today, found }.into());
        }
        Ok(OfferChange::Redeemed(id))
    }

    pub(super) fn apply(&mut self, change: OfferChange) {
        match change {
            OfferChange::Published(id, offer) => {
                self.by_id.insert(id, *offer);
            }
            OfferChange::Closed { offer, time } => {
                if let Some(offer) = self.by_id.get_mut(&offer) {
                    offer.closed = Some(time);
                }
            }
            OfferChange::Redeemed(id) => {
                if let Some(offer) = self.by_id.get_mut(&id) {
                    offer.redeemed += 1;
                    let bucket = (offer.asset, offer.published.expiry);
                    let sum = self.redeemed.entry(bucket).or_default();
                    sum.redemptions += 1;
                    sum.credits += u128::from(offer.published.price.0);
                }
            }
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.count(self.by_id.len());
        for (id, offer) in &self.by_id {
            out.array(&id.0);
            out.u32(offer.redeemed);
            out.option(offer.closed.as_ref(), |out, time| out.u64(*time));
        }
        out.count(self.redeemed.len());
        for ((asset, expiry), sum) in &self.redeemed {
            out.u64(asset.0);
            out.u32(expiry.0);
            out.u64(sum.redemptions);
        }
    }
}
