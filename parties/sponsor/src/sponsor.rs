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
    offers::{
        OfferFault, OfferFile, OfferStatus, day_label, expiry_label, offer_status, voucher_codes,
    },
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

fn text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
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

    /// Publishes an offer and returns its id.
    ///
    /// # Errors
    /// [`SponsorError`].
    pub fn publish<'a>(
        &'a self,
        file: &'a OfferFile,
    ) -> BoxFuture<'a, Result<EntryId, SponsorError>> {
        Box::pin(async move {
            let offer = {
                let replica = self.follower.replica();
                file.publish(replica.state()?, &self.identity.party())?
            };
            self.submit(&Entry::OfferPublished(offer)).await
        })
    }

    /// Closes an offer early, by its id or a prefix of it, and returns its id.
    ///
    /// # Errors
    /// [`SponsorError`].
    pub fn close_offer<'a>(
        &'a self,
        offer: &'a str,
        basis: String,
    ) -> BoxFuture<'a, Result<EntryId, SponsorError>> {
        Box::pin(async move {
            let offer = find_entry(&self.follower.replica(), offer)?;
            let closed = OfferClosed { offer, basis };
            self.submit(&Entry::OfferClosed(closed)).await?;
            Ok(offer)
        })
    }

    async fn submit(&self, entry: &Entry) -> Result<EntryId, SponsorError> {
        let identity = &self.identity;
        let signed = entry.sign(&identity.origin, identity.party(), None, &identity.signing);
        let submitted = self.follower.client().submit(&signed).await?;
        self.follower.sync().await?;
        Ok(submitted.id)
    }

    /// Writes a file of fresh codes for an offer of this sponsor and returns how many. Without a
    /// `count`, it writes as many as the quota.
    ///
    /// # Errors
    /// [`SponsorError`].
    pub fn make_vouchers(
        &self,
        offer: &str,
        count: Option<u32>,
        output: &Path,
        rng: &mut impl CryptoRng,
    ) -> Result<u32, SponsorError> {
        let count = {
            let replica = self.follower.replica();
            let id = find_entry(&replica, offer)?;
            let state = replica.state()?;
            let offer = state.offers().get(&id);
            let offer = offer.ok_or(SponsorError::NotAnOffer(id))?;
            if offer.sponsor != self.identity.party() {
                return Err(SponsorError::AnotherSponsors(id));
            }
            count.unwrap_or(offer.published.quota)
        };
        let mut file = Output::begin(output, VOUCHERS)?;
        for code in voucher_codes(count, rng) {
            writeln!(file, "{}", code.as_str()).map_err(|source| SponsorError::Write {
                path: output.to_owned(),
                source: merits_guard::explain::writing(source),
            })?;
        }
        file.publish()?;
        Ok(count)
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
                    good_until_before: expiry_label(published.expiry),
                    opens: day_label(published.opens),
                    closes: day_label(published.closes),
                }
            })
            .collect();
        own.sort_by_key(|offer| offer.number);
        Ok(own)
    }
}
