//! Checks an opened total against the sums of this party's own copy: from its cut and the published halves of the
//! view-key epoch, without any secret.
//!
//! V·B8 = ΣT2 − a_sup·ΣT1 − a_wit·ΣT1 (for a measure, of the M1 and M2), and each partial comes with a proof that its
//! holder's share of At made it. So the sum is right, or a discrete logarithm on Baby Jubjub was found.

use merits_ledger::{
    entry::TotalsOpened,
    state::{EpochKeys, IntervalTotal},
};
use merits_primitives::{
    ids::{Origin, Output},
    sum::Sum,
};
use merits_threshold::total::{self, TotalFault as SumFault};
use serde::Serialize;
use thiserror::Error;

/// A valid total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CheckedTotal {
    /// Its batches.
    pub batches: u32,
    /// Their claims.
    pub claims: u64,
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
    /// No cut allows it.
    #[error("interval {number} was not cut, or has no such output")]
    NotCut {
        /// The interval.
        number: u32,
    },
    /// Its partials or its sum are invalid.
    #[error(transparent)]
    Sum(#[from] SumFault),
}

/// Checks an opened total. `interval` is what the batches of its interval add up to, in a copy that was verified.
///
/// # Errors
/// [`TotalFault`].
pub fn verify_total(
    origin: &Origin,
    opened: &TotalsOpened,
    keys: &EpochKeys,
    interval: Option<&IntervalTotal>,
) -> Result<CheckedTotal, TotalFault> {
    let number = opened.number;
    let cut = interval.and_then(|interval| Some((interval.cut?, interval)));
    let (cut, interval) = cut.ok_or(TotalFault::NotCut { number })?;
    let partials = opened.partials.as_ref();
    let answers = partials.map(|partials| partials.answers(&keys.supervisor, &keys.witness));
    let sums = interval.sums();
    total::check(&sums, origin, &opened.key, &[cut], answers, opened.sum)?;
    Ok(CheckedTotal {
        batches: interval.batches,
        claims: interval.claims,
        output: opened.key.output,
        sum: opened.sum,
    })
}
