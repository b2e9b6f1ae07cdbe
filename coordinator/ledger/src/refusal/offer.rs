//! Why an offer or a redemption of one is refused.

use merits_primitives::{
    calendar::{Day, month_label},
    ids::{EntryId, Expiry},
};
use merits_verifier::{FieldPath, Reason};
use thiserror::Error;

/// An offer is not one, is not open to this redemption, or the credits are past.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OfferRefusal {
    /// A field of the offer is outside its bounds.
    #[error("the offer is not one: {what} {rule}")]
    Invalid {
        /// Which field.
        what: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// No such offer.
    #[error("offer {offer} is unknown")]
    Unknown {
        /// The entry named.
        offer: EntryId,
    },
    /// Only its sponsor closes an offer.
    #[error("offer {offer} is another sponsor's")]
    OfAnother {
        /// The offer.
        offer: EntryId,
    },
    /// Outside the time of the offer, or after it was closed.
    #[error("offer {offer} is not open: not yet, no longer, or closed by its sponsor")]
    NotOpen {
        /// The offer.
        offer: EntryId,
    },
    /// As many redemptions as the quota says.
    #[error("offer {offer} is sold out: its quota is used up")]
    SoldOut {
        /// The offer.
        offer: EntryId,
    },
    /// The exchange is none of those that the offer names.
    #[error("offer {offer} is not redeemed at this exchange")]
    Elsewhere {
        /// The offer.
        offer: EntryId,
    },
    /// The notes' expiry bucket is past by the ledger's time.
    #[error("the credits have expired: they were good until before {}", month_label(expiry.0))]
    CreditsExpired {
        /// The bucket.
        expiry: Expiry,
    },
    /// The daily limit counts by the ledger's day, and the proof by another.
    #[error("the proof counts by the day {found}, and on the ledger it is {today}: prove again")]
    OtherDay {
        /// The ledger's day.
        today: Day,
        /// What came.
        found: Day,
    },
}

impl OfferRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::Invalid { .. } => Reason::OfferInvalid,
            Self::Unknown { .. } => Reason::OfferUnknown,
            Self::OfAnother { .. } => Reason::OfferOfAnother,
            Self::NotOpen { .. } => Reason::OfferNotOpen,
            Self::SoldOut { .. } => Reason::OfferSoldOut,
            Self::Elsewhere { .. } => Reason::OfferElsewhere,
            Self::CreditsExpired { .. } => Reason::CreditsExpired,
            Self::OtherDay { .. } => Reason::OtherDay,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::Invalid { what, .. } => (*what).into(),
            Self::Unknown { .. }
            | Self::OfAnother { .. }
            | Self::NotOpen { .. }
            | Self::SoldOut { .. } => "offer".into(),
            Self::Elsewhere { .. } => "party".into(),
            Self::CreditsExpired { .. } => "expiry".into(),
            Self::OtherDay { .. } => "day".into(),
        }
    }
}
