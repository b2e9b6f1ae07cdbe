//! Offers and their redemptions.

use std::collections::BTreeMap;
use std::sync::Arc;

use merits_primitives::{
    calendar::Timestamp,
    ids::{AssetId, EntryId, Expiry, PartyId, Period, PeriodKind},
    sum::CreditsSum,
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    fields,
    statement::redeem::MOST_A_DAY,
};

use super::Parties;
use super::draft::Draft;
use super::people::ROOT_GRACE;
use super::stored::{self, read_party, read_u128};
use crate::entry::{OfferClosed, OfferPublished, Redeemed};
use crate::refusal::{OfferRefusal, Refusal};
use crate::role::Role;
use crate::rows::{Key, Record, RowError, Table, decode};

/// The state of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The sponsor.
    pub sponsor: PartyId,
    /// The scale's number.
    pub asset: AssetId,
    /// The published offer.
    pub published: OfferPublished,
    /// Redemptions so far, at most the quota.
    pub redeemed: u32,
    /// When it was closed before its time.
    pub closed: Option<Timestamp>,
}

impl Offer {
    /// Checks whether it can be redeemed at `time`.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn check_open(&self, id: &EntryId, time: Timestamp) -> Result<(), Refusal> {
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

/// Redemptions of one scale and expiry bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedeemedSum {
    /// Number of redemptions.
    pub redemptions: u64,
    /// Credits.
    pub credits: CreditsSum,
}

impl Canonical for Offer {
    const NAME: &'static str = "offer";

    fn write(&self, out: &mut Writer) {
        out.array(&self.sponsor.0);
        out.u64(self.asset.0);
        self.published.write(out);
        out.u32(self.redeemed);
        out.option(self.closed.as_ref(), |out, time| out.time(*time));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            sponsor: read_party(input, "sponsor")?,
            asset: AssetId(input.u64("asset")?),
            published: OfferPublished::read(input)?,
            redeemed: input.u32("redeemed")?,
            closed: input.option("closed", |input| input.time("closed"))?,
        })
    }
}

impl Record for Offer {
    const TABLE: Table = Table::Offer;
}

impl Canonical for RedeemedSum {
    const NAME: &'static str = "redeemed";

    fn write(&self, out: &mut Writer) {
        out.u64(self.redemptions);
        out.array(&self.credits.0.to_le_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            redemptions: input.u64("redemptions")?,
            credits: CreditsSum(read_u128(input, "credits")?),
        })
    }
}

impl Record for RedeemedSum {
    const TABLE: Table = Table::Redeemed;
}

/// Most offers that a sponsor ever publishes. All offers are in memory, also those that are over: a redemption is
/// judged without rows, and an offline kit has none. An offer has at most some 3 KiB, nearly all of it text, so a
/// sponsor takes at most 50 MB. The board admits each sponsor, so their number is bounded too.
pub const MOST_OFFERS: u32 = 16_384;

/// All offers.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    /// Each in an `Arc`, so that a changed map shares the texts with the views before it.
    by_id: Arc<BTreeMap<EntryId, Arc<Offer>>>,
    /// How many offers each sponsor has published.
    published: Arc<BTreeMap<PartyId, u32>>,
    redeemed: Arc<BTreeMap<(AssetId, Expiry), RedeemedSum>>,
}

/// Credits are valid until the first day of their expiry's month (exclusive), by the ledger's time.
///
/// # Errors
/// [`OfferRefusal::CreditsExpired`].
pub fn check_not_expired(expiry: Expiry, time: Timestamp) -> Result<(), Refusal> {
    if Period::of_day(PeriodKind::Month, time.day().0).index >= expiry.month().index {
        return Err(OfferRefusal::CreditsExpired { expiry }.into());
    }
    Ok(())
}

impl Offers {
    /// An offer.
    pub fn get(&self, id: &EntryId) -> Option<&Offer> {
        self.by_id.get(id).map(Arc::as_ref)
    }

    /// All offers.
    pub fn iter(&self) -> impl Iterator<Item = (&EntryId, &Offer)> {
        self.by_id.iter().map(|(id, offer)| (id, offer.as_ref()))
    }

    /// Redemptions by scale and expiry bucket.
    pub fn redeemed(&self) -> impl Iterator<Item = (AssetId, Expiry, RedeemedSum)> + '_ {
        self.redeemed
            .iter()
            .map(|((asset, expiry), sum)| (*asset, *expiry, *sum))
    }

    /// An offer, or an error if there is none.
    ///
    /// # Errors
    /// [`OfferRefusal::Unknown`].
    pub(super) fn known(&self, offer: &EntryId) -> Result<&Offer, Refusal> {
        let unknown = Refusal::Offer(OfferRefusal::Unknown { offer: *offer });
        self.get(offer).ok_or(unknown)
    }

    pub(super) fn check_published(
        &self,
        id: EntryId,
        sponsor: PartyId,
        asset: AssetId,
        published: &OfferPublished,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let before = self.published.get(&sponsor).copied().unwrap_or(0);
        let expected = before.saturating_add(1);
        if published.number != expected {
            return Err(Refusal::OutOfSequence {
                what: fields::NUMBER,
                expected,
                found: published.number,
            });
        }
        let faults = [
            (published.price.0 == 0, fields::PRICE, "must be at least 1"),
            (published.quota == 0, fields::QUOTA, "must be at least 1"),
            (
                published.closes <= published.opens || published.closes <= time,
                fields::CLOSES,
                "must be after `opens` and not past",
            ),
            (
                published.per_day == 0 || published.per_day > MOST_A_DAY,
                fields::PER_DAY,
                "must be 1 to 65,536",
            ),
            (
                published.number > MOST_OFFERS,
                fields::NUMBER,
                "must be at most 16,384, because a sponsor publishes no more offers: a further party can be admitted \
                 as a sponsor",
            ),
            (
                published.exchanges.is_empty(),
                fields::EXCHANGES,
                "must not be empty",
            ),
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
        draft.put(Key::new(&[&id.0]), &offer);
        Ok(())
    }

    /// `party` is the offer's sponsor; `None` for an act of the board, which may close any offer.
    pub(super) fn check_closed(
        &self,
        party: Option<PartyId>,
        closed: &OfferClosed,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let offer = self.known(&closed.offer)?;
        if offer.closed.is_some() || time >= offer.published.closes {
            let offer = closed.offer;
            return Err(OfferRefusal::NotOpen { offer }.into());
        }
        if party.is_some_and(|party| party != offer.sponsor) {
            let offer = closed.offer;
            return Err(OfferRefusal::OfAnother { offer }.into());
        }
        let ended = Offer {
            closed: Some(time),
            ..offer.clone()
        };
        draft.put(Key::new(&[&closed.offer.0]), &ended);
        Ok(())
    }

    pub(super) fn check_redeemed(
        &self,
        parties: &Parties,
        exchange: PartyId,
        redeemed: &Redeemed,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let id = redeemed.offer;
        let offer = self.known(&id)?;
        offer.check_open(&id, time)?;
        if !offer.published.exchanges.contains(&exchange) {
            return Err(OfferRefusal::Elsewhere { offer: id }.into());
        }
        // Nobody may spend credits on the offer of a suspended sponsor.
        parties.acting(&offer.sponsor, Role::Sponsor)?;
        // A proof that was made just before midnight is good just after it.
        let (today, before) = (time.day(), (time - ROOT_GRACE).day());
        if redeemed.day != today && redeemed.day != before {
            let found = redeemed.day;
            return Err(OfferRefusal::OtherDay { today, found }.into());
        }
        let (asset, expiry) = (offer.asset, offer.published.expiry);
        let before = self.redeemed.get(&(asset, expiry));
        let mut sum = before.copied().unwrap_or_default();
        sum.redemptions += 1;
        sum.credits += offer.published.price;
        let bucket = Key::new(&[&asset.0.to_be_bytes(), &expiry.0.to_be_bytes()]);
        draft.put(bucket, &sum);
        let counted = Offer {
            // Below the quota, which has 32 bits too.
            redeemed: offer.redeemed + 1,
            ..offer.clone()
        };
        draft.put(Key::new(&[&id.0]), &counted);
        Ok(())
    }

    /// Applies a changed row.
    pub(super) fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        let id = EntryId(stored::key(Table::Offer, key)?);
        let offer: Offer = decode(value)?;
        let sponsor = offer.sponsor;
        let offers = Arc::make_mut(&mut self.by_id);
        if offers.insert(id, Arc::new(offer)).is_none() {
            *Arc::make_mut(&mut self.published)
                .entry(sponsor)
                .or_default() += 1;
        }
        Ok(())
    }

    /// Applies a row of redemptions.
    pub(super) fn apply_redeemed(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        let key: [u8; 12] = stored::key(Table::Redeemed, key)?;
        let [asset @ .., e0, e1, e2, e3] = key;
        let bucket = (
            AssetId(u64::from_be_bytes(asset)),
            Expiry(u32::from_be_bytes([e0, e1, e2, e3])),
        );
        Arc::make_mut(&mut self.redeemed).insert(bucket, decode(value)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::{
        calendar::Day,
        ids::{Credits, ScaleId},
    };

    use super::*;
    use crate::entry::OfferKind;
    use crate::rows::View;

    fn offer(number: u32) -> OfferPublished {
        OfferPublished {
            scale: ScaleId::new("a-scale").expect("an id"),
            expiry: Expiry(2_000),
            kind: OfferKind::Goods,
            title: "A bell".to_owned(),
            description: String::new(),
            price: Credits(1),
            quota: 1,
            opens: Day(0).start(),
            closes: Day(2).start(),
            per_day: 1,
            exchanges: vec![PartyId([2; 32])],
            number,
        }
    }

    /// A redemption changes one offer. A view that somebody holds keeps the offer as it was, and shares all others.
    #[test]
    fn views_share_the_offers_that_did_not_change() {
        let sponsor = PartyId([1; 32]);
        let row = |number, redeemed| Offer {
            sponsor,
            asset: AssetId(1),
            published: offer(number),
            redeemed,
            closed: None,
        };
        let mut offers = Offers::default();
        for number in [1, 2] {
            let key = [number as u8; 32];
            offers
                .apply(&key, &row(number, 0).to_bytes())
                .expect("a row");
        }
        let held = offers.clone();
        offers
            .apply(&[2; 32], &row(2, 1).to_bytes())
            .expect("a row");
        let [first, second] = [EntryId([1; 32]), EntryId([2; 32])];
        let at = |offers: &Offers, id| offers.get(id).map(|offer| offer.redeemed);
        assert_eq!(
            (at(&held, &second), at(&offers, &second)),
            (Some(0), Some(1))
        );
        let same = |id| Arc::ptr_eq(&held.by_id[id], &offers.by_id[id]);
        assert!(same(&first) && !same(&second));
        assert_eq!(offers.iter().count(), 2);
    }

    /// Offers stay in memory, so a sponsor publishes a bounded number of them. Changes of one do not count.
    #[test]
    fn a_sponsor_publishes_a_bounded_number_of_offers() {
        let [sponsor, rival] = [1, 3].map(|byte| PartyId([byte; 32]));
        let mut offers = Offers::default();
        for (number, redeemed) in [(1, 0), (2, 0), (2, 1)] {
            let row = Offer {
                sponsor,
                asset: AssetId(1),
                published: offer(number),
                redeemed,
                closed: None,
            };
            offers
                .apply(&[number as u8; 32], &row.to_bytes())
                .expect("a row");
        }
        let view = View::new();
        let published = |offers: &Offers, sponsor, number| {
            let (id, time) = (EntryId([9; 32]), Day(1).start());
            let mut draft = Draft::new(&view);
            offers.check_published(id, sponsor, AssetId(1), &offer(number), time, &mut draft)
        };
        assert_eq!(published(&offers, sponsor, 3), Ok(()));
        let fault = published(&offers, sponsor, 2);
        assert!(
            matches!(fault, Err(Refusal::OutOfSequence { expected: 3, .. })),
            "{fault:?}"
        );
        *Arc::make_mut(&mut offers.published)
            .entry(sponsor)
            .or_default() = MOST_OFFERS - 1;
        assert_eq!(published(&offers, sponsor, MOST_OFFERS), Ok(()));
        *Arc::make_mut(&mut offers.published)
            .entry(sponsor)
            .or_default() = MOST_OFFERS;
        let fault = published(&offers, sponsor, MOST_OFFERS + 1).expect_err("one too many");
        assert!(
            matches!(
                &fault,
                Refusal::Offer(OfferRefusal::Invalid { what, .. }) if *what == fields::NUMBER
            ),
            "{fault}"
        );
        assert_eq!(published(&offers, rival, 1), Ok(()));
    }
}
