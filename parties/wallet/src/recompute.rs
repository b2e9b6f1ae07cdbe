//! Computes a proven credit again from the person's own records, by the formula that the ledger
//! approved.

use merits_ledger::State;
use merits_params::manifest::{Manifest, ManifestError};
use merits_primitives::ids::{Credits, Period, Quantity, ScaleId};
use merits_records::SubjectPeriod;
use serde::Serialize;
use thiserror::Error;

use crate::view::{NoteOrigin, OwnNote, View};

/// Why nothing can be compared.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecomputeError {
    /// No approved version.
    #[error("the ledger has no version of scale {scale} in force for {period}")]
    NoVersion {
        /// The scale.
        scale: ScaleId,
        /// Label of the period.
        period: String,
    },
    /// A manifest that this program cannot read.
    #[error("the scale's manifest on the ledger cannot be read: {0}")]
    Manifest(#[from] Box<ManifestError>),
    /// No own claim.
    #[error(
        "this wallet has no credits of scale {scale} for {period}: `merits wallet credits` shows what it has"
    )]
    NoClaim {
        /// The scale.
        scale: ScaleId,
        /// Label of the period.
        period: String,
    },
    /// Records of several people.
    #[error("the file has records of {} in this period: state with --account which are yours", .0.join(", "))]
    Subjects(Vec<String>),
    /// No records.
    #[error("the file has no records of this period{}", .0.as_deref().map(|a| format!(" and account {a:?}")).unwrap_or_default())]
    NoRecords(Option<String>),
    /// Records that the schema does not allow.
    #[error("the formula does not accept these records: {0}")]
    Eval(#[from] merits_formula::EvalError),
}

/// A claim compared with the person's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Name of the source whose records were proven.
    pub source: String,
    /// Both numbers.
    pub result: Recomputed,
}

/// The proven credits and those of the person's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recomputed {
    /// Records that counted.
    pub records: usize,
    /// Credits of the person's records by the approved formula.
    pub credits: Credits,
    /// The measure of the person's records.
    pub measure: Option<Quantity>,
    /// Proven on the ledger: the credits that only this wallet reads.
    pub proven: Credits,
    /// The measure that was proven.
    pub proven_measure: Option<Quantity>,
    /// Unit of the credits.
    pub unit: String,
}

impl Recomputed {
    /// Whether both are the same.
    pub fn agrees(&self) -> bool {
        (self.credits, self.measure) == (self.proven, self.proven_measure)
    }
}

/// The manifest in force for a period, as the ledger approved it.
///
/// # Errors
/// [`RecomputeError::NoVersion`], [`RecomputeError::Manifest`].
pub fn approved(
    state: &State,
    scale: &ScaleId,
    period: Period,
) -> Result<Manifest, RecomputeError> {
    let version = state
        .scales()
        .get(scale)
        .ok()
        .filter(|scale| scale.period_kind == period.kind)
        .and_then(|scale| scale.in_force(period.index))
        .ok_or_else(|| RecomputeError::NoVersion {
            scale: scale.clone(),
            period: period.label(),
        })?;
    Ok(Manifest::from_approved(&version.terms.manifest).map_err(Box::new)?)
}

/// The person's notes of a scale and period: one, or one for each source if the scale counts by
/// source.
pub fn claims<'a>(
    view: &'a View,
    scale: &'a ScaleId,
    period: Period,
) -> impl Iterator<Item = &'a OwnNote> {
    view.notes.iter().filter(move |note| {
        let of_period =
            matches!(&note.from, NoteOrigin::Claim { period: its, .. } if *its == period);
        note.scale == *scale && of_period
    })
}

/// Compares one of the person's claims with the result of records. If a file has several accounts,
/// `account` is the person's.
///
/// # Errors
/// [`RecomputeError`].
pub fn recompute(
    manifest: &Manifest,
    note: &OwnNote,
    period: Period,
    groups: &[SubjectPeriod],
    account: Option<&str>,
) -> Result<Recomputed, RecomputeError> {
    let of_period = groups.iter().filter(|group| group.period == period);
    let own: Vec<&SubjectPeriod> = of_period
        .filter(|group| account.is_none_or(|account| account == group.subject))
        .collect();
    let group = match own.as_slice() {
        [one] => one,
        [] => return Err(RecomputeError::NoRecords(account.map(str::to_owned))),
        several => {
            let names = several.iter().take(5).map(|group| group.subject.clone());
            return Err(RecomputeError::Subjects(names.collect()));
        }
    };
    let numbers = manifest.public_values(period);
    let outputs = manifest.formula().eval(&group.records, &numbers)?;
    Ok(Recomputed {
        records: group.records.len(),
        credits: Credits(outputs.credits),
        measure: outputs.measure.map(Quantity),
        proven: note.value,
        proven_measure: note.measure,
        unit: manifest.unit().to_owned(),
    })
}
