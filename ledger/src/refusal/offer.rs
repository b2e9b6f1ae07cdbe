//! Why an offer or a redemption of one is refused.

use merits_primitives::{
    calendar::{Day, month_label},
    ids::{EntryId, Expiry},
};
use merits_verifier::{FieldName, FieldPath, Reason, fields};
use thiserror::Error;

/// An offer is invalid or is not open to this redemption, or the credits have expired.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OfferRefusal {
    /// A field of the offer is outside its bounds.
    #[error("the offer is invalid: {what} {rule}")]
    Invalid {
        /// The field.
        what: FieldName,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// No such offer.
    #[error("offer {offer} is unknown")]
    Unknown {
        /// The entry named.
        offer: EntryId,
    },
    /// Only its sponsor closes an offer.
    #[error("offer {offer} belongs to another sponsor")]
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
    /// The quota of redemptions is used up.
    #[error("offer {offer} is sold out: its quota is used up")]
    SoldOut {
        /// The offer.
        offer: EntryId,
    },
    /// The offer does not name this exchange.
    #[error("offer {offer} cannot be redeemed at this exchange")]
    Elsewhere {
        /// The offer.
        offer: EntryId,
    },
    /// The notes' expiry bucket is over by the ledger's time.
    #[error("the credits have expired: they were valid until the beginning of {}", month_label(expiry.0))]
    CreditsExpired {
        /// The bucket.
        expiry: Expiry,
    },
    /// The daily limit counts by the ledger's day, but the proof used another day.
    #[error("the proof is for the day {found}, but the ledger's day is {today}: prove again")]
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
            Self::Invalid { what, .. } => what.clone().into(),
            Self::Unknown { .. }
            | Self::OfAnother { .. }
            | Self::NotOpen { .. }
            | Self::SoldOut { .. } => fields::OFFER.into(),
            Self::Elsewhere { .. } => fields::PARTY.into(),
            Self::CreditsExpired { .. } => fields::EXPIRY.into(),
            Self::OtherDay { .. } => fields::DAY.into(),
        }
    }
}
