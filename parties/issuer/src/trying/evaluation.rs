//! What records earn under a scale, step by step, or by people and periods.

use std::path::Path;

use merits_formula::{EvalError, Outputs, Record, StepValue};
use merits_params::manifest::Manifest;
use merits_primitives::{
    ids::{Credits, Period},
    sum::CreditsSum,
};
use merits_records::{Plan, ReadError, ReadOptions, RefusedGroup, Reject, Report, read_file};
use thiserror::Error;

/// Each step's value of one claim, and its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// The value of each step of the manifest, in its order.
    pub values: Vec<StepValue>,
    /// Credits and measure.
    pub outputs: Outputs,
}

/// Evaluates one claim's records by the figures of a period.
///
/// # Errors
/// [`EvalError`].
pub fn steps(manifest: &Manifest, records: &[Record], period: Period) -> Result<Steps, EvalError> {
    let (formula, numbers) = (manifest.formula(), manifest.public_values(period));
    Ok(Steps {
        outputs: formula.eval(records, &numbers)?,
        values: formula.trace(records, &numbers)?,
    })
}

/// What a file of many people earns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEvaluation {
    /// Each subject and period, in the file's groups' order.
    pub groups: Vec<EvaluatedGroup>,
    /// Those over a claim's size.
    pub refused: Vec<RefusedGroup>,
    /// How many claims.
    pub claims: u64,
    /// What they earn together.
    pub credits: CreditsSum,
    /// Rows: read, accepted, rejected by reason.
    pub rows: Report,
    /// The first rejected rows.
    pub rejects: Vec<Reject>,
}

/// A subject and period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatedGroup {
    /// The subject.
    pub subject: String,
    /// The period.
    pub period: Period,
    /// Its records.
    pub records: usize,
    /// What they earn; `None` if the scale's version is not for the period.
    pub outputs: Option<Outputs>,
}

/// Why a file was not evaluated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The file.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The formula.
    #[error(transparent)]
    Formula(#[from] EvalError),
}

/// Evaluates a file of many people, or one period of it. At most `most_rejects` rejected rows are kept.
///
/// # Errors
/// [`EvaluationError`].
pub fn evaluate_file(
    manifest: &Manifest,
    input: &Path,
    plan: &Plan,
    only: Option<Period>,
    most_rejects: usize,
) -> Result<FileEvaluation, EvaluationError> {
    let mut rejects = Vec::new();
    let mut keep = |reject: &Reject| {
        if rejects.len() < most_rejects {
            rejects.push(reject.clone());
        }
        Ok(())
    };
    let options = ReadOptions::default();
    let reading = read_file(input, plan, options, &mut keep, &mut |_| {})?;
    let mut evaluated = FileEvaluation {
        groups: Vec::new(),
        refused: reading.refused,
        claims: 0,
        credits: CreditsSum::ZERO,
        rows: reading.report,
        rejects,
    };
    for group in reading.groups {
        if only.is_some_and(|period| group.period != period) {
            continue;
        }
        let outputs = if manifest.is_valid_at(group.period) {
            let numbers = manifest.public_values(group.period);
            let outputs = manifest.formula().eval(&group.records, &numbers)?;
            evaluated.claims += 1;
            evaluated.credits += Credits(outputs.credits);
            Some(outputs)
        } else {
            None
        };
        evaluated.groups.push(EvaluatedGroup {
            subject: group.subject,
            period: group.period,
            records: group.records.len(),
            outputs,
        });
    }
    Ok(evaluated)
}
