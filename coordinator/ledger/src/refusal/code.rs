//! Codes for machines and the field at fault.

use merits_primitives::{figures::FiguresError, jubjub::PointError};
use merits_verifier::{groth16::KeyError, statement::StatementError};

use super::Refusal;
use crate::store::UniqueSet;

impl Refusal {
    /// The machine-readable reason. Stable: clients act on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::Malformed(_) => "malformed",
            Self::BadPoint { fault, .. } => match fault {
                PointError::NotCanonical => "point-not-canonical",
                PointError::NotOnCurve => "point-not-on-curve",
                PointError::OutsideSubgroup => "point-outside-subgroup",
                PointError::Identity => "point-identity",
            },
            Self::OtherOrigin { .. } => "other-origin",
            Self::UnknownKind { .. } => "kind-unknown",
            Self::ProofUnexpected { .. } => "proof-unexpected",
            Self::SignatureUnexpected { .. } => "signature-unexpected",
            Self::TimeBackwards { .. } => "time-backwards",
            Self::NotFounded { .. } => "not-founded",
            Self::PartyUnknown { .. } => "party-unknown",
            Self::PartySuspended { .. } => "party-suspended",
            Self::SignatureInvalid { .. } => "signature-invalid",
            Self::KeyRotated { .. } => "key-rotated",
            Self::RoleMissing { .. } => "role-missing",
            Self::RolesEmpty => "roles-empty",
            Self::RoleConflict { .. } => "role-conflict",
            Self::PartyExists { .. } => "party-exists",
            Self::NameTaken { .. } => "name-taken",
            Self::KeyTaken => "key-taken",
            Self::PossessionInvalid { .. } => "possession-invalid",
            Self::OutOfSequence { .. } => "out-of-sequence",
            Self::StandingUnchanged { .. } => "standing-unchanged",
            Self::LastSupervisor { .. } => "last-supervisor",
            Self::ViewKeyIdentity { .. } => "view-key-identity",
            Self::ViewKeysEqual => "view-keys-equal",
            Self::OneHolder => "one-holder",
            Self::EpochTimes { .. } => "epoch-times",
            Self::EpochUnknown { .. } => "epoch-unknown",
            Self::EpochNotAccepted { .. } => "epoch-not-accepted",
            Self::ScaleUnknown { .. } | Self::ScaleIdUnknown { .. } => "scale-unknown",
            Self::ScaleNotApproved { .. } => "scale-not-approved",
            Self::ScaleRetired { .. } => "scale-retired",
            Self::ScaleNotYetValid { .. } => "scale-not-yet-valid",
            Self::ScaleSuperseded { .. } => "scale-superseded",
            Self::ScaleStanding { .. } => "scale-standing",
            Self::ProposalMismatch { .. } => "proposal-mismatch",
            Self::ScaleOfAnother { .. } => "scale-of-another",
            Self::AssetMismatch { .. } => "asset-mismatch",
            Self::VersionDiffers { .. } => "version-differs",
            Self::ScaleInvalid { .. } => "scale-invalid",
            Self::VersionRetroactive { .. } => "version-retroactive",
            Self::Figures(error) => match error {
                FiguresError::Outside { .. } => "constant-outside-interval",
                FiguresError::TwoChanges { .. } => "two-changes-in-a-period",
                _ => "figures-invalid",
            },
            Self::Key(error) => match error {
                KeyError::DevKey => "dev-key",
                KeyError::DeltaIsGenerator => "key-delta-generator",
                KeyError::DeltaIsGamma => "key-delta-gamma",
                KeyError::BetaIs { .. } => "key-beta-related",
                KeyError::InputsAlike { .. } => "key-inputs-alike",
                _ => "key-invalid",
            },
            Self::KeyInputs { .. } => "key-inputs",
            Self::OtherTerms { what, .. } => match *what {
                "asset" => "other-asset",
                "expiry" => "other-expiry",
                _ => "other-schema",
            },
            Self::OtherPeriod { .. } => "other-period",
            Self::ConstantNotApproved { .. } => "constant-not-approved",
            Self::ConstantCount { .. } => "constant-count",
            Self::MeasureUnfit { measured: true } => "measure-missing",
            Self::MeasureUnfit { measured: false } => "measure-unexpected",
            Self::PeriodNotOver { .. } => "period-not-over",
            Self::SourceUnknown { .. } => "source-unknown",
            Self::SourceSignature { .. } => "source-signature-invalid",
            Self::ProofFormat(_) => "proof-malformed",
            Self::Statement(error) => match error {
                StatementError::ClaimCount { .. } => "claim-count",
                StatementError::EphemeralTrivial { .. } => "ephemeral-trivial",
                StatementError::EphemeralNotOnCurve { .. } => "ephemeral-not-on-curve",
                StatementError::ClaimAsTotal { .. } => "claim-as-total",
                StatementError::TotalsShareKey => "totals-share-key",
                StatementError::Duplicate { .. } => "duplicate-in-batch",
                StatementError::SameNoteTwice => "same-note-twice",
                StatementError::RateLimit { .. } => "rate-limit-range",
                StatementError::EmptyNote => "note-empty",
                StatementError::RedeemEphemeral => "ephemeral-invalid",
                _ => "statement-invalid",
            },
            Self::ProofInvalid => "proof-invalid",
            Self::NotVerified => "not-verified",
            Self::SupplyExhausted { .. } => "supply-exhausted",
            Self::AlreadyUsed { set, .. } => match set {
                UniqueSet::Entry => "entry-used",
                UniqueSet::Commitment => "commitment-used",
                UniqueSet::Note => "note-used",
                UniqueSet::Nullifier => "nullifier-used",
                UniqueSet::Spend => "spent",
                UniqueSet::Rate => "rate-limit",
            },
            Self::StatementKeyMissing { .. } => "statement-key-missing",
            Self::EvaluatorStands => "evaluator-stands",
            Self::NotTheEvaluator { .. } => "not-the-evaluator",
            Self::EvaluationNumber { .. } => "evaluation-number",
            Self::EvaluationUnfit => "evaluation-unfit",
            Self::CommitmentKnown => "commitment-known",
            Self::PersonKnown => "person-known",
            Self::EligibleTooEarly { .. } => "eligible-too-early",
            Self::GenerationsUsedUp => "generations-used-up",
            Self::IdentityUnknown => "identity-unknown",
            Self::GroupRootUnknown => "group-root-unknown",
            Self::TermsKnown => "terms-known",
            Self::TermsUnknown => "terms-unknown",
            Self::TicketTooEarly { .. } => "ticket-too-early",
            Self::TicketReserved { .. } => "ticket-reserved",
            Self::ConsentWithdrawn { .. } => "consent-withdrawn",
            Self::TicketMissing { .. } => "ticket-missing",
            Self::TicketUnexpected { .. } => "ticket-unexpected",
            Self::TicketOfAnother { .. } => "ticket-of-another",
            Self::TicketLapsed { .. } => "ticket-lapsed",
            Self::TicketOther { .. } => "ticket-other",
            Self::TicketOtherRecords { .. } => "ticket-other-records",
            Self::TicketTwice { .. } => "ticket-twice",
            Self::OfferInvalid { .. } => "offer-invalid",
            Self::OfferUnknown { .. } => "offer-unknown",
            Self::OfferOfAnother { .. } => "offer-of-another",
            Self::OfferNotOpen { .. } => "offer-not-open",
            Self::OfferSoldOut { .. } => "offer-sold-out",
            Self::OfferElsewhere { .. } => "offer-elsewhere",
            Self::CreditsExpired { .. } => "credits-expired",
            Self::OtherDay { .. } => "other-day",
            Self::NoteRootUnknown => "note-root-unknown",
            Self::NoteTreeFull => "note-tree-full",
            Self::RequestUnknown { .. } => "request-unknown",
            Self::RequestOfAnother { .. } => "request-of-another",
            Self::RequestStanding { .. } => "request-standing",
            Self::Deadline { .. } => "deadline",
            Self::RevealMismatch { .. } => "reveal-mismatch",
            Self::TotalSet { .. } => "total-set",
            Self::TotalCut { .. } => "total-cut",
            Self::TotalTooFew { .. } => "total-too-few",
            Self::TotalTooLarge { .. } => "total-too-large",
            Self::TotalDegenerate => "total-degenerate",
            Self::PartialInvalid { .. } => "partial-invalid",
            Self::SumWrong { .. } => "sum-wrong",
        }
    }

    /// The field at fault, such as `claims[3].c`; empty when no single one is.
    pub fn field(&self) -> String {
        let claim = |index: &usize, field: &str| format!("claims[{index}].{field}");
        match self {
            Self::Malformed(error) => error.field().to_owned(),
            Self::BadPoint { what, .. }
            | Self::OutOfSequence { what, .. }
            | Self::PossessionInvalid { what }
            | Self::VersionDiffers { what, .. }
            | Self::OtherTerms { what, .. } => (*what).to_owned(),
            Self::OtherOrigin { .. } => "origin".to_owned(),
            Self::UnknownKind { .. } => "kind".to_owned(),
            Self::PartyUnknown { .. } | Self::PartySuspended { .. } => "party".to_owned(),
            Self::SignatureInvalid { .. }
            | Self::SignatureUnexpected { .. }
            | Self::KeyRotated { .. } => "signature".to_owned(),
            Self::RolesEmpty | Self::RoleConflict { .. } => "roles".to_owned(),
            Self::EpochUnknown { .. } | Self::EpochNotAccepted { .. } => "epoch".to_owned(),
            Self::ScaleUnknown { .. }
            | Self::ScaleIdUnknown { .. }
            | Self::ScaleNotApproved { .. } => "scale".to_owned(),
            Self::ScaleSuperseded { .. } => "version".to_owned(),
            Self::ScaleOfAnother { .. } => "id".to_owned(),
            Self::AssetMismatch { .. } => "asset".to_owned(),
            Self::Figures(error) => figures_field(error),
            Self::ConstantNotApproved { name, .. } => format!("constants.{name}"),
            Self::MeasureUnfit { .. } => "measure".to_owned(),
            Self::OtherPeriod { .. }
            | Self::PeriodNotOver { .. }
            | Self::ScaleRetired { .. }
            | Self::ScaleNotYetValid { .. } => "period".to_owned(),
            Self::Key(_) | Self::KeyInputs { .. } => "key".to_owned(),
            Self::SourceUnknown { .. } => "source".to_owned(),
            Self::SourceSignature { claim: index } => claim(index, "source_signature"),
            Self::ProofFormat(_) | Self::ProofInvalid | Self::ProofUnexpected { .. } => {
                "proof".to_owned()
            }
            Self::Statement(
                StatementError::EphemeralTrivial { claim: index, .. }
                | StatementError::EphemeralNotOnCurve { claim: index }
                | StatementError::ClaimAsTotal { claim: index },
            ) => claim(index, "ey"),
            Self::Statement(StatementError::TotalsShareKey) => "measure.m1".to_owned(),
            Self::Statement(StatementError::SameNoteTwice) => "sn2".to_owned(),
            Self::Statement(StatementError::EmptyNote) => "cm_out".to_owned(),
            Self::Statement(StatementError::RedeemEphemeral) => "ey".to_owned(),
            Self::Statement(StatementError::Duplicate { second, .. }) => {
                format!("claims[{second}]")
            }
            Self::AlreadyUsed {
                set: UniqueSet::Commitment,
                claim: Some(index),
            } => claim(index, "c"),
            Self::AlreadyUsed {
                set: UniqueSet::Note,
                claim: Some(index),
            } => claim(index, "cm"),
            Self::AlreadyUsed { set, .. } => match set {
                UniqueSet::Note => "cm_out".to_owned(),
                UniqueSet::Nullifier => "nullifier".to_owned(),
                UniqueSet::Spend => "spending".to_owned(),
                UniqueSet::Rate => "rn".to_owned(),
                UniqueSet::Entry | UniqueSet::Commitment => String::new(),
            },
            Self::NotTheEvaluator { .. } => "party".to_owned(),
            Self::EvaluationNumber { .. } => "number".to_owned(),
            Self::EvaluationUnfit => "evaluation".to_owned(),
            Self::CommitmentKnown => "commitment".to_owned(),
            Self::PersonKnown => "tag".to_owned(),
            Self::EligibleTooEarly { .. } => "from".to_owned(),
            Self::GenerationsUsedUp => "generation".to_owned(),
            Self::IdentityUnknown => "commitment".to_owned(),
            Self::GroupRootUnknown => "root".to_owned(),
            Self::TermsKnown => "text".to_owned(),
            Self::TermsUnknown => "terms".to_owned(),
            Self::TicketTooEarly { .. } => "period".to_owned(),
            Self::TicketReserved { .. } => "nullifier".to_owned(),
            Self::ConsentWithdrawn { claim: Some(index) } => claim(index, "ticket"),
            Self::ConsentWithdrawn { claim: None } => "message".to_owned(),
            Self::TicketMissing { claim: index, .. } => claim(index, "ticket"),
            Self::TicketUnexpected { claim: index, .. } => claim(index, "ticket"),
            Self::TicketOfAnother { claim: index, .. } => claim(index, "ticket"),
            Self::TicketLapsed { claim: index, .. } => claim(index, "ticket"),
            Self::TicketOther { claim: index, .. } => claim(index, "ticket"),
            Self::TicketOtherRecords { claim: index, .. } => claim(index, "b"),
            Self::TicketTwice { claim: index, .. } => claim(index, "ticket"),
            Self::OfferInvalid { what, .. } => (*what).to_owned(),
            Self::OfferUnknown { .. } => "offer".to_owned(),
            Self::OfferOfAnother { .. } => "offer".to_owned(),
            Self::OfferNotOpen { .. } => "offer".to_owned(),
            Self::OfferSoldOut { .. } => "offer".to_owned(),
            Self::OfferElsewhere { .. } => "party".to_owned(),
            Self::CreditsExpired { .. } => "expiry".to_owned(),
            Self::OtherDay { .. } => "day".to_owned(),
            Self::NoteRootUnknown => "note_root".to_owned(),
            Self::TotalSet { position } => format!("entries[{position}]"),
            Self::TotalCut { .. } => "entries".to_owned(),
            Self::PartialInvalid { side } => (*side).to_owned(),
            Self::SumWrong { .. } => "sum".to_owned(),
            Self::Deadline { .. } => "deadline".to_owned(),
            _ => String::new(),
        }
    }
}

/// `figures.fare` or `schedules[1]`; `figures` when neither is at fault alone.
fn figures_field(error: &FiguresError) -> String {
    match error {
        FiguresError::NameTwice { name }
        | FiguresError::Exponent { name, .. }
        | FiguresError::Outside { name, .. }
        | FiguresError::NoSchedule { name, .. }
        | FiguresError::Values { name, .. } => format!("figures.{name}"),
        FiguresError::Name { index } => format!("figures[{index}]"),
        FiguresError::ScheduleUnused { schedule }
        | FiguresError::Days { schedule }
        | FiguresError::TwoChanges { schedule, .. } => format!("schedules[{schedule}]"),
        _ => "figures".to_owned(),
    }
}
