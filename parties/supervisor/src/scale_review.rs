//! The review before a supervisor approves a version of a scale: checks that the proposal agrees
//! with its manifest.
//!
//! The ledger accepts a proposal's numbers without checking them against a formula. But verifiers
//! use those numbers, people read the manifest, and the circuit was compiled for the manifest's
//! intervals, V_max and W_max. Figures outside the intervals that a formula was checked with could
//! make its bounds wrong; other days of change would count other versions than people read; a V_max
//! that is too small would allow more credits than the supply cap counts; `per_source` could let a
//! deed pay twice, `vouched` could hide who vouches. So the approving supervisor checks the
//! manifest itself (formula, bounds, examples), makes the entry again from it as the issuer should
//! have, and compares all parts.
//!
//! This cannot check whether the verifying key belongs to the manifest's circuit. That depends on
//! the set-up and is as trustworthy as the key's provenance.

use merits_ledger::entry::ScaleProposed;
use merits_params::manifest::{Manifest, ManifestError};
use merits_proposal::{Difference, difference, proposal};
use thiserror::Error;

/// Why a proposal must not be approved. Its issuer is at fault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReviewFault {
    /// The manifest is invalid.
    #[error("the proposal's manifest: {0}")]
    Manifest(#[from] Box<ManifestError>),
    /// The entry differs from the manifest.
    #[error("{what}: the proposal has {proposed}, but its manifest says {manifest}")]
    Differs {
        /// The field.
        what: &'static str,
        /// The value that the ledger would use.
        proposed: String,
        /// The value that people would read.
        manifest: String,
    },
}

/// Compares a proposal with its manifest, and returns the manifest.
///
/// # Errors
/// [`ReviewFault`] names the first field that differs.
pub fn review(proposed: &ScaleProposed) -> Result<Manifest, ReviewFault> {
    let manifest = Manifest::from_toml(&proposed.manifest).map_err(Box::new)?;
    // These are not in the manifest and belong to the set-up.
    let (key, provenance) = (proposed.key.clone(), proposed.provenance);
    let again = proposal(&manifest, key, provenance);
    match difference(proposed, &again) {
        None => Ok(manifest),
        Some(Difference {
            what,
            entry,
            expected,
        }) => Err(ReviewFault::Differs {
            what,
            proposed: entry,
            manifest: expected,
        }),
    }
}
