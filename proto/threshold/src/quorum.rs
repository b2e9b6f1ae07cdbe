//! A half of a key among its holders: each holder's verification share, partials, and how t of them combine.

use std::collections::BTreeSet;

use ark_ff::Zero as _;
use merits_primitives::{
    dleq::{Context, Equality, PROOF_BYTES},
    ids::PartyId,
    jubjub::{Point, Scalar, scalar_to_bytes},
    threshold::{self, Identifier, InterpolationFault},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Threshold;

/// What is public about one holder's share of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The holder.
    pub party: PartyId,
    /// Where the holder has the value of the polynomial.
    pub at: Identifier,
    /// The verification share: the secret share times Base8.
    pub share: Point,
}

/// A key that a quorum holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumKey {
    threshold: Threshold,
    key: Point,
    holders: Vec<Holder>,
}

/// Why these are not a quorum's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuorumFault {
    /// Another number of holders than the threshold says.
    #[error("{found} verification shares are there, and the quorum is {threshold}")]
    Count {
        /// How many there are.
        found: usize,
        /// The threshold.
        threshold: Threshold,
    },
    /// One party or one identifier twice.
    #[error("party {0} is there twice, or two holders have one identifier")]
    Twice(PartyId),
    /// The shares are not of this key and threshold.
    #[error(
        "the verification shares do not belong to the key: {0} of them do not always combine to it"
    )]
    Strange(u16),
}

impl QuorumKey {
    /// A key and its verification shares, which must be values of one polynomial of degree t − 1.
    ///
    /// # Errors
    /// [`QuorumFault`].
    pub fn new(
        threshold: Threshold,
        key: Point,
        holders: Vec<Holder>,
    ) -> Result<Self, QuorumFault> {
        let found = holders.len();
        if found != usize::from(threshold.holders()) {
            return Err(QuorumFault::Count { found, threshold });
        }
        let (mut parties, mut places) = (BTreeSet::new(), BTreeSet::new());
        for Holder { party, at, .. } in &holders {
            if !parties.insert(*party) || !places.insert(scalar_to_bytes(&at.value())) {
                return Err(QuorumFault::Twice(*party));
            }
        }
        let values: Vec<(Identifier, Point)> = holders
            .iter()
            .map(|holder| (holder.at, holder.share))
            .collect();
        let needed = threshold.needed();
        if !threshold::belong_to(&values, needed.into(), &key) {
            return Err(QuorumFault::Strange(needed));
        }
        Ok(Self {
            threshold,
            key,
            holders,
        })
    }

    /// A key whose shares are values of one polynomial by construction, and whose holders differ.
    pub(crate) fn of_polynomial(threshold: Threshold, key: Point, holders: Vec<Holder>) -> Self {
        Self {
            threshold,
            key,
            holders,
        }
    }

    /// The key of one holder, who has all of it.
    pub fn sole(party: PartyId, key: Point) -> Self {
        let at = Identifier::new(Scalar::from(1u64)).expect("1 is not zero");
        let share = key;
        Self {
            threshold: Threshold::SOLE,
            key,
            holders: vec![Holder { party, at, share }],
        }
    }

    /// How many of how many.
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// The key.
    pub fn key(&self) -> Point {
        self.key
    }

    /// The holders, in the order of the ceremony.
    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }

    /// What is public about a party's share; `None` if it holds none.
    pub fn holder(&self, party: &PartyId) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.party == *party)
    }

    /// Checks one partial against its holder's verification share.
    ///
    /// # Errors
    /// [`PartialFault`] names the holder.
    pub fn check(
        &self,
        base: &Point,
        partial: &Partial,
        context: &Context,
    ) -> Result<Identifier, PartialFault> {
        let party = partial.holder;
        let holder = self.holder(&party).ok_or(PartialFault::Stranger(party))?;
        partial
            .proof
            .verify(&holder.share, base, &partial.image, context)
            .map_err(|_| PartialFault::Wrong(party))?;
        Ok(holder.at)
    }

    /// secret · base, from the partials of at least t holders. Every partial is checked once, in the context that
    /// `context` gives for its holder. A wrong one is named and left out, so a holder that lies stops nothing
    /// as long as t others answer. Of more than t right ones, the first t are used.
    ///
    /// # Errors
    /// [`CombineFault`], which names the wrong ones too.
    pub fn combine(
        &self,
        base: &Point,
        partials: &[Partial],
        context: impl Fn(&PartyId) -> Context,
    ) -> Result<Combined, CombineFault> {
        let mut right: Vec<(Identifier, Partial)> = Vec::with_capacity(partials.len());
        let mut wrong = Vec::new();
        for partial in partials {
            match self.check(base, partial, &context(&partial.holder)) {
                // One holder's answer twice is one answer.
                Ok(at) if right.iter().any(|(there, _)| *there == at) => {}
                Ok(at) => right.push((at, *partial)),
                Err(fault) => wrong.push(fault),
            }
        }
        let needed = usize::from(self.threshold.needed());
        let Some(chosen) = right.get(..needed) else {
            return Err(CombineFault::TooFew {
                needed: self.threshold.needed(),
                right: right.len(),
                wrong,
            });
        };
        let (values, used): (Vec<_>, Vec<Partial>) = chosen
            .iter()
            .map(|(at, partial)| ((*at, partial.image), *partial))
            .unzip();
        Ok(Combined {
            image: threshold::combine(&values)?,
            used,
            wrong,
        })
    }
}

/// What one holder answers: its share times a point, with a proof that its share was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// The holder.
    pub holder: PartyId,
    /// share · base.
    pub image: Point,
    /// That image and verification share have one discrete logarithm.
    pub proof: Equality,
}

impl Canonical for Partial {
    const NAME: &'static str = "partial";

    fn write(&self, out: &mut Writer) {
        out.array(&self.holder.0);
        out.point(&self.image);
        out.array(&self.proof.to_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let holder = PartyId(input.array("holder of a partial")?);
        let image = input.point(Self::NAME)?;
        let what = "partial's proof";
        let bytes: [u8; PROOF_BYTES] = input.array(what)?;
        let proof = Equality::from_bytes(&bytes).map_err(|_| CodecError::NotCanonical { what })?;
        Ok(Self {
            holder,
            image,
            proof,
        })
    }
}

/// What t partials give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combined {
    /// secret · base.
    pub image: Point,
    /// The partials that it was made of: the first t right ones, in the order of the answers.
    pub used: Vec<Partial>,
    /// Whose answers were wrong.
    pub wrong: Vec<PartialFault>,
}

/// A partial that is refused, with its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PartialFault {
    /// Not a holder.
    #[error("party {0} holds no share of this key")]
    Stranger(PartyId),
    /// Not made with the share, or for another request.
    #[error(
        "the partial of {0} is not made with its share for this request: this holder is at fault"
    )]
    Wrong(PartyId),
}

/// Why partials open nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CombineFault {
    /// Fewer right ones than the threshold.
    #[error(
        "{right} right partials are there, and {needed} are needed{}",
        named(.wrong)
    )]
    TooFew {
        /// The threshold.
        needed: u16,
        /// How many are right.
        right: usize,
        /// The wrong ones.
        wrong: Vec<PartialFault>,
    },
    /// The base is the identity times something, which checked points exclude.
    #[error(transparent)]
    Interpolation(#[from] InterpolationFault),
}

fn named(wrong: &[PartialFault]) -> String {
    wrong.iter().map(|fault| format!("; {fault}")).collect()
}

/// A holder's secret share of one key. Zeroized when dropped.
pub struct SecretShare {
    holder: PartyId,
    value: Zeroizing<Scalar>,
}

impl std::fmt::Debug for SecretShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretShare({}, ..)", self.holder)
    }
}

impl SecretShare {
    /// The share with this value; `None` for zero, with which no partial can be proven.
    pub fn new(holder: PartyId, value: Zeroizing<Scalar>) -> Option<Self> {
        (!value.is_zero()).then_some(Self { holder, value })
    }

    /// The holder.
    pub fn holder(&self) -> PartyId {
        self.holder
    }

    /// The value, for the file of the share.
    pub fn value(&self) -> &Zeroizing<Scalar> {
        &self.value
    }

    /// The verification share.
    pub fn public(&self) -> Point {
        Point::mul_base(&self.value).expect("a share is not zero")
    }

    /// Whether the key has this share.
    pub fn belongs_to(&self, key: &QuorumKey) -> bool {
        key.holder(&self.holder)
            .is_some_and(|holder| holder.share == self.public())
    }

    /// share · base, with its proof in `context`.
    pub fn partial(
        &self,
        base: &Point,
        context: &Context,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Partial {
        // None for a secret of zero only.
        let (image, proof) =
            Equality::prove(&self.value, base, context, rng).expect("a share is not zero");
        Partial {
            holder: self.holder,
            image,
            proof,
        }
    }
}
