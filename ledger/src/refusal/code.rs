//! The reason and the field at fault of each refusal.

use merits_primitives::{figures::FiguresError, jubjub::PointError};
use merits_verifier::{
    FieldName, FieldPath, Reason, fields, groth16::KeyError, proof::ProofDecodeError,
    statement::StatementError,
};

use super::{ProvenTerm, Refusal};
use crate::store::UniqueSet;

impl Refusal {
    /// The reason, for programs.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "errors of the crates below can get further variants"
    )]
    pub fn code(&self) -> Reason {
        match self {
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::Malformed(_) => Reason::Malformed,
            Self::BadPoint { fault, .. } => match fault {
                PointError::NotCanonical => Reason::PointNotCanonical,
                PointError::NotOnCurve => Reason::PointNotOnCurve,
                PointError::OutsideSubgroup => Reason::PointOutsideSubgroup,
                PointError::Identity => Reason::PointIdentity,
            },
            Self::OtherOrigin { .. } => Reason::OtherOrigin,
            Self::UnknownKind { .. } => Reason::KindUnknown,
            Self::ProofUnexpected { .. } => Reason::ProofUnexpected,
            Self::BlobMissing { .. } => Reason::BlobMissing,
            Self::BlobUnexpected { .. } => Reason::BlobUnexpected,
            Self::BlobTooLarge { .. } => Reason::BlobTooLarge,
            Self::BlobQuota { .. } => Reason::BlobQuota,
            Self::SignatureUnexpected { .. } => Reason::SignatureUnexpected,
            Self::TimeBackwards { .. } => Reason::TimeBackwards,
            Self::NotFounded { .. } => Reason::NotFounded,
            Self::PartyUnknown { .. } => Reason::PartyUnknown,
            Self::PartySuspended { .. } => Reason::PartySuspended,
            Self::PartyEnded { .. } => Reason::PartyEnded,
            Self::SignatureInvalid { .. } => Reason::SignatureInvalid,
            Self::KeyRotated { .. } => Reason::KeyRotated,
            Self::KeyInGrace { .. } => Reason::KeyInGrace,
            Self::RoleMissing { .. } => Reason::RoleMissing,
            Self::RolesEmpty => Reason::RolesEmpty,
            Self::RoleConflict { .. } => Reason::RoleConflict,
            Self::PartyExists { .. } => Reason::PartyExists,
            Self::NameTaken { .. } => Reason::NameTaken,
            Self::KeyTaken => Reason::KeyTaken,
            Self::PossessionInvalid { .. } => Reason::PossessionInvalid,
            Self::OutOfSequence { .. } => Reason::OutOfSequence,
            Self::StandingUnchanged { .. } => Reason::StandingUnchanged,
            Self::LastSupervisor { .. } => Reason::LastSupervisor,
            Self::ViewKeyIdentity { .. } => Reason::ViewKeyIdentity,
            Self::ViewKeysEqual => Reason::ViewKeysEqual,
            Self::OneHolder => Reason::OneHolder,
            Self::EpochTimes { .. } => Reason::EpochTimes,
            Self::EpochUnknown { .. } => Reason::EpochUnknown,
            Self::EpochNotAccepted { .. } => Reason::EpochNotAccepted,
            Self::Figures(error) => match error {
                FiguresError::Outside { .. } => Reason::ConstantOutsideInterval,
                FiguresError::TwoChanges { .. } => Reason::TwoChangesInAPeriod,
                _ => Reason::FiguresInvalid,
            },
            Self::Key(error) => match error {
                KeyError::DevKey => Reason::DevKey,
                KeyError::DeltaIsGenerator => Reason::KeyDeltaGenerator,
                KeyError::DeltaIsGamma => Reason::KeyDeltaGamma,
                KeyError::BetaIs { .. } => Reason::KeyBetaRelated,
                KeyError::InputsAlike { .. } => Reason::KeyInputsAlike,
                _ => Reason::KeyInvalid,
            },
            Self::KeyInputs { .. } => Reason::KeyInputs,
            Self::OtherTerms { what, .. } => match what {
                ProvenTerm::Asset => Reason::OtherAsset,
                ProvenTerm::Expiry => Reason::OtherExpiry,
                ProvenTerm::Schema => Reason::OtherSchema,
            },
            Self::OtherPeriod { .. } => Reason::OtherPeriod,
            Self::ConstantNotApproved { .. } => Reason::ConstantNotApproved,
            Self::ConstantCount { .. } => Reason::ConstantCount,
            Self::MeasureUnfit { measured: true } => Reason::MeasureMissing,
            Self::MeasureUnfit { measured: false } => Reason::MeasureUnexpected,
            Self::PeriodNotOver { .. } => Reason::PeriodNotOver,
            Self::SourceUnknown { .. } => Reason::SourceUnknown,
            Self::SourceSignature { .. } => Reason::SourceSignatureInvalid,
            Self::ProofFormat(error) => match error {
                ProofDecodeError::OtherSystem { found: Some(_), .. } => Reason::OtherProofSystem,
                _ => Reason::ProofMalformed,
            },
            Self::Statement(error) => match error {
                StatementError::ClaimCount { .. } => Reason::ClaimCount,
                StatementError::EphemeralTrivial { .. } => Reason::EphemeralTrivial,
                StatementError::EphemeralNotOnCurve { .. } => Reason::EphemeralNotOnCurve,
                StatementError::ClaimAsTotal { .. } => Reason::ClaimAsTotal,
                StatementError::TotalsShareKey => Reason::TotalsShareKey,
                StatementError::Duplicate { .. } => Reason::DuplicateInBatch,
                StatementError::SameNoteTwice => Reason::SameNoteTwice,
                StatementError::RateLimit { .. } => Reason::RateLimitRange,
                StatementError::EmptyNote => Reason::NoteEmpty,
                StatementError::RedeemEphemeral => Reason::EphemeralInvalid,
                _ => Reason::StatementInvalid,
            },
            Self::ProofInvalid => Reason::ProofInvalid,
            Self::NotVerified => Reason::NotVerified,
            Self::AlreadyUsed { set, .. } => match set {
                UniqueSet::Entry => Reason::EntryUsed,
                UniqueSet::Commitment => Reason::CommitmentUsed,
                UniqueSet::Note => Reason::NoteUsed,
                UniqueSet::Nullifier => Reason::NullifierUsed,
                UniqueSet::Spend => Reason::Spent,
                UniqueSet::Rate => Reason::RateLimit,
                UniqueSet::Alert => Reason::AlertRaisedBefore,
            },
            Self::StatementKeyMissing { .. } => Reason::StatementKeyMissing,
            Self::NoteRootUnknown => Reason::NoteRootUnknown,
            Self::NoteTreeFull => Reason::NoteTreeFull,
            Self::Board(refusal) => refusal.code(),
            Self::Scale(refusal) => refusal.code(),
            Self::Identity(refusal) => refusal.code(),
            Self::Ticket(refusal) => refusal.code(),
            Self::Offer(refusal) => refusal.code(),
            Self::KeyGeneration(refusal) => refusal.code(),
            Self::TagKey(refusal) => refusal.code(),
            Self::Opening(refusal) => refusal.code(),
            Self::Alert(refusal) => refusal.code(),
            Self::Total(refusal) => refusal.code(),
        }
    }

    /// The field at fault, such as `claims[3].c`; empty when no single one is.
    pub fn field(&self) -> FieldPath {
        match self {
            Self::Malformed(error) => error.into(),
            Self::BadPoint { what, .. } | Self::PossessionInvalid { what } => {
                FieldPath::of_value(what)
            }
            Self::OutOfSequence { what, .. } => what.clone().into(),
            Self::OtherTerms { what, .. } => what.name().into(),
            Self::OtherOrigin { .. } => fields::ORIGIN.into(),
            Self::UnknownKind { .. } => fields::KIND.into(),
            Self::PartyUnknown { .. } | Self::PartySuspended { .. } | Self::PartyEnded { .. } => {
                fields::PARTY.into()
            }
            Self::SignatureInvalid { .. }
            | Self::SignatureUnexpected { .. }
            | Self::KeyRotated { .. } => fields::SIGNATURE.into(),
            Self::KeyInGrace { .. } => fields::GRACE.into(),
            Self::RolesEmpty | Self::RoleConflict { .. } => fields::ROLES.into(),
            Self::EpochUnknown { .. } | Self::EpochNotAccepted { .. } => fields::EPOCH.into(),
            Self::Figures(error) => figures_field(error),
            Self::ConstantNotApproved { name, .. } => {
                FieldPath::name(fields::CONSTANTS).then_given(name)
            }
            Self::MeasureUnfit { .. } => fields::MEASURE.into(),
            Self::OtherPeriod { .. } | Self::PeriodNotOver { .. } => fields::PERIOD.into(),
            Self::Key(_) | Self::KeyInputs { .. } => fields::KEY.into(),
            Self::SourceUnknown { .. } => fields::SOURCE.into(),
            Self::SourceSignature { claim: index } => of_claim(*index, fields::SOURCE_SIGNATURE),
            Self::ProofFormat(_) | Self::ProofInvalid | Self::ProofUnexpected { .. } => {
                fields::PROOF.into()
            }
            Self::BlobMissing { .. }
            | Self::BlobUnexpected { .. }
            | Self::BlobTooLarge { .. }
            | Self::BlobQuota { .. } => fields::BLOB.into(),
            Self::Statement(
                StatementError::EphemeralTrivial { claim: index, .. }
                | StatementError::EphemeralNotOnCurve { claim: index }
                | StatementError::ClaimAsTotal { claim: index },
            ) => of_claim(*index, fields::EY),
            Self::Statement(StatementError::TotalsShareKey) => {
                FieldPath::name(fields::MEASURE).then(fields::M1)
            }
            Self::Statement(StatementError::SameNoteTwice) => fields::SN2.into(),
            Self::Statement(StatementError::EmptyNote) => fields::CM_OUT.into(),
            Self::Statement(StatementError::RedeemEphemeral) => fields::EY.into(),
            Self::Statement(StatementError::Duplicate { second, .. }) => {
                FieldPath::name(fields::CLAIMS).index(*second)
            }
            Self::AlreadyUsed {
                set: UniqueSet::Commitment,
                claim: Some(index),
            } => of_claim(*index, fields::C),
            Self::AlreadyUsed {
                set: UniqueSet::Note,
                claim: Some(index),
            } => of_claim(*index, fields::CM),
            Self::AlreadyUsed { set, .. } => match set {
                UniqueSet::Note => fields::CM_OUT.into(),
                UniqueSet::Nullifier => fields::NULLIFIER.into(),
                UniqueSet::Spend => fields::SPENDING.into(),
                UniqueSet::Rate => fields::RN.into(),
                UniqueSet::Entry | UniqueSet::Commitment | UniqueSet::Alert => FieldPath::NONE,
            },
            Self::NoteRootUnknown => fields::NOTE_ROOT.into(),
            Self::Board(refusal) => refusal.field(),
            Self::Scale(refusal) => refusal.field(),
            Self::Identity(refusal) => refusal.field(),
            Self::Ticket(refusal) => refusal.field(),
            Self::Offer(refusal) => refusal.field(),
            Self::KeyGeneration(refusal) => refusal.field(),
            Self::TagKey(refusal) => refusal.field(),
            Self::Opening(refusal) => refusal.field(),
            Self::Alert(refusal) => refusal.field(),
            Self::Total(refusal) => refusal.field(),
            Self::TooLarge { .. }
            | Self::TimeBackwards { .. }
            | Self::NotFounded { .. }
            | Self::RoleMissing { .. }
            | Self::PartyExists { .. }
            | Self::NameTaken { .. }
            | Self::KeyTaken
            | Self::StandingUnchanged { .. }
            | Self::LastSupervisor { .. }
            | Self::ViewKeyIdentity { .. }
            | Self::ViewKeysEqual
            | Self::OneHolder
            | Self::EpochTimes { .. }
            | Self::ConstantCount { .. }
            | Self::Statement(_)
            | Self::NotVerified
            | Self::StatementKeyMissing { .. }
            | Self::NoteTreeFull => FieldPath::NONE,
        }
    }
}

/// The field of a claim.
pub(super) fn of_claim(claim: usize, field: FieldName) -> FieldPath {
    FieldPath::name(fields::CLAIMS).index(claim).then(field)
}

/// `figures.fare` or `schedules[1]`; `figures` when no single one is at fault.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "errors of the crates below can get further variants"
)]
fn figures_field(error: &FiguresError) -> FieldPath {
    match error {
        FiguresError::NameTwice { name }
        | FiguresError::Exponent { name, .. }
        | FiguresError::Outside { name, .. }
        | FiguresError::NoSchedule { name, .. }
        | FiguresError::Values { name, .. } => FieldPath::name(fields::FIGURES).then_given(name),
        FiguresError::Name { index } => FieldPath::name(fields::FIGURES).index(*index),
        FiguresError::ScheduleUnused { schedule }
        | FiguresError::Days { schedule }
        | FiguresError::TwoChanges { schedule, .. } => {
            FieldPath::name(fields::SCHEDULES).index(*schedule)
        }
        _ => fields::FIGURES.into(),
    }
}
