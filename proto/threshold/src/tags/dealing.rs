//! Who deals shares of the key to whom: what all messages of a dealing are bound to.

use merits_primitives::{
    field,
    ids::{Origin, PartyId},
};
use merits_verifier::codec::Canonical as _;
use thiserror::Error;

use super::{
    key::TagKey,
    ristretto::{Bytes, Scalar, coefficients, place},
};
use crate::{Threshold, ThresholdFault};

/// What makes a dealing differ from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealingId {
    /// The log.
    pub origin: Origin,
    /// The shares' generation: one more than that of the present ones, or 1.
    pub generation: u32,
    /// Who opened it.
    pub opener: PartyId,
    /// The opener's attempts for this generation so far, plus one.
    pub attempt: u32,
}

/// A dealing: a first making of the key, or the present key's shares dealt anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dealing {
    threshold: Threshold,
    holders: Vec<PartyId>,
    dealers: Vec<PartyId>,
    present: Option<TagKey>,
    digest: [u8; 32],
}

/// Why there is no such dealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DealingFault {
    /// The numbers.
    #[error(transparent)]
    Threshold(#[from] ThresholdFault),
    /// One holder.
    #[error(
        "one holder would have the whole key: name two holders at least, of whom two must answer"
    )]
    Sole,
    /// Half of the holders, or fewer.
    #[error(
        "{needed} of {holders} holders are not more than half of them: demand {} at least",
        .holders / 2 + 1
    )]
    Minority {
        /// How many must answer.
        needed: u16,
        /// How many there are.
        holders: u16,
    },
    /// One party twice, or not by growing id.
    #[error("the parties are named by growing id, and each once: {0} is not in its place")]
    Order(PartyId),
    /// The dealers of a first key are not its holders.
    #[error("the first key is made by its holders together: name as dealers exactly the holders")]
    NotTheHolders,
    /// A dealer without a share.
    #[error("party {0} holds no share of the present key, so it can deal none")]
    NoShare(PartyId),
    /// Too few to have the key between them.
    #[error(
        "{found} holders of the present key deal, and {needed} must: the key is in no fewer shares"
    )]
    TooFewDealers {
        /// The present key's threshold.
        needed: u16,
        /// How many are named.
        found: usize,
    },
}

impl Dealing {
    /// The dealing of these parties. `present` is the present key; `None` for a first making.
    ///
    /// # Errors
    /// [`DealingFault`].
    pub fn new(
        id: &DealingId,
        needed: u16,
        holders: Vec<PartyId>,
        dealers: Vec<PartyId>,
        present: Option<TagKey>,
    ) -> Result<Self, DealingFault> {
        let count = u16::try_from(holders.len()).unwrap_or(u16::MAX);
        if count == 1 {
            return Err(DealingFault::Sole);
        }
        let threshold = Threshold::new(needed, count)?;
        if u32::from(needed) * 2 <= u32::from(count) {
            return Err(DealingFault::Minority {
                needed,
                holders: count,
            });
        }
        for parties in [&holders, &dealers] {
            for pair in parties.windows(2) {
                if let [one, next] = pair
                    && one >= next
                {
                    return Err(DealingFault::Order(*next));
                }
            }
        }
        match &present {
            None if dealers != holders => return Err(DealingFault::NotTheHolders),
            None => {}
            Some(key) => {
                let stranger = dealers.iter().find(|dealer| key.share_of(dealer).is_none());
                if let Some(stranger) = stranger {
                    return Err(DealingFault::NoShare(*stranger));
                }
                let (needed, found) = (key.threshold().needed(), dealers.len());
                if found < usize::from(needed) {
                    return Err(DealingFault::TooFewDealers { needed, found });
                }
            }
        }
        let digest = digest(id, needed, &holders, &dealers, present.as_ref());
        Ok(Self {
            threshold,
            holders,
            dealers,
            present,
            digest,
        })
    }

    /// How many of how many must answer with the new shares.
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// Who gets a share.
    pub fn holders(&self) -> &[PartyId] {
        &self.holders
    }

    /// Who deals.
    pub fn dealers(&self) -> &[PartyId] {
        &self.dealers
    }

    /// The key whose shares are dealt anew; `None` for a first making.
    pub fn present(&self) -> Option<&TagKey> {
        self.present.as_ref()
    }

    /// SHA-256 over all that the dealing is. Every message carries it.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Whether the party gets a share.
    pub fn is_holder(&self, party: &PartyId) -> bool {
        self.holders.contains(party)
    }

    /// Whether the party deals.
    pub fn is_dealer(&self, party: &PartyId) -> bool {
        self.dealers.contains(party)
    }

    /// Holders and dealers, each once, by id.
    pub fn parties(&self) -> Vec<PartyId> {
        let mut parties = [&self.holders[..], &self.dealers[..]].concat();
        parties.sort();
        parties.dedup();
        parties
    }

    /// What a dealer's polynomial must have as its constant term, times B.
    pub(super) fn constant_of(&self, dealer: &PartyId) -> Option<Bytes> {
        self.present.as_ref()?.share_of(dealer)
    }

    /// Where a holder gets the value of each polynomial.
    pub(super) fn place_of(&self, holder: &PartyId) -> Option<Scalar> {
        let index = self.holders.iter().position(|party| party == holder)?;
        Some(place(index))
    }

    /// How much each dealer's polynomial counts in the new one: 1 in a first making, and Lagrange's coefficients of the
    /// dealers' places afterwards.
    pub(super) fn weights(&self) -> Option<Vec<Scalar>> {
        let Some(key) = &self.present else {
            return Some(vec![Scalar::ONE; self.dealers.len()]);
        };
        let places = self.dealers.iter().map(|dealer| key.place_of(dealer));
        coefficients(&places.collect::<Option<Vec<_>>>()?)
    }

    /// What a sealed share is bound to.
    pub(super) fn share_context(&self, dealer: &PartyId, holder: &PartyId) -> [u8; 32] {
        field::digest(
            "merits/tags/share-context/v1",
            &[&self.digest, &dealer.0, &holder.0],
        )
    }
}

fn digest(
    id: &DealingId,
    needed: u16,
    holders: &[PartyId],
    dealers: &[PartyId],
    present: Option<&TagKey>,
) -> [u8; 32] {
    let named =
        |parties: &[PartyId]| -> Vec<u8> { parties.iter().flat_map(|party| party.0).collect() };
    field::digest(
        "merits/tags/dealing/v1",
        &[
            id.origin.as_str().as_bytes(),
            &id.generation.to_le_bytes(),
            &id.opener.0,
            &id.attempt.to_le_bytes(),
            &needed.to_le_bytes(),
            &named(holders),
            &named(dealers),
            &present.map(TagKey::to_bytes).unwrap_or_default(),
        ],
    )
}
