//! Before a supervisor approves a version of a scale: does the proposal say what its manifest says?
//!
//! The ledger takes a proposal's numbers as they stand: it knows no formulas. But verifiers use
//! those numbers, people read the manifest, and the circuit was compiled for the manifest's
//! intervals, V_max and W_max. Figures outside the intervals that a formula was checked with could
//! make its bounds wrong; other days of change would count other versions than people read; a
//! V_max that is too small would let more credits be than the supply cap counts. So whoever approves compares, field by field, after the manifest itself was checked
//! (formula, bounds, examples).
//!
//! What this cannot tell is whether the verifying key belongs to the manifest's circuit. That is
//! the set-up's matter, and as good as its provenance.

use merits_ledger::entry::ScaleProposed;
use merits_params::manifest::{Manifest, ManifestError};
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
    let validity = manifest.validity();
    same("id", &proposed.id, manifest.id())?;
    same("version", &proposed.version, &manifest.version())?;
    same("asset", &proposed.asset, &manifest.asset())?;
    same(
        "period kind",
        &proposed.period_kind,
        &manifest.period_kind(),
    )?;
    same("shape", &proposed.shape, &manifest.shape().digest())?;
    same("schema", &proposed.schema, &manifest.schema_id())?;
    let text = manifest.schema().canonical();
    same("schema text", &proposed.schema_text, &text)?;
    let capacity = manifest.claims_per_proof();
    same("claims a proof", &proposed.capacity, &capacity)?;
    same("V_max", &proposed.max_credits, &manifest.max_credits())?;
    same("W_max", &proposed.max_measure, &manifest.max_measure())?;
    same("expiry rule", &proposed.expiry, &manifest.expiry_rule())?;
    same("first period", &proposed.valid_from, &validity.from.index)?;
    let until = validity.until.map(|period| period.index);
    same("last period", &proposed.valid_to, &until)?;
    same("supply cap", &proposed.supply_cap, &manifest.supply_cap())?;
    same("figures", &proposed.figures, manifest.figures())?;
    Ok(manifest)
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    proposed: &T,
    manifest: &T,
) -> Result<(), ReviewFault> {
    if proposed == manifest {
        return Ok(());
    }
    Err(ReviewFault::Differs {
        what,
        proposed: format!("{proposed:?}"),
        manifest: format!("{manifest:?}"),
    })
}
