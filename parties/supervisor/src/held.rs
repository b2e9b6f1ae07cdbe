//! A share that a holder answers with: the whole half of one holder, or a share of a quorum's half.

use merits_primitives::{
    dleq::{Context, Equality},
    ids::{Epoch, Origin, PartyId},
    jubjub::Point,
};
use merits_threshold::quorum::Partial;
use rand_core::CryptoRng;

use crate::{dkg::share_file::QuorumShare, side::Side, view::QuorumHalf, view_key::ViewKeyShare};

/// A share of an epoch's keys.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a holder has a few, one for each epoch"
)]
pub enum HeldShare {
    /// The whole half.
    Sole(ViewKeyShare),
    /// One of n.
    Quorum(QuorumShare),
}

impl From<ViewKeyShare> for HeldShare {
    fn from(share: ViewKeyShare) -> Self {
        Self::Sole(share)
    }
}

impl From<QuorumShare> for HeldShare {
    fn from(share: QuorumShare) -> Self {
        Self::Quorum(share)
    }
}

impl HeldShare {
    /// The log.
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Sole(share) => share.origin(),
            Self::Quorum(share) => share.origin(),
        }
    }

    /// The epoch.
    pub fn epoch(&self) -> Epoch {
        match self {
            Self::Sole(share) => share.epoch(),
            Self::Quorum(share) => share.epoch(),
        }
    }

    /// On which side.
    pub fn side(&self) -> Side {
        match self {
            Self::Sole(share) => share.side(),
            Self::Quorum(share) => share.about().side,
        }
    }

    /// Whether the log published exactly this share for this holder.
    pub fn belongs_to(&self, holder: PartyId, half: &QuorumHalf) -> bool {
        match self {
            Self::Sole(share) => half.is_sole() && half.has(&holder) && share.matches(half),
            Self::Quorum(share) => {
                share.holder() == holder
                    && share.claim().belongs_to(&half.claim)
                    && share.total().belongs_to(&half.total)
            }
        }
    }

    /// share·E for one claim, with its proof in `context`.
    pub fn claim_partial(
        &self,
        ephemeral: &Point,
        context: &Context,
        rng: &mut impl CryptoRng,
    ) -> (Point, Equality) {
        match self {
            Self::Sole(share) => share.claim_partial(ephemeral, context, rng),
            Self::Quorum(share) => parts(share.claim().partial(ephemeral, context, rng)),
        }
    }

    /// share·ΣT1 for a total, with its proof in `context`.
    pub fn total_partial(
        &self,
        sum: &Point,
        context: &Context,
        rng: &mut impl CryptoRng,
    ) -> (Point, Equality) {
        match self {
            Self::Sole(share) => share.total_partial(sum, context, rng),
            Self::Quorum(share) => parts(share.total().partial(sum, context, rng)),
        }
    }
}

fn parts(partial: Partial) -> (Point, Equality) {
    (partial.image, partial.proof)
}
