//! The consents of a person.

use merits_ledger::State;
use merits_primitives::calendar::Timestamp;
use serde::Serialize;

use super::party_name;
use crate::view::{ConsentStanding, OwnConsent, View};

/// A consent that was deposited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// The scale.
    pub scale: String,
    /// The version that was consented to.
    pub version: u32,
    /// The period.
    pub period: String,
    /// The distributor.
    pub distributor: String,
    /// The source of the records.
    pub source: String,
    /// Its status.
    pub standing: ConsentStatus,
}

/// The status of a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ConsentStatus {
    /// The distributor may claim.
    Deposited {
        /// The last moment, unix milliseconds.
        until: Timestamp,
    },
    /// It was used for a claim.
    Claimed {
        /// The batch.
        entry: String,
        /// The claim in it.
        claim: u16,
        /// Whether the person has withdrawn the consent since then, so that the distributor deletes
        /// the records.
        withdrawn: bool,
    },
    /// It was withdrawn before it was used for a claim.
    Withdrawn,
    /// The reservation ended unused.
    Lapsed,
}

impl ConsentStatus {
    pub(crate) fn of(consent: &OwnConsent) -> Self {
        match &consent.standing {
            ConsentStanding::Deposited { until } => Self::Deposited { until: *until },
            ConsentStanding::Claimed { entry, claim } => Self::Claimed {
                entry: entry.to_string(),
                claim: *claim,
                withdrawn: consent.withdrawn,
            },
            ConsentStanding::Withdrawn => Self::Withdrawn,
            ConsentStanding::Lapsed => Self::Lapsed,
        }
    }
}

/// Every consent that was deposited, in the order of the deposits.
pub fn consents(state: &State, view: &View) -> Vec<Consent> {
    let report = |consent: &OwnConsent| Consent {
        scale: consent.scale.to_string(),
        version: consent.version.0,
        period: consent.period.label(),
        distributor: party_name(state, &consent.distributor),
        source: party_name(state, &consent.source),
        standing: ConsentStatus::of(consent),
    };
    view.consents.iter().map(report).collect()
}
