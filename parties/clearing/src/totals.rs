//! Checks an opened total from the log alone: from its entries and the published halves of the
//! view-key epoch, without any secret.
//!
//! V·B8 = ΣT2 − a_sup·ΣT1 − a_wit·ΣT1 (for a measure, of the M1 and M2), and each partial comes with a proof that its
//! holder's share of At made it. So the sum is right, or a discrete logarithm on Baby Jubjub was found.

use merits_ledger::{
    Entry,
    entry::{EarnBatch, TotalsOpened},
    state::EpochKeys,
};
use merits_primitives::{
    ids::{EntryId, Origin, Output},
    jubjub::Point,
    sum::Sum,
};
use merits_threshold::total::{self, TotalFault as SumFault};
use merits_verifier::{entry::SignedEntry, possession::TotalsKey, total::TotalSum};
use serde::Serialize;
use thiserror::Error;

/// A valid total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CheckedTotal {
    /// Its batches.
    pub batches: usize,
    /// Their claims.
    pub claims: usize,
    /// Credits or measure.
    #[serde(serialize_with = "crate::report::text")]
    pub output: Output,
    /// The sum.
    pub sum: Sum,
}

/// Why an opened total does not hold. The supervisor that signed it is to blame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TotalFault {
    /// It names an entry that does not exist or is not a batch.
    #[error("entry {0} of the total is not an earn batch of this log")]
    NotABatch(EntryId),
    /// It adds a batch of another period or epoch.
    #[error("entry {0} of the total belongs to another period or view-key epoch")]
    Foreign(EntryId),
    /// It names no batches; the sum would be 0 and open to everybody.
    #[error("the total names no batch")]
    Empty,
    /// It adds a batch twice.
    #[error("entry {0} is added twice")]
    Twice(EntryId),
    /// Its partials or its sum are invalid.
    #[error(transparent)]
    Sum(#[from] SumFault),
    /// It adds a measure that a batch does not have.
    #[error("entry {0} of the total of a measure has no measure")]
    NoMeasure(EntryId),
}

/// Checks an opened total. `entry` finds the log's entries by id.
///
/// # Errors
/// [`TotalFault`].
pub fn verify_total(
    origin: &Origin,
    opened: &TotalsOpened,
    keys: &EpochKeys,
    entry: impl Fn(&EntryId) -> Option<SignedEntry>,
) -> Result<CheckedTotal, TotalFault> {
    if opened.entries.is_empty() {
        return Err(TotalFault::Empty);
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut batches = Vec::with_capacity(opened.entries.len());
    for id in &opened.entries {
        if !seen.insert(*id) {
            return Err(TotalFault::Twice(*id));
        }
        batches.push(batch(opened, id, &entry)?);
    }
    let points = batches.iter().zip(&opened.entries).map(|(batch, id)| {
        let measure = || batch.measure.ok_or(TotalFault::NoMeasure(*id));
        Ok(match opened.key.output {
            Output::Credits => (batch.t1, batch.t2),
            Output::Measure => (measure()?.m1, measure()?.m2),
        })
    });
    let points: Vec<(Point, Point)> = points.collect::<Result<_, TotalFault>>()?;
    let partials = opened.partials.as_ref();
    let answers = partials.map(|partials| partials.answers(&keys.supervisor, &keys.witness));
    let (sums, entries) = (TotalSum::of(points), &opened.entries);
    total::check(&sums, origin, &opened.key, entries, answers, opened.sum)?;
    Ok(CheckedTotal {
        batches: batches.len(),
        claims: batches.iter().map(|batch| batch.claims.len()).sum(),
        output: opened.key.output,
        sum: opened.sum,
    })
}

fn batch(
    opened: &TotalsOpened,
    id: &EntryId,
    entry: &impl Fn(&EntryId) -> Option<SignedEntry>,
) -> Result<EarnBatch, TotalFault> {
    // The id is recomputed, so the source of the entries cannot substitute another one.
    let signed = entry(id)
        .filter(|signed| signed.id() == *id)
        .ok_or(TotalFault::NotABatch(*id))?;
    match Entry::decode(signed.kind, &signed.statement) {
        Some(Ok(Entry::EarnBatch(batch))) => {
            let TotalsKey {
                asset,
                period,
                epoch,
                // The caller chooses which of its sums is added.
                output: _,
            } = opened.key;
            let same = batch.period == period && batch.epoch == epoch && batch.terms.asset == asset;
            if same {
                Ok(batch)
            } else {
                Err(TotalFault::Foreign(*id))
            }
        }
        _ => Err(TotalFault::NotABatch(*id)),
    }
}
