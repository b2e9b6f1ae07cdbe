//! Why terms, a ticket, a withdrawal or a claim's ticket is refused.

use merits_primitives::{calendar::Timestamp, ids::PartyId};
use merits_verifier::{FieldPath, Reason, fields};
use thiserror::Error;

use super::code::of_claim;

/// A person's consent is missing, is for something else, or was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TicketRefusal {
    /// A document of terms can be published only once.
    #[error(
        "this document was published before: use it unchanged, or change it and publish it as a new one"
    )]
    TermsKnown,
    /// A ticket under terms that the distributor did not publish for its scale.
    #[error("the distributor published no such terms for this scale")]
    TermsUnknown,
    /// A ticket for a period that is too far ahead.
    #[error("the period {period} begins more than 31 days from now: deposit the ticket later")]
    TooEarly {
        /// The period's label.
        period: String,
    },
    /// The nullifier is reserved, by an open ticket, for a while.
    #[error(
        "this person's claim of the period is reserved for distributor {distributor} until {until}: the person withdraws there first, or waits"
    )]
    Reserved {
        /// The distributor that it is reserved for.
        distributor: PartyId,
        /// Until when.
        until: Timestamp,
    },
    /// Nobody can claim for a person who withdrew.
    #[error(
        "the person withdrew this consent: the records must be deleted, and the claim cannot be made here"
    )]
    ConsentWithdrawn {
        /// Index of the claim, of a batch.
        claim: Option<usize>,
    },
    /// A claim without an open ticket, on a ledger with tickets.
    #[error(
        "claim {claim}: it has no deposited ticket: the ticket was never deposited, or was already claimed with"
    )]
    Missing {
        /// Index of the claim.
        claim: usize,
    },
    /// A claim with a ticket on a ledger in custody.
    #[error("claim {claim}: this ledger keeps accounts in custody and does not use tickets")]
    Unexpected {
        /// Index of the claim.
        claim: usize,
    },
    /// The ticket names another distributor.
    #[error("claim {claim}: the ticket was given to another distributor")]
    OfAnother {
        /// Index of the claim.
        claim: usize,
    },
    /// The ticket was not claimed with in time.
    #[error("claim {claim}: the ticket's reservation ended at {until}: ask the person for another")]
    Lapsed {
        /// Index of the claim.
        claim: usize,
        /// Until when.
        until: Timestamp,
    },
    /// The ticket is for another scale, version, source, period or expiry than the claim.
    #[error("claim {claim}: the ticket is for another {what}")]
    Other {
        /// Index of the claim.
        claim: usize,
        /// What differs.
        what: &'static str,
    },
    /// The claim's b is not the ticket's: the records belong to another person.
    #[error("claim {claim}: the ticket is bound to another person's records (its b differs)")]
    OtherRecords {
        /// Index of the claim.
        claim: usize,
    },
    /// Two claims of a batch have the same ticket.
    #[error("claim {claim}: an earlier claim of the batch has the same ticket")]
    Twice {
        /// Index of the claim.
        claim: usize,
    },
}

impl TicketRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::TermsKnown => Reason::TermsKnown,
            Self::TermsUnknown => Reason::TermsUnknown,
            Self::TooEarly { .. } => Reason::TicketTooEarly,
            Self::Reserved { .. } => Reason::TicketReserved,
            Self::ConsentWithdrawn { .. } => Reason::ConsentWithdrawn,
            Self::Missing { .. } => Reason::TicketMissing,
            Self::Unexpected { .. } => Reason::TicketUnexpected,
            Self::OfAnother { .. } => Reason::TicketOfAnother,
            Self::Lapsed { .. } => Reason::TicketLapsed,
            Self::Other { .. } => Reason::TicketOther,
            Self::OtherRecords { .. } => Reason::TicketOtherRecords,
            Self::Twice { .. } => Reason::TicketTwice,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::TermsKnown => fields::TEXT.into(),
            Self::TermsUnknown => fields::TERMS.into(),
            Self::TooEarly { .. } => fields::PERIOD.into(),
            Self::Reserved { .. } => fields::NULLIFIER.into(),
            Self::ConsentWithdrawn { claim: None } => fields::MESSAGE.into(),
            Self::OtherRecords { claim } => of_claim(*claim, fields::B),
            Self::ConsentWithdrawn { claim: Some(claim) }
            | Self::Missing { claim }
            | Self::Unexpected { claim }
            | Self::OfAnother { claim }
            | Self::Lapsed { claim, .. }
            | Self::Other { claim, .. }
            | Self::Twice { claim } => of_claim(*claim, fields::TICKET),
        }
    }
}
