//! An opened total, checked from the log alone: the entries that it adds, the halves that the
//! view-key epoch published, and nothing secret.
//!
//! V·B8 = ΣT2 − a_sup·ΣT1 − a_wit·ΣT1 (for a measure, of the M1 and M2), and each partial comes with a proof that the published
//! half of At made it. So the sum is right, or a discrete logarithm on Baby Jubjub was found.

use ark_ec::CurveGroup;
use merits_ledger::{
    Entry,
    entry::{EarnBatch, HalfKeys, TotalPartial, TotalsOpened},
    state::EpochKeys,
};
use merits_primitives::{
    ids::{EntryId, Origin, Output},
    jubjub::{Point, PointError, Scalar},
};
use merits_verifier::{
    entry::SignedEntry,
    possession::{KeyHalf, total_context},
};
use thiserror::Error;

/// A total that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedTotal {
    /// Batches that it adds.
    pub batches: usize,
    /// Their claims.
    pub claims: usize,
    /// Credits or measure.
    pub output: Output,
    /// The sum of it.
    pub sum: u64,
}

/// Why an opened total does not hold. The supervisor that signed it is to blame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TotalFault {
    /// It names an entry that is not there or is no batch.
    #[error("entry {0} of the total is no earn batch of this log")]
    NotABatch(EntryId),
    /// It adds a batch of another period or epoch.
    #[error("entry {0} of the total belongs to another period or view-key epoch")]
    Foreign(EntryId),
    /// It adds a batch twice.
    #[error("entry {0} is added twice")]
    Twice(EntryId),
    /// The points add up to nothing usable.
    #[error("the sum of the batches' points is unusable: {0}")]
    Degenerate(PointError),
    /// A partial is not made with the published half.
    #[error("the {0}'s partial is not made with its published half of the totals key")]
    Partial(&'static str),
    /// The sum is another.
    #[error("the published sum {0} is not what the partials open")]
    Sum(u64),
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
    let t1 = add_up(points.iter().map(|(t1, _)| *t1))?;
    let t2 = add_up(points.iter().map(|(_, t2)| *t2))?;
    let check = |side, partial: &TotalPartial, half, published: &HalfKeys| {
        let context = total_context(
            origin,
            &opened.key,
            &opened.entries,
            half,
            &published.holder,
        );
        partial
            .proof
            .verify(&published.total, &t1, &partial.point, &context)
            .map_err(|_| TotalFault::Partial(side))
    };
    let (supervisor, witness) = (&keys.opened.supervisor, &keys.opened.witness);
    check(
        "supervisor",
        &opened.supervisor,
        KeyHalf::TotalSupervisor,
        supervisor,
    )?;
    check("witness", &opened.witness, KeyHalf::TotalWitness, witness)?;
    let message =
        t2.projective() - opened.supervisor.point.projective() - opened.witness.point.projective();
    if message != Point::base().projective() * Scalar::from(opened.sum) {
        return Err(TotalFault::Sum(opened.sum));
    }
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
    // The id is recomputed: whoever answers cannot put another entry in its place.
    let signed = entry(id)
        .filter(|signed| signed.id() == *id)
        .ok_or(TotalFault::NotABatch(*id))?;
    match Entry::decode(signed.kind, &signed.statement) {
        Some(Ok(Entry::EarnBatch(batch))) => {
            let key = &opened.key;
            let same = batch.period == key.period
                && batch.epoch == key.epoch
                && batch.terms.asset == key.asset;
            if same {
                Ok(batch)
            } else {
                Err(TotalFault::Foreign(*id))
            }
        }
        _ => Err(TotalFault::NotABatch(*id)),
    }
}

fn add_up(points: impl Iterator<Item = Point>) -> Result<Point, TotalFault> {
    let zero = ark_ec::twisted_edwards::Projective::default();
    let sum = points.fold(zero, |sum, point| sum + point.projective());
    Point::from_affine(sum.into_affine()).map_err(TotalFault::Degenerate)
}
