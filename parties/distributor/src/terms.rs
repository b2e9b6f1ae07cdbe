//! What the ledger fixes for a batch, read from a verified state.

use merits_circuits::earn::EarnTerms as CircuitTerms;
use merits_ledger::{
    Refusal, Role, State,
    entry::{EarnTerms, ScaleProposed},
    state::VersionRecord,
};
use merits_primitives::{
    context::earn_context,
    ids::{Epoch, PartyId, Period, ScaleId, ScaleVersion},
};
use merits_verifier::{groth16::KeyDigest, signature::PublicKey};
use thiserror::Error;

/// Why nothing can be claimed now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TermsError {
    /// The ledger says no.
    #[error("the ledger would refuse it: {0}")]
    Refused(Box<Refusal>),
    /// No version for the period.
    #[error("scale {scale} has no approved version for {period}")]
    NoVersion {
        /// The scale.
        scale: ScaleId,
        /// Label of the period.
        period: String,
    },
    /// No epoch to encrypt under.
    #[error("the ledger has no active view-key epoch: the supervisor has to open one")]
    NoEpoch,
    /// This node has another key or circuit than the approved one.
    #[error(
        "version {version} of scale {scale} was approved with another {what} than this node has: fetch the issuer's manifest and key"
    )]
    OtherShape {
        /// The scale.
        scale: ScaleId,
        /// Its version.
        version: u32,
        /// "verifying key", "record schema" or "capacity".
        what: &'static str,
    },
}

impl From<Refusal> for TermsError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// What the ledger fixes for batches of one scale and period.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The scale.
    pub scale: ScaleId,
    /// The version in force.
    pub version: ScaleVersion,
    /// The epoch to encrypt under.
    pub epoch: Epoch,
    /// The key that proofs are verified under.
    pub key: KeyDigest,
    /// What goes into the entry.
    pub ledger: EarnTerms,
    /// What goes into the circuit.
    pub circuit: CircuitTerms,
}

impl Terms {
    /// The terms at `time` (unix milliseconds).
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn read(
        state: &State,
        scale: &ScaleId,
        distributor: &PartyId,
        period: Period,
        time: u64,
    ) -> Result<Self, TermsError> {
        state.parties().acting(distributor, Role::Distributor)?;
        let version = version_for(state, scale, period).ok_or_else(|| TermsError::NoVersion {
            scale: scale.clone(),
            period: period.label(),
        })?;
        let (number, key) = (version.version(), version.key);
        let ledger = state.earn_terms(scale, number, period)?;
        let epoch = state.epochs().active(time).ok_or(TermsError::NoEpoch)?;
        let circuit = CircuitTerms {
            asset: ledger.asset,
            expiry: ledger.expiry,
            period,
            context: earn_context(state.origin(), distributor, scale, number),
            view_key: epoch.view_key,
            total_key: epoch.totals_key,
            constants: ledger.constants.clone(),
        };
        Ok(Self {
            scale: scale.clone(),
            version: number,
            epoch: epoch.opened.epoch,
            key,
            ledger,
            circuit,
        })
    }
}

/// The version in force for a period.
pub fn version_for<'a>(
    state: &'a State,
    scale: &ScaleId,
    period: Period,
) -> Option<&'a VersionRecord> {
    state.scales().get(scale).ok()?.in_force(period.index)
}

/// The latest approved version: what a node that starts loads its circuit for.
pub fn latest_version<'a>(state: &'a State, scale: &ScaleId) -> Option<&'a ScaleProposed> {
    version_for(
        state,
        scale,
        Period {
            kind: state.scales().get(scale).ok()?.period_kind,
            index: u32::MAX,
        },
    )
    .map(|record| record.terms.as_ref())
}

/// The key of an admitted source.
///
/// # Errors
/// [`TermsError::Refused`] when the ledger knows no such active source.
pub fn source_key(state: &State, source: &PartyId) -> Result<PublicKey, TermsError> {
    let party = state
        .parties()
        .acting(source, Role::Source)
        .map_err(|refusal| match refusal {
            Refusal::PartyUnknown { party } => Refusal::SourceUnknown {
                source_party: party,
            },
            other => other,
        })?;
    Ok(party.signing_key)
}
