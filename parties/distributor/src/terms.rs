//! The ledger's terms for a batch, read from a verified state.

use std::collections::BTreeMap;

use merits_circuits::earn::EarnTerms as CircuitTerms;
use merits_ledger::{
    Refusal, Role, State,
    entry::{EarnTerms, ScaleProposed},
    state::VersionRecord,
};
use merits_params::manifest::{Manifest, ManifestError};
use merits_primitives::{
    calendar::Timestamp,
    context::earn_context,
    ids::{Epoch, PartyId, Period, PeriodIndex, ScaleId, ScaleVersion},
};
use merits_verifier::{groth16::KeyDigest, signature::PublicKey};
use thiserror::Error;

/// Why nothing can be claimed now.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TermsError {
    /// The ledger would refuse it.
    #[error("the ledger would refuse it: {0}")]
    Refused(Box<Refusal>),
    /// No version for the period.
    #[error(
        "scale {scale} has no approved version for {period}: its issuer proposes one, and a supervisor approves it"
    )]
    NoVersion {
        /// The scale.
        scale: ScaleId,
        /// Label of the period.
        period: String,
    },
    /// No epoch to encrypt under.
    #[error("the ledger has no active view-key epoch: the supervisor must open one")]
    NoEpoch,
    /// A manifest that this program cannot read.
    #[error("the manifest of version {version} of scale {scale} cannot be read: {source}")]
    Manifest {
        /// The scale.
        scale: ScaleId,
        /// Its version.
        version: u32,
        /// What is wrong with it.
        source: Box<ManifestError>,
    },
    /// This node has another key or circuit than the approved one.
    #[error(
        "version {version} of scale {scale} was approved with another {what} than this node has: fetch the issuer's manifest and key"
    )]
    OtherShape {
        /// The scale.
        scale: ScaleId,
        /// Its version.
        version: u32,
        /// "verifying key" or "record schema".
        what: &'static str,
    },
}

impl TermsError {
    /// Whether it is about every period, so that nothing at all can be claimed now.
    pub fn concerns_all(&self) -> bool {
        match self {
            Self::NoEpoch => true,
            Self::Refused(refusal) => matches!(
                **refusal,
                Refusal::PartyUnknown { .. }
                    | Refusal::PartySuspended { .. }
                    | Refusal::RoleMissing { .. }
            ),
            Self::NoVersion { .. } | Self::Manifest { .. } | Self::OtherShape { .. } => false,
        }
    }
}

impl From<Refusal> for TermsError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// The ledger's terms for batches of one scale and period.
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
    /// The values for the entry.
    pub ledger: EarnTerms,
    /// The values for the circuit.
    pub circuit: CircuitTerms,
    /// SHA-256 of the version's manifest: what consents bind.
    pub manifest: [u8; 32],
    /// Digest of the terms that the manifest states: what consents in custody bind.
    pub consent: [u8; 32],
    /// Whether deeds at two sources are different deeds.
    pub per_source: bool,
}

/// Reads terms from one state, for one scale and distributor. The manifests of all versions are
/// parsed once.
#[derive(Debug, Clone)]
pub struct TermsReader<'s> {
    state: &'s State,
    scale: ScaleId,
    distributor: PartyId,
    time: Timestamp,
    manifests: BTreeMap<ScaleVersion, ([u8; 32], bool)>,
}

impl<'s> TermsReader<'s> {
    /// A reader at `time`, which decides the view-key epoch.
    ///
    /// # Errors
    /// [`TermsError`]: the scale is unknown, or a manifest of it does not parse.
    pub fn new(
        state: &'s State,
        scale: ScaleId,
        distributor: PartyId,
        time: Timestamp,
    ) -> Result<Self, TermsError> {
        let mut manifests = BTreeMap::new();
        for record in &state.scales().get(&scale)?.versions {
            // An unreadable manifest is reported when it is requested.
            if let Ok(manifest) = manifest_of(&record.terms) {
                let facts = (manifest.terms_digest(), manifest.per_source());
                manifests.insert(record.version(), facts);
            }
        }
        Ok(Self {
            state,
            scale,
            distributor,
            time,
            manifests,
        })
    }

    /// The terms for a period.
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn at(&self, period: Period) -> Result<Terms, TermsError> {
        let Self { state, scale, .. } = self;
        // At this time, because an emergency suspension holds for a time alone.
        state
            .parties()
            .at(self.time.max(state.time()))
            .acting(&self.distributor, Role::Distributor)?;
        let record = version_for(state, scale, period).ok_or_else(|| TermsError::NoVersion {
            scale: scale.clone(),
            period: period.label(),
        })?;
        let (version, key, manifest) = (record.version(), record.key, record.manifest);
        let (consent, per_source) = match self.manifests.get(&version) {
            Some(facts) => *facts,
            // Parsed again for its error.
            None => {
                let manifest = manifest_of(&record.terms)?;
                (manifest.terms_digest(), manifest.per_source())
            }
        };
        let ledger = state.earn_terms(scale, version, period)?;
        // The ledger would refuse it, so a proof would be useless.
        state.check_period_is_over(period, self.time)?;
        let epoch = state
            .epochs()
            .active(self.time)
            .ok_or(TermsError::NoEpoch)?;
        let circuit = CircuitTerms {
            asset: ledger.asset,
            expiry: ledger.expiry,
            period,
            context: earn_context(state.origin(), &self.distributor, scale, version),
            view_key: epoch.view_key,
            total_key: epoch.totals_key,
            constants: ledger.constants.clone(),
        };
        Ok(Terms {
            scale: scale.clone(),
            version,
            epoch: epoch.epoch,
            key,
            ledger,
            circuit,
            manifest,
            consent,
            per_source,
        })
    }
}

/// The manifest that a version was proposed with.
///
/// # Errors
/// [`TermsError::Manifest`] when it is none that this program can read.
pub fn manifest_of(proposed: &ScaleProposed) -> Result<Manifest, TermsError> {
    Manifest::from_approved(&proposed.manifest).map_err(|source| TermsError::Manifest {
        scale: proposed.id.clone(),
        version: proposed.version.0,
        source: Box::new(source),
    })
}

/// The version in force for a period.
pub fn version_for<'a>(
    state: &'a State,
    scale: &ScaleId,
    period: Period,
) -> Option<&'a VersionRecord> {
    state.scales().get(scale).ok()?.in_force(period.index)
}

/// The latest approved version, for which a starting node loads its circuit.
pub fn latest_version<'a>(state: &'a State, scale: &ScaleId) -> Option<&'a ScaleProposed> {
    version_for(
        state,
        scale,
        Period {
            kind: state.scales().get(scale).ok()?.period_kind,
            index: PeriodIndex(u32::MAX),
        },
    )
    .map(|record| record.terms.as_ref())
}

/// The keys that sign for an admitted source, the present one first: one that was succeeded signs for some time
/// still.
///
/// # Errors
/// [`TermsError::Refused`] when the ledger knows no such active source.
pub fn source_keys(state: &State, source: &PartyId) -> Result<Vec<PublicKey>, TermsError> {
    let party = state
        .parties()
        .acting(source, Role::Source)
        .map_err(|refusal| match refusal {
            Refusal::PartyUnknown { party } => Refusal::SourceUnknown {
                source_party: party,
            },
            other => other,
        })?;
    Ok(party.keys(state.time()).collect())
}
