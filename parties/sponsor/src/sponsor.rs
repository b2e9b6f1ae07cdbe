//! A sponsor's work on its offers, with its keys and its copy of the log.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use futures::future::BoxFuture;
use merits_guard::output::{Kind, Output, OutputError, Readers};
use merits_ledger::{Entry, entry::OfferClosed};
use merits_party::{
    identity::{Identity, IdentityError, PartyConfig as _},
    lookup::{LookupError, find_entry},
    report::{Entered, text},
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, EntryId, ScaleId},
};
use merits_replica::{ClientError, FollowError, Follower, JoinError, ReplicaError};
use rand_core::CryptoRng;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{
    config::SponsorConfig,
    offers::{OfferFault, OfferFile, OfferStatus, day_label, offer_status, voucher_codes},
};

/// A file of vouchers never replaces another one, whose codes may already be at an exchange.
pub const VOUCHERS: Kind<'static> = Kind::new("a file of vouchers", Readers::Owner);

/// A sponsor with its copy of the log, up to date.
#[derive(Debug)]
pub struct Sponsor {
    identity: Identity,
    follower: Follower,
}

/// Why a command of a sponsor failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SponsorError {
    /// The party's keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The ledger could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The ledger could not be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The copy of the log.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The coordinator.
    #[error(transparent)]
    Submit(#[from] ClientError),
    /// The offer's file.
    #[error(transparent)]
    Offer(#[from] OfferFault),
    /// The entry that was named.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The entry is not an offer.
    #[error("entry {0} is not an offer: `merits sponsor offer list` shows the ids of yours")]
    NotAnOffer(EntryId),
    /// The offer belongs to another sponsor.
    #[error(
        "the offer {0} belongs to another sponsor: `merits sponsor offer list` shows the ids of yours"
    )]
    AnotherSponsors(EntryId),
    /// The file of vouchers.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The file of vouchers, while it was written.
    #[error("{}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// An offer of a sponsor with its status.
#[derive(Debug, Clone, Serialize)]
pub struct OfferReport {
    /// The offer's entry.
    #[serde(serialize_with = "text")]
    pub id: EntryId,
    /// Its running number among the sponsor's offers.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// Goods, services or funds.
    pub kind: String,
    /// Its status.
    #[serde(serialize_with = "text")]
    pub standing: OfferStatus,
    /// Redemptions so far.
    pub redeemed: u32,
    /// Most redemptions.
    pub quota: u32,
    /// Credits for each redemption.
    #[serde(serialize_with = "credits")]
    pub price: Credits,
    /// The scale.
    #[serde(serialize_with = "text")]
    pub scale: ScaleId,
    /// The month before which the credits are valid.
    pub good_until_before: String,
    /// The day on which it opens.
    pub opens: String,
    /// The day on which it closes.
    pub closes: String,
}

/// An offer that was closed before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClosedOffer {
    /// The offer's entry.
    #[serde(serialize_with = "text")]
    pub offer: EntryId,
    /// The entry that closed it.
    #[serde(serialize_with = "text")]
    pub entry: EntryId,
}

/// A file of vouchers that was written. The report holds none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VouchersReport {
    /// The offer's entry.
    #[serde(serialize_with = "text")]
    pub offer: EntryId,
    /// How many vouchers.
    pub count: u32,
    /// The file that has them.
    pub file: PathBuf,
}

fn credits<S: Serializer>(credits: &Credits, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(credits.0)
}

impl Sponsor {
    /// Loads the keys, joins the ledger and follows it to its end.
    ///
    /// # Errors
    /// [`SponsorError`].
    pub fn open(config: &SponsorConfig) -> BoxFuture<'_, Result<Self, SponsorError>> {
        Box::pin(async move {
            let identity = config.identity()?;
            let follower = config.ledger.follow().await?;
            follower.sync().await?;
            Ok(Self { identity, follower })
        })
    }

    /// Publishes an offer. Its entry's id is the offer's.
    ///
    /// # Errors
    /// [`SponsorError`].
    pub fn publish<'a>(
        &'a self,
        file: &'a OfferFile,
    ) -> BoxFuture<'a, Result<Entered, SponsorError>> {
        Box::pin(async move {
            let offer = {
                let replica = self.follower.replica();
                file.publish(replica.state()?, &self.identity.party())?
            };
            self.submit(&Entry::OfferPublished(offer)).await
        })
    }

    /// Closes an offer early, by its id or a prefix of it.
    ///
    /// # Errors
    /// [`SponsorError`].
    pub fn close_offer<'a>(
        &'a self,
        offer: &'a str,
        basis: String,
    ) -> BoxFuture<'a, Result<ClosedOffer, SponsorError>> {
        Box::pin(async move {
            let offer = find_entry(&self.follower.replica(), offer)?;
            let closed = OfferClosed { offer, basis };
            let entry = self.submit(&Entry::OfferClosed(closed)).await?.entry;
            Ok(ClosedOffer { offer, entry })
        })
    }

    async fn submit(&self, entry: &Entry) -> Result<Entered, SponsorError> {
        let identity = &self.identity;
        let signed = entry.sign(&identity.origin, identity.party(), None, &identity.signing);
        let submitted = self.follower.client().submit(&signed).await?;
        self.follower.sync().await?;
        Ok(submitted.id.into())
    }

    /// Writes a file of fresh codes for an offer of this sponsor. Without a `count`, it writes as many as the
    /// quota.
    ///
    /// # Errors
    /// [`SponsorError`].
    pub fn make_vouchers(
        &self,
        offer: &str,
        count: Option<u32>,
        output: &Path,
        rng: &mut impl CryptoRng,
    ) -> Result<VouchersReport, SponsorError> {
        let (offer, count) = {
            let replica = self.follower.replica();
            let id = find_entry(&replica, offer)?;
            let state = replica.state()?;
            let offer = state.offers().get(&id);
            let offer = offer.ok_or(SponsorError::NotAnOffer(id))?;
            if offer.sponsor != self.identity.party() {
                return Err(SponsorError::AnotherSponsors(id));
            }
            (id, count.unwrap_or(offer.published.quota))
        };
        let mut file = Output::begin(output, VOUCHERS)?;
        for code in voucher_codes(count, rng) {
            writeln!(file, "{}", code.as_str()).map_err(|source| SponsorError::Write {
                path: output.to_owned(),
                source: merits_guard::explain::writing(source),
            })?;
        }
        file.publish()?;
        Ok(VouchersReport {
            offer,
            count,
            file: output.to_owned(),
        })
    }

    /// This sponsor's offers by their numbers, as they stand at `now` or at the ledger's time,
    /// whichever is later.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn offers(&self, now: Timestamp) -> Result<Vec<OfferReport>, ReplicaError> {
        let replica = self.follower.replica();
        let state = replica.state()?;
        let (party, time) = (self.identity.party(), now.max(state.time()));
        let offers = state.offers().iter();
        let mut own: Vec<OfferReport> = offers
            .filter(|(_, offer)| offer.sponsor == party)
            .map(|(id, offer)| {
                let published = &offer.published;
                OfferReport {
                    id: *id,
                    number: published.number,
                    title: published.title.clone(),
                    kind: published.kind.to_string(),
                    standing: offer_status(id, offer, time),
                    redeemed: offer.redeemed,
                    quota: published.quota,
                    price: published.price,
                    scale: published.scale.clone(),
                    good_until_before: published.expiry.label(),
                    opens: day_label(published.opens),
                    closes: day_label(published.closes),
                }
            })
            .collect();
        own.sort_by_key(|offer| offer.number);
        Ok(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and forms of a report's fields are an interface: programs read them.
    #[test]
    fn reports_of_an_offer_have_these_fields() {
        let offer = EntryId([0xab; 32]);
        let made = VouchersReport {
            offer,
            count: 3,
            file: "vouchers.txt".into(),
        };
        let expected = serde_json::json!({
            "offer": "ab".repeat(32),
            "count": 3,
            "file": "vouchers.txt",
        });
        assert_eq!(serde_json::to_value(&made).expect("JSON"), expected);
        let closed = ClosedOffer {
            offer,
            entry: EntryId([1; 32]),
        };
        let report = serde_json::to_value(closed).expect("JSON");
        assert_eq!(report["entry"], "01".repeat(32));
    }
}
