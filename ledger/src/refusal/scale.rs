//! Why a scale, a version of it or a batch under one is refused.

use merits_primitives::ids::{Credits, ScaleId, ScaleVersion};
use merits_verifier::{FieldName, FieldPath, Reason, fields};
use thiserror::Error;

/// A scale or a version of it does not exist, is not in the needed state, or would break a promise
/// to its users.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScaleRefusal {
    /// No such scale or version.
    #[error("scale {id} version {} is unknown", version.0)]
    Unknown {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
    },
    /// No such scale.
    #[error("scale {id} is unknown")]
    IdUnknown {
        /// The scale.
        id: ScaleId,
    },
    /// Proposed but not approved.
    #[error("scale {id} version {} is not approved", version.0)]
    NotApproved {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
    },
    /// Retired before that period.
    #[error("scale {id} version {} is retired: period {last} was its last", version.0)]
    Retired {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// Label of the last period.
        last: String,
    },
    /// Not yet valid in that period.
    #[error("scale {id} version {} is not yet valid: period {first} is its first", version.0)]
    NotYetValid {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// Label of the first period.
        first: String,
    },
    /// A later version is in force for that period.
    #[error("scale {id} version {} is superseded: version {} is in force for that period", version.0, in_force.0)]
    Superseded {
        /// The scale.
        id: ScaleId,
        /// The version in the entry.
        version: ScaleVersion,
        /// The version in force.
        in_force: ScaleVersion,
    },
    /// Already approved or retired.
    #[error("scale {id} version {} is already {standing}", version.0)]
    Standing {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// Its state.
        standing: &'static str,
    },
    /// The approval names an entry that did not propose the version.
    #[error("the entry that the approval names did not propose version {} of scale {id}: name one that did", version.0)]
    ProposalMismatch {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
    },
    /// Only the issuer of an approved scale may propose versions of it.
    #[error("scale {id} belongs to another issuer: propose under another id")]
    OfAnother {
        /// The scale.
        id: ScaleId,
    },
    /// The asset number belongs to another scale id, or the id has another one.
    #[error("asset number {found} does not belong to scale {id}: {why}")]
    AssetMismatch {
        /// The scale.
        id: ScaleId,
        /// The number that came.
        found: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something that must be the same for all versions differs.
    #[error(
        "scale {id}: {what} differs from an approved version, but must be the same in all versions"
    )]
    VersionDiffers {
        /// The scale.
        id: ScaleId,
        /// What differs.
        what: FieldName,
    },
    /// A property of the scale is out of its range.
    #[error("scale {id}: {what}")]
    Invalid {
        /// The scale.
        id: ScaleId,
        /// What is out of range.
        what: &'static str,
    },
    /// A new version would change a period that was already claimed.
    #[error("scale {id}: version {} would begin in a period that was already claimed; begin after {last}", version.0)]
    VersionRetroactive {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// Label of the last claimed period.
        last: String,
    },
    /// A new version would change a period for which people consented to the version before.
    #[error("scale {id}: version {} would begin in a period for which tickets are deposited, whose people consented to the version before; begin after {last}", version.0)]
    VersionUnderConsent {
        /// The scale.
        id: ScaleId,
        /// The version.
        version: ScaleVersion,
        /// Label of the last period with a deposited ticket.
        last: String,
    },
    /// The supply cap would be passed.
    #[error(
        "scale {id}: at most {room} more credits may be issued, but these claims could be {wanted}; open totals to find what earlier claims really were"
    )]
    SupplyExhausted {
        /// The scale.
        id: ScaleId,
        /// Credits left under the cap, at worst.
        room: Credits,
        /// Credits of these claims, at worst.
        wanted: Credits,
    },
}

impl ScaleRefusal {
    pub(super) fn code(&self) -> Reason {
        match self {
            Self::Unknown { .. } | Self::IdUnknown { .. } => Reason::ScaleUnknown,
            Self::NotApproved { .. } => Reason::ScaleNotApproved,
            Self::Retired { .. } => Reason::ScaleRetired,
            Self::NotYetValid { .. } => Reason::ScaleNotYetValid,
            Self::Superseded { .. } => Reason::ScaleSuperseded,
            Self::Standing { .. } => Reason::ScaleStanding,
            Self::ProposalMismatch { .. } => Reason::ProposalMismatch,
            Self::OfAnother { .. } => Reason::ScaleOfAnother,
            Self::AssetMismatch { .. } => Reason::AssetMismatch,
            Self::VersionDiffers { .. } => Reason::VersionDiffers,
            Self::Invalid { .. } => Reason::ScaleInvalid,
            Self::VersionRetroactive { .. } => Reason::VersionRetroactive,
            Self::VersionUnderConsent { .. } => Reason::VersionUnderConsent,
            Self::SupplyExhausted { .. } => Reason::SupplyExhausted,
        }
    }

    pub(super) fn field(&self) -> FieldPath {
        match self {
            Self::Unknown { .. } | Self::IdUnknown { .. } | Self::NotApproved { .. } => {
                fields::SCALE.into()
            }
            Self::Superseded { .. } => fields::VERSION.into(),
            Self::OfAnother { .. } => fields::ID.into(),
            Self::AssetMismatch { .. } => fields::ASSET.into(),
            Self::VersionDiffers { what, .. } => what.clone().into(),
            Self::Retired { .. } | Self::NotYetValid { .. } => fields::PERIOD.into(),
            Self::Standing { .. }
            | Self::ProposalMismatch { .. }
            | Self::Invalid { .. }
            | Self::VersionRetroactive { .. }
            | Self::VersionUnderConsent { .. }
            | Self::SupplyExhausted { .. } => FieldPath::NONE,
        }
    }
}
