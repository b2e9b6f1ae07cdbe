//! One party's part in a dealing, without input and output.
//!
//! All of it follows from the party's seeds and the published messages: who is killed at any step makes the same message
//! again, and the share needs no file of its own. So the seeds are the secret. Both are drawn for one dealing alone. A
//! holder's is kept as long as the shares that came out of it are the present ones. A dealer's is erased when the dealing
//! is over: with it and the new share, a later thief would compute the share that the dealer had before.

use merits_primitives::{field, ids::PartyId};
use merits_sealing::{SealingKey, seal};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    board::{INFO, TagBoard, TagProgress},
    dealing::Dealing,
    message::{
        Commitment, Deal, Join, TagBody, TagMessage, TagRound, TagVerdict, knowledge_challenge,
    },
    ristretto::{Bytes, Scalar, derived, point_bytes, scalar, scalar_bytes, times_base, value_at},
    share::TagShare,
};

/// A seed of a party's part in one dealing.
pub type TagSeed = Zeroizing<[u8; 32]>;

/// One party's part.
pub struct TagParticipant<'d> {
    dealing: &'d Dealing,
    me: PartyId,
    seed: &'d TagSeed,
    deals: Option<Deals<'d>>,
}

/// What a dealer needs besides.
#[derive(Debug, Clone, Copy)]
pub struct Deals<'d> {
    /// The seed of its polynomial.
    pub seed: &'d TagSeed,
    /// Its share of the present key, if that is dealt anew.
    pub present: Option<&'d TagShare>,
}

impl std::fmt::Debug for TagParticipant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TagParticipant({}, ..)", self.me)
    }
}

/// Why a party does not go on. Nothing was published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParticipantFault {
    /// The party takes no part.
    #[error("party {0} takes no part in this dealing")]
    NoParty(PartyId),
    /// Another seed made what is published in the party's name.
    #[error(
        "what was published in this party's name was made with another seed than the one here: use the seed file \
         that was made for this dealing, or open another dealing"
    )]
    OtherSeed,
    /// A dealer without its seed or its share.
    #[error(
        "to deal, this party needs its seed for that, and to deal the shares anew its share of the present key: one \
         of them is not here"
    )]
    NoShare,
    /// A share that is not there yet.
    #[error("the dealing is not so far that there are shares")]
    NotDealt,
    /// A wrong share.
    #[error("the share that {0} dealt is not the one that it committed to")]
    WrongShare(PartyId),
    /// Arithmetic that has a probability of 2^-250.
    #[error("a secret of this dealing is zero: open another dealing")]
    Zero,
}

impl<'d> TagParticipant<'d> {
    /// This party's part. `seed` is that of a holder's keys. A dealer needs `deals` until it has dealt.
    ///
    /// # Errors
    /// [`ParticipantFault`].
    pub fn new(
        dealing: &'d Dealing,
        me: PartyId,
        seed: &'d TagSeed,
        deals: Option<Deals<'d>>,
    ) -> Result<Self, ParticipantFault> {
        if !dealing.is_holder(&me) && !dealing.is_dealer(&me) {
            return Err(ParticipantFault::NoParty(me));
        }
        Ok(Self {
            dealing,
            me,
            seed,
            deals,
        })
    }

    /// The message that is waited for from this party; `None` if none is.
    ///
    /// # Errors
    /// [`ParticipantFault`].
    pub fn message(&self, board: &TagBoard) -> Result<Option<TagMessage>, ParticipantFault> {
        let TagProgress::Waiting { round, missing } = board.progress(self.dealing) else {
            return Ok(None);
        };
        if !missing.contains(&self.me) {
            return Ok(None);
        }
        let body = match round {
            TagRound::Join => TagBody::Join(self.join()?),
            TagRound::Deal => TagBody::Deal(self.deal(board)?),
            TagRound::Verdict => TagBody::Verdict(self.verdict(board)?),
        };
        let dealing = self.dealing.digest();
        Ok(Some(TagMessage { dealing, body }))
    }

    /// This party's new share, once all dealers dealt.
    ///
    /// # Errors
    /// [`ParticipantFault`].
    pub fn share(&self, board: &TagBoard) -> Result<TagShare, ParticipantFault> {
        let key = board
            .outcome(self.dealing)
            .ok_or(ParticipantFault::NotDealt)?;
        let expected = key
            .share_of(&self.me)
            .ok_or(ParticipantFault::NoParty(self.me))?;
        // The keys alone: a dealer has erased what it dealt with.
        if board.join_of(&self.me).map(|join| &join.keys) != Some(&self.keys()) {
            return Err(ParticipantFault::OtherSeed);
        }
        let weights = self.dealing.weights().ok_or(ParticipantFault::NotDealt)?;
        let mut sum = Zeroizing::new(Scalar::ZERO);
        for (dealer, weight) in self.dealing.dealers().iter().zip(&weights) {
            let wrong = ParticipantFault::WrongShare(*dealer);
            let plain = board.opened(self.dealing, dealer, &self.me, &self.sealing_key(dealer));
            let plain = plain.ok_or_else(|| wrong.clone())?;
            let bytes: &Bytes = plain.as_slice().try_into().map_err(|_| wrong.clone())?;
            let value = Zeroizing::new(scalar(bytes).ok_or(wrong)?);
            *sum += *value * weight;
        }
        let share = TagShare::of(sum).ok_or(ParticipantFault::Zero)?;
        // Each part fits its commitment, so the sum fits the sum of them.
        if share.public() == expected {
            Ok(share)
        } else {
            Err(ParticipantFault::NotDealt)
        }
    }

    fn join(&self) -> Result<Join, ParticipantFault> {
        let keys = self.keys();
        let commitment = if self.dealing.is_dealer(&self.me) {
            let (_, commitment) = self.polynomial()?;
            Some(commitment.hash(&self.dealing.digest(), &self.me))
        } else {
            None
        };
        Ok(Join { keys, commitment })
    }

    /// A holder's keys for the dealers, in their order.
    fn keys(&self) -> Vec<[u8; 32]> {
        if !self.dealing.is_holder(&self.me) {
            return Vec::new();
        }
        let dealers = self.dealing.dealers().iter();
        dealers
            .map(|dealer| self.sealing_key(dealer).public())
            .collect()
    }

    fn deal(&self, board: &TagBoard) -> Result<Deal, ParticipantFault> {
        self.check_seed(board)?;
        let index = self
            .dealing
            .dealers()
            .iter()
            .position(|dealer| *dealer == self.me);
        let index = index.ok_or(ParticipantFault::NoParty(self.me))?;
        let (polynomial, commitment) = self.polynomial()?;
        let holders = self.dealing.holders().iter();
        let shares = holders.map(|holder| {
            let at = self.dealing.place_of(holder);
            let value = value_at(&polynomial, &at.ok_or(ParticipantFault::NotDealt)?);
            let plain = Zeroizing::new(scalar_bytes(*value));
            let keys = board.join_of(holder).map(|join| &join.keys);
            let to = keys.and_then(|keys| keys.get(index));
            let to = to.ok_or(ParticipantFault::NotDealt)?;
            let context = self.dealing.share_context(&self.me, holder);
            // The key and the context are in it, so one seed never seals two messages.
            let stream = self.dealt("merits/tags/sealing/v1", &[&context, to])?;
            let rng = &mut ChaCha20Rng::from_seed(*stream);
            seal(to, INFO, &context, plain.as_ref(), rng).map_err(|_| ParticipantFault::NotDealt)
        });
        let shares = shares.collect::<Result<_, _>>()?;
        Ok(Deal { commitment, shares })
    }

    fn verdict(&self, board: &TagBoard) -> Result<TagVerdict, ParticipantFault> {
        match self.share(board) {
            Ok(_) => {
                let digest = board.key_digest(self.dealing);
                Ok(TagVerdict::Fits(digest.ok_or(ParticipantFault::NotDealt)?))
            }
            Err(ParticipantFault::WrongShare(dealer)) => Ok(TagVerdict::Complaint {
                dealer,
                secret: *self.sealing_secret(&dealer),
            }),
            Err(fault) => Err(fault),
        }
    }

    /// This dealer's polynomial, the constant term first, and its commitment.
    fn polynomial(&self) -> Result<(Vec<Zeroizing<Scalar>>, Commitment), ParticipantFault> {
        let present = self.deals.and_then(|deals| deals.present);
        let constant = match (self.dealing.constant_of(&self.me), present) {
            (None, _) => self.secret("constant", 0)?,
            (Some(expected), Some(share)) if share.public() == expected => share.value().clone(),
            _ => return Err(ParticipantFault::NoShare),
        };
        let degrees = 1..self.dealing.threshold().needed();
        let others = degrees.map(|degree| self.secret("coefficient", degree));
        let polynomial = std::iter::once(Ok(constant)).chain(others);
        let polynomial = polynomial.collect::<Result<Vec<_>, _>>()?;
        let element = |secret: &Scalar| point_bytes(times_base(secret));
        let coefficients = polynomial.iter().map(|secret| element(secret));
        let coefficients = coefficients.collect::<Option<Vec<_>>>();
        let coefficients = coefficients.ok_or(ParticipantFault::Zero)?;
        let (Some(constant), Some(first)) = (polynomial.first(), coefficients.first()) else {
            return Err(ParticipantFault::Zero);
        };
        let secret = self.secret("nonce", 0)?;
        let nonce = element(&secret).ok_or(ParticipantFault::Zero)?;
        let challenge = knowledge_challenge(&self.dealing.digest(), &self.me, first, &nonce);
        let response = scalar_bytes(*secret + challenge * **constant);
        let commitment = Commitment {
            coefficients,
            nonce,
            response,
        };
        Ok((polynomial, commitment))
    }

    /// That what was published in this party's name came from this seed.
    fn check_seed(&self, board: &TagBoard) -> Result<(), ParticipantFault> {
        if board.join_of(&self.me) == Some(&self.join()?) {
            Ok(())
        } else {
            Err(ParticipantFault::OtherSeed)
        }
    }

    fn sealing_key(&self, dealer: &PartyId) -> SealingKey {
        SealingKey::derive(self.sealing_secret(dealer).as_ref())
    }

    /// What the key for one dealer is derived from.
    fn sealing_secret(&self, dealer: &PartyId) -> TagSeed {
        self.of_seed(self.seed, "merits/tags/sealing-key/v1", &[&dealer.0])
    }

    /// A complaint's secret, without a reason to complain.
    #[cfg(test)]
    pub(super) fn secret_for(&self, dealer: &PartyId) -> [u8; 32] {
        *self.sealing_secret(dealer)
    }

    fn secret(&self, usage: &str, degree: u16) -> Result<Zeroizing<Scalar>, ParticipantFault> {
        let seed = self.dealt("merits/tags/polynomial/v1", &[usage.as_bytes()])?;
        let parts: [&[u8]; 2] = [seed.as_ref(), &degree.to_le_bytes()];
        Ok(derived("merits/tags/scalar/v1", &parts))
    }

    /// A secret of the dealer's.
    fn dealt(&self, domain: &str, parts: &[&[u8]]) -> Result<TagSeed, ParticipantFault> {
        let deals = self.deals.ok_or(ParticipantFault::NoShare)?;
        Ok(self.of_seed(deals.seed, domain, parts))
    }

    fn of_seed(&self, seed: &TagSeed, domain: &str, parts: &[&[u8]]) -> TagSeed {
        let digest = self.dealing.digest();
        let own: [&[u8]; 3] = [seed.as_ref(), &digest, &self.me.0];
        Zeroizing::new(field::digest(domain, &[&own[..], parts].concat()))
    }
}
