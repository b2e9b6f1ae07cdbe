//! Refusals as errors of the wire.

use merits_ledger::{
    AlertRefusal, BoardRefusal, IdentityRefusal, OfferRefusal, OpeningRefusal, Refusal,
    ScaleRefusal, TicketRefusal,
};
use merits_proto::Fault;
use tonic::Code;

/// A refusal as an error of the wire.
pub(crate) fn fault(refusal: &Refusal) -> Fault {
    Fault::new(
        status(refusal),
        refusal.code(),
        refusal.field(),
        refusal.to_string(),
    )
}

fn status(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::AlreadyUsed { .. }
        | Refusal::Identity(
            IdentityRefusal::PersonKnown
            | IdentityRefusal::CommitmentKnown
            | IdentityRefusal::EvaluatorStands,
        )
        | Refusal::Ticket(TicketRefusal::TermsKnown) => Code::AlreadyExists,
        Refusal::PartyUnknown { .. }
        | Refusal::PartySuspended { .. }
        | Refusal::PartyEnded { .. }
        | Refusal::RoleMissing { .. }
        | Refusal::Board(
            BoardRefusal::NotAFounder { .. }
            | BoardRefusal::FounderRoles { .. }
            | BoardRefusal::NoVoice { .. }
            | BoardRefusal::EmergencyProtected { .. },
        )
        | Refusal::Scale(ScaleRefusal::OfAnother { .. })
        | Refusal::Identity(IdentityRefusal::NotTheEvaluator { .. })
        | Refusal::Ticket(TicketRefusal::OfAnother { .. })
        | Refusal::Offer(OfferRefusal::OfAnother { .. } | OfferRefusal::Elsewhere { .. })
        | Refusal::Alert(AlertRefusal::AboutItself { .. })
        | Refusal::Opening(OpeningRefusal::OfAnother { .. }) => Code::PermissionDenied,
        Refusal::SignatureInvalid { .. } | Refusal::KeyRotated { .. } => Code::Unauthenticated,
        // What the board may do later, or could do before.
        Refusal::Board(
            BoardRefusal::Unknown { .. }
            | BoardRefusal::Enacted { .. }
            | BoardRefusal::Over { .. }
            | BoardRefusal::PolicyMoved { .. }
            | BoardRefusal::TooMany { .. }
            | BoardRefusal::NotAlone { .. }
            | BoardRefusal::TooFewEndorsements { .. }
            | BoardRefusal::TooFewConsents { .. }
            | BoardRefusal::TooEarly { .. }
            | BoardRefusal::Objected { .. }
            | BoardRefusal::VoiceStanding { .. }
            | BoardRefusal::VoiceMissing { .. }
            | BoardRefusal::EmergencyAgain { .. },
        )
        | Refusal::NotFounded { .. }
        | Refusal::KeyInGrace { .. }
        | Refusal::EpochUnknown { .. }
        | Refusal::EpochNotAccepted { .. }
        | Refusal::Scale(
            ScaleRefusal::Unknown { .. }
            | ScaleRefusal::NotApproved { .. }
            | ScaleRefusal::Retired { .. }
            | ScaleRefusal::NotYetValid { .. }
            | ScaleRefusal::SupplyExhausted { .. },
        )
        | Refusal::SourceUnknown { .. }
        | Refusal::StatementKeyMissing { .. }
        | Refusal::Identity(
            IdentityRefusal::EvaluationUnfit
            | IdentityRefusal::EvaluationIncomplete { .. }
            | IdentityRefusal::Unknown
            | IdentityRefusal::GroupRootUnknown,
        )
        | Refusal::Ticket(
            TicketRefusal::TermsUnknown
            | TicketRefusal::TooEarly { .. }
            | TicketRefusal::Reserved { .. }
            | TicketRefusal::Missing { .. }
            | TicketRefusal::Lapsed { .. }
            | TicketRefusal::ConsentWithdrawn { .. },
        )
        | Refusal::Offer(
            OfferRefusal::Unknown { .. }
            | OfferRefusal::NotOpen { .. }
            | OfferRefusal::SoldOut { .. }
            | OfferRefusal::CreditsExpired { .. }
            | OfferRefusal::OtherDay { .. },
        )
        | Refusal::NoteRootUnknown
        | Refusal::NoteTreeFull
        | Refusal::BlobQuota { .. }
        | Refusal::Alert(
            AlertRefusal::Unknown { .. }
            | AlertRefusal::Acknowledged { .. }
            | AlertRefusal::Quota { .. },
        )
        | Refusal::NotVerified => Code::FailedPrecondition,
        _ => Code::InvalidArgument,
    }
}
