//! Before a supervisor approves a version of a scale: does the proposal say what its manifest says?
//!
//! The ledger takes a proposal's numbers as they stand: it knows no formulas. But verifiers use
//! those numbers, people read the manifest, and the circuit was compiled for the manifest's
//! intervals, V_max and W_max. Figures outside the intervals that a formula was checked with could
//! make its bounds wrong; other days of change would count other versions than people read; a
//! V_max that is too small would let more credits be than the supply cap counts; `per_source` could let a
//! deed pay twice, `vouched` could hide who vouches. So whoever approves checks the manifest itself
//! (formula, bounds, examples), makes the entry again from it as its issuer should have, and compares
//! the whole.
//!
//! What this cannot tell is whether the verifying key belongs to the manifest's circuit. That is
//! the set-up's matter, and as good as its provenance.

use merits_ledger::entry::ScaleProposed;
use merits_params::manifest::{Manifest, ManifestError};
use merits_proposal::{Difference, difference, proposal};
use thiserror::Error;

/// Why a proposal must not be approved. Its issuer is at fault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReviewFault {
    /// The manifest is none.
    #[error("the proposal's manifest: {0}")]
    Manifest(#[from] Box<ManifestError>),
    /// The entry binds to something else than the manifest says.
    #[error("{what}: the proposal binds {proposed}, its manifest says {manifest}")]
    Differs {
        /// Which field.
        what: &'static str,
        /// What the ledger would use.
        proposed: String,
        /// What people would read.
        manifest: String,
    },
}

/// Compares a proposal with its manifest, and gives the manifest.
///
/// # Errors
/// [`ReviewFault`] names the first field that differs.
pub fn review(proposed: &ScaleProposed) -> Result<Manifest, ReviewFault> {
    let manifest = Manifest::from_toml(&proposed.manifest).map_err(Box::new)?;
    // Not in the manifest, and the set-up's matter.
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
