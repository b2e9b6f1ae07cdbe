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
            Self::AlreadyUsed { set, .. } => match set {
                UniqueSet::Entry => "entry-used",
                UniqueSet::Commitment => "commitment-used",
                UniqueSet::Note => "note-used",
                UniqueSet::Nullifier => "nullifier-used",
                UniqueSet::Spend => "spent",
                UniqueSet::Rate => "rate-limit",
            },
            Self::StatementKeyMissing { .. } => "statement-key-missing",
            Self::NoteRootUnknown => "note-root-unknown",
            Self::NoteTreeFull => "note-tree-full",
            Self::Scale(refusal) => refusal.code(),
            Self::Identity(refusal) => refusal.code(),
            Self::Ticket(refusal) => refusal.code(),
            Self::Offer(refusal) => refusal.code(),
            Self::Opening(refusal) => refusal.code(),
            Self::Total(refusal) => refusal.code(),
        }
    }

    /// The field at fault, such as `claims[3].c`; empty when no single one is.
    pub fn field(&self) -> String {
        match self {
            Self::Malformed(error) => error.field().to_owned(),
            Self::BadPoint { what, .. }
            | Self::OutOfSequence { what, .. }
            | Self::PossessionInvalid { what }
            | Self::OtherTerms { what, .. } => (*what).to_owned(),
            Self::OtherOrigin { .. } => "origin".to_owned(),
            Self::UnknownKind { .. } => "kind".to_owned(),
            Self::PartyUnknown { .. } | Self::PartySuspended { .. } => "party".to_owned(),
            Self::SignatureInvalid { .. }
            | Self::SignatureUnexpected { .. }
            | Self::KeyRotated { .. } => "signature".to_owned(),
            Self::RolesEmpty | Self::RoleConflict { .. } => "roles".to_owned(),
            Self::EpochUnknown { .. } | Self::EpochNotAccepted { .. } => "epoch".to_owned(),
            Self::Figures(error) => figures_field(error),
            Self::ConstantNotApproved { name, .. } => format!("constants.{name}"),
            Self::MeasureUnfit { .. } => "measure".to_owned(),
            Self::OtherPeriod { .. } | Self::PeriodNotOver { .. } => "period".to_owned(),
            Self::Key(_) | Self::KeyInputs { .. } => "key".to_owned(),
            Self::SourceUnknown { .. } => "source".to_owned(),
            Self::SourceSignature { claim: index } => of_claim(*index, "source_signature"),
            Self::ProofFormat(_) | Self::ProofInvalid | Self::ProofUnexpected { .. } => {
                "proof".to_owned()
            }
            Self::Statement(
                StatementError::EphemeralTrivial { claim: index, .. }
                | StatementError::EphemeralNotOnCurve { claim: index }
                | StatementError::ClaimAsTotal { claim: index },
            ) => of_claim(*index, "ey"),
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
            } => of_claim(*index, "c"),
            Self::AlreadyUsed {
                set: UniqueSet::Note,
                claim: Some(index),
            } => of_claim(*index, "cm"),
            Self::AlreadyUsed { set, .. } => match set {
                UniqueSet::Note => "cm_out".to_owned(),
                UniqueSet::Nullifier => "nullifier".to_owned(),
                UniqueSet::Spend => "spending".to_owned(),
                UniqueSet::Rate => "rn".to_owned(),
                UniqueSet::Entry | UniqueSet::Commitment => String::new(),
            },
            Self::NoteRootUnknown => "note_root".to_owned(),
            Self::Scale(refusal) => refusal.field().to_owned(),
            Self::Identity(refusal) => refusal.field().to_owned(),
            Self::Ticket(refusal) => refusal.field(),
            Self::Offer(refusal) => refusal.field().to_owned(),
            Self::Opening(refusal) => refusal.field().to_owned(),
            Self::Total(refusal) => refusal.field(),
            _ => String::new(),
        }
    }
}

/// The field of a claim.
pub(super) fn of_claim(claim: usize, field: &str) -> String {
    format!("claims[{claim}].{field}")
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
