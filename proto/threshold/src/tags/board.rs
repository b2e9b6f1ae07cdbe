//! What anybody can tell from the published messages of a dealing: whose message is waited for, whether a message is
//! right, who is at fault, and which key came out. It needs no secret.
//!
//! Everything that can be wrong with a message is found when it is published, so a wrong one is refused and never
//! stands. The exception is a sealed share, which only its holder can open. A holder that got a wrong one complains
//! with the secret of the key that it was sealed to; then everybody sees who is at fault.

use std::collections::{BTreeMap, BTreeSet};

use merits_primitives::{field, ids::PartyId};
use merits_sealing::{SealingKey, is_usable};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use thiserror::Error;
use voprf::{Group as _, Ristretto255};

use super::{
    dealing::Dealing,
    key::{TagHolder, TagKey},
    message::{Commitment, Deal, Join, TagBody, TagMessage, TagRound, TagVerdict},
    ristretto::{Point, committed_value, place, point_bytes},
};
use crate::Threshold;

/// What no other sealed message has.
pub(super) const INFO: &[u8] = b"merits/tags/share/v1";

/// Everything that the parties of a dealing published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagBoard {
    joins: BTreeMap<PartyId, Join>,
    deals: BTreeMap<PartyId, Deal>,
    fits: BTreeSet<PartyId>,
    failed: Option<WrongShare>,
}

/// A dealer that dealt a wrong share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongShare {
    /// The dealer, who is at fault.
    pub dealer: PartyId,
    /// The holder that showed it.
    pub holder: PartyId,
}

/// How far a dealing is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "dealings are handled one at a time"
)]
pub enum TagProgress {
    /// A round is not complete.
    Waiting {
        /// The round.
        round: TagRound,
        /// Who has not published in it.
        missing: Vec<PartyId>,
    },
    /// A dealer is at fault. What was dealt is worth nothing.
    Failed(WrongShare),
    /// All holders confirmed.
    Done(TagKey),
}

/// Why a message is refused. Its sender is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TagFault {
    /// Made for something else.
    #[error("the message was made for another dealing: its digest is not that of this one")]
    OtherDealing,
    /// The dealing is over.
    #[error("the dealing is over: it takes no more messages")]
    Over,
    /// Another round is waited for.
    #[error("the dealing waits for the round {expected}, and this message is of the round {found}")]
    Round {
        /// The round that is not complete.
        expected: TagRound,
        /// The message's.
        found: TagRound,
    },
    /// The party has published, or has nothing to publish.
    #[error(
        "party {party} has published its message of the round {round}, or has none to publish in it"
    )]
    Published {
        /// The party.
        party: PartyId,
        /// The round.
        round: TagRound,
    },
    /// A holder needs a usable key for each dealer, and another party none; a dealer needs a hash, and another none.
    #[error(
        "a holder joins with one usable sealing key for each dealer, and a dealer with the hash of its commitment: \
         this message has others"
    )]
    Join,
    /// Not what it bound itself to.
    #[error("the commitment is not the one whose hash its dealer published first")]
    OtherCommitment,
    /// Another threshold, or bytes that are no elements.
    #[error(
        "the commitment does not have exactly one element for each of the {needed} holders that must answer"
    )]
    Coefficients {
        /// The threshold.
        needed: u16,
    },
    /// The dealer does not know its polynomial.
    #[error("the dealer's proof that it knows its polynomial does not hold in this dealing")]
    Unproven,
    /// The dealer deals something else than its share.
    #[error(
        "the dealer deals another value than its share of the present key, which would change the key"
    )]
    OtherShare,
    /// Not exactly one share for each holder.
    #[error("the dealer did not deal one sealed share to each of the holders")]
    Receivers,
    /// A key that would hide nothing, which no honest dealer can cause.
    #[error(
        "with this commitment the key or a verification share would be the identity: open another dealing"
    )]
    Identity,
    /// The holder saw something else.
    #[error("the holder confirms another key than the one that the published messages give")]
    OtherKey,
    /// Not a dealer.
    #[error("party {0} dealt no share, so nobody can complain of it")]
    NoDealer(PartyId),
    /// The secret is another key's.
    #[error("the secret of the complaint is not that of the sealing key that its holder published")]
    OtherSecret,
    /// The dealer was right.
    #[error("the share that {0} dealt opens and fits what {0} committed to")]
    FalseComplaint(PartyId),
}

impl TagBoard {
    /// A party's message of round 1.
    pub fn join_of(&self, party: &PartyId) -> Option<&Join> {
        self.joins.get(party)
    }

    /// A dealer's message of round 2.
    pub fn deal_of(&self, dealer: &PartyId) -> Option<&Deal> {
        self.deals.get(dealer)
    }

    /// How far the dealing is by these messages.
    pub fn progress(&self, dealing: &Dealing) -> TagProgress {
        if let Some(wrong) = self.failed {
            return TagProgress::Failed(wrong);
        }
        let rounds = [
            (TagRound::Join, dealing.parties()),
            (TagRound::Deal, dealing.dealers().to_vec()),
            (TagRound::Verdict, dealing.holders().to_vec()),
        ];
        for (round, parties) in rounds {
            let missing = parties.into_iter().filter(|party| !self.has(round, party));
            let missing: Vec<_> = missing.collect();
            if !missing.is_empty() {
                return TagProgress::Waiting { round, missing };
            }
        }
        match self.outcome(dealing) {
            Some(key) => TagProgress::Done(key),
            // The last commitment is refused if there is none, so nothing leads here.
            None => TagProgress::Waiting {
                round: TagRound::Deal,
                missing: dealing.dealers().to_vec(),
            },
        }
    }

    fn has(&self, round: TagRound, party: &PartyId) -> bool {
        match round {
            TagRound::Join => self.joins.contains_key(party),
            TagRound::Deal => self.deals.contains_key(party),
            TagRound::Verdict => self.fits.contains(party),
        }
    }

    /// Takes a party's message, if it is the one that is waited for and nothing is wrong with it.
    ///
    /// # Errors
    /// [`TagFault`].
    pub fn take(
        &mut self,
        dealing: &Dealing,
        party: PartyId,
        message: TagMessage,
    ) -> Result<(), TagFault> {
        if message.dealing != dealing.digest() {
            return Err(TagFault::OtherDealing);
        }
        let TagProgress::Waiting { round, missing } = self.progress(dealing) else {
            return Err(TagFault::Over);
        };
        let found = message.body.round();
        if found != round {
            let expected = round;
            return Err(TagFault::Round { expected, found });
        }
        if !missing.contains(&party) {
            return Err(TagFault::Published { party, round });
        }
        match message.body {
            TagBody::Join(join) => {
                check_join(dealing, &party, &join)?;
                self.joins.insert(party, join);
            }
            TagBody::Deal(deal) => {
                self.check_deal(dealing, &party, &deal)?;
                self.deals.insert(party, deal);
                if self.deals.len() == dealing.dealers().len() && self.outcome(dealing).is_none() {
                    self.deals.remove(&party);
                    return Err(TagFault::Identity);
                }
            }
            TagBody::Verdict(TagVerdict::Fits(digest)) => {
                if self.key_digest(dealing) != Some(digest) {
                    return Err(TagFault::OtherKey);
                }
                self.fits.insert(party);
            }
            TagBody::Verdict(TagVerdict::Complaint { dealer, secret }) => {
                self.check_complaint(dealing, &party, &dealer, &secret)?;
                let holder = party;
                self.failed = Some(WrongShare { dealer, holder });
            }
        }
        Ok(())
    }

    /// The digest that holders confirm; `None` until all dealers dealt.
    pub(super) fn key_digest(&self, dealing: &Dealing) -> Option<[u8; 32]> {
        let key = self.outcome(dealing)?.to_bytes();
        Some(field::digest(
            "merits/tags/key/v1",
            &[&dealing.digest(), &key],
        ))
    }

    /// The key that the commitments give; `None` until all dealers dealt.
    pub(super) fn outcome(&self, dealing: &Dealing) -> Option<TagKey> {
        let deals = dealing
            .dealers()
            .iter()
            .map(|dealer| self.deals.get(dealer));
        let deals = deals.collect::<Option<Vec<_>>>()?;
        let weights = dealing.weights()?;
        let identity = Ristretto255::identity_elem();
        let mut sum: Vec<Point> = vec![identity; dealing.threshold().needed().into()];
        for (deal, weight) in deals.iter().zip(&weights) {
            let points = deal.commitment.points()?;
            for (sum, point) in sum.iter_mut().zip(points) {
                *sum += point * weight;
            }
        }
        let public = point_bytes(*sum.first()?)?;
        // Lagrange's coefficients of the dealers' shares give the key that these are shares of. Compared all the same.
        if dealing.present().is_some_and(|key| key.public() != public) {
            return None;
        }
        let holders = dealing.holders().iter().enumerate().map(|(index, party)| {
            let share = point_bytes(committed_value(&sum, &place(index)))?;
            Some(TagHolder {
                party: *party,
                share,
            })
        });
        let holders = holders.collect::<Option<_>>()?;
        Some(TagKey::dealt(dealing.threshold(), public, holders))
    }

    fn check_deal(&self, dealing: &Dealing, dealer: &PartyId, deal: &Deal) -> Result<(), TagFault> {
        let commitment: &Commitment = &deal.commitment;
        let bound = self.joins.get(dealer).and_then(|join| join.commitment);
        if bound != Some(commitment.hash(&dealing.digest(), dealer)) {
            return Err(TagFault::OtherCommitment);
        }
        let needed = dealing.threshold().needed();
        if commitment.coefficients.len() != usize::from(needed) || commitment.points().is_none() {
            return Err(TagFault::Coefficients { needed });
        }
        if !commitment.is_proven(&dealing.digest(), dealer) {
            return Err(TagFault::Unproven);
        }
        let constant = dealing.constant_of(dealer);
        if constant.is_some() && constant != commitment.coefficients.first().copied() {
            return Err(TagFault::OtherShare);
        }
        if deal.shares.len() != dealing.holders().len() {
            return Err(TagFault::Receivers);
        }
        Ok(())
    }

    fn check_complaint(
        &self,
        dealing: &Dealing,
        holder: &PartyId,
        dealer: &PartyId,
        secret: &[u8; 32],
    ) -> Result<(), TagFault> {
        let index = dealing.dealers().iter().position(|party| party == dealer);
        let index = index.ok_or(TagFault::NoDealer(*dealer))?;
        let key = SealingKey::derive(secret);
        let published = self.joins.get(holder).and_then(|join| join.keys.get(index));
        if published != Some(&key.public()) {
            return Err(TagFault::OtherSecret);
        }
        if self.opened(dealing, dealer, holder, &key).is_some() {
            return Err(TagFault::FalseComplaint(*dealer));
        }
        Ok(())
    }

    /// What a dealer dealt a holder, if it opens with the holder's key and fits the dealer's commitment.
    pub(super) fn opened(
        &self,
        dealing: &Dealing,
        dealer: &PartyId,
        holder: &PartyId,
        key: &SealingKey,
    ) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        let deal = self.deals.get(dealer)?;
        let index = dealing.holders().iter().position(|party| party == holder)?;
        let context = dealing.share_context(dealer, holder);
        let plain = key.open(INFO, &context, deal.shares.get(index)?).ok()?;
        deal.commitment
            .fits(dealing, holder, &plain)
            .then_some(plain)
    }
}

fn check_join(dealing: &Dealing, party: &PartyId, join: &Join) -> Result<(), TagFault> {
    let keys = if dealing.is_holder(party) {
        dealing.dealers().len()
    } else {
        0
    };
    // Whether a key is usable does not depend on the randomness.
    let usable = |key: &[u8; 32]| is_usable(key, &mut ChaCha20Rng::from_seed([0; 32]));
    if join.keys.len() == keys
        && join.keys.iter().all(usable)
        && join.commitment.is_some() == dealing.is_dealer(party)
    {
        Ok(())
    } else {
        Err(TagFault::Join)
    }
}

/// The messages as they are stored, by round and party.
impl Canonical for TagBoard {
    const NAME: &'static str = "messages of a dealing";

    fn write(&self, out: &mut Writer) {
        out.count(self.joins.len());
        for (party, join) in &self.joins {
            out.array(&party.0);
            join.write(out);
        }
        out.count(self.deals.len());
        for (party, deal) in &self.deals {
            out.array(&party.0);
            deal.write(out);
        }
        out.count(self.fits.len());
        for party in &self.fits {
            out.array(&party.0);
        }
        out.option(self.failed.as_ref(), |out, wrong| {
            out.array(&wrong.dealer.0);
            out.array(&wrong.holder.0);
        });
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let most = usize::from(Threshold::MOST_HOLDERS);
        let mut board = Self::default();
        // Holders and dealers may be different parties.
        for _ in 0..input.count("joins", 2 * most)? {
            let party = PartyId(input.array("party")?);
            board.joins.insert(party, Join::read(input)?);
        }
        for _ in 0..input.count("deals", most)? {
            let party = PartyId(input.array("dealer")?);
            board.deals.insert(party, Deal::read(input)?);
        }
        for _ in 0..input.count("confirmations", most)? {
            board.fits.insert(PartyId(input.array("holder")?));
        }
        board.failed = input.option("wrong share", |input| {
            Ok(WrongShare {
                dealer: PartyId(input.array("dealer")?),
                holder: PartyId(input.array("holder")?),
            })
        })?;
        Ok(board)
    }
}
