//! The accounts: how much of each scale exists, from the public data of the log.

use merits_ledger::{State, rows::RowError};
use merits_primitives::{
    ids::{AssetId, Epoch, Output, Period, ScaleId},
    sum::{CreditsSum, QuantitySum},
};
use serde::Serialize;

/// One scale, period and view-key epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssuanceLine {
    /// The scale.
    #[serde(serialize_with = "crate::report::text")]
    pub scale: ScaleId,
    /// Its sources cannot link people, so the distributor vouches for whose records these are.
    pub vouched: bool,
    /// The scale's asset number.
    #[serde(serialize_with = "crate::report::asset")]
    pub asset: AssetId,
    /// The period.
    #[serde(serialize_with = "crate::report::period")]
    pub period: Period,
    /// The view-key epoch.
    #[serde(serialize_with = "crate::report::epoch")]
    pub epoch: Epoch,
    /// Batches in the log.
    pub batches: u64,
    /// Their claims.
    pub claims: u64,
    /// Claims that opened totals cover.
    pub covered: u64,
    /// Their credits.
    pub credits: CreditsSum,
    /// The most that the claims without a total can hold.
    pub at_most: CreditsSum,
    /// What the opened totals of a scale with a measure say: how much was measured, and over how
    /// many claims.
    pub measured: Option<Measured>,
}

/// The opened part of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Measured {
    /// Claims that opened totals of the measure cover.
    pub covered: u64,
    /// Their sum, in the measure's unit.
    pub sum: QuantitySum,
}

/// Computes the accounts from a verified state, by scale, period and epoch.
///
/// # Errors
/// [`RowError`].
pub fn issuance(state: &State) -> Result<Vec<IssuanceLine>, RowError> {
    let totals = state.totals();
    let keys = totals.keys()?;
    let mut lines = Vec::new();
    for key in &keys {
        if key.output == Output::Measure {
            continue;
        }
        let Some((scale, record)) = state.scales().by_asset(key.asset) else {
            continue;
        };
        // The same in all versions.
        let vouched = record.versions.iter().any(|version| version.terms.vouched);
        let mut line = IssuanceLine {
            scale: scale.clone(),
            vouched,
            asset: key.asset,
            period: key.period,
            epoch: key.epoch,
            batches: 0,
            claims: 0,
            covered: 0,
            credits: CreditsSum::ZERO,
            at_most: CreditsSum::ZERO,
            measured: keys.contains(&key.twin()).then(Measured::default),
        };
        if let Some(measured) = &mut line.measured {
            for opened in totals.opened(&key.twin())? {
                measured.covered += opened.claims;
                measured.sum += opened.sum.as_quantity();
            }
        }
        for (_, interval) in totals.unopened(key)? {
            line.batches += u64::from(interval.batches);
            line.claims += interval.claims;
            line.at_most += interval.worst.as_credits();
        }
        for opened in totals.opened(key)? {
            line.batches += u64::from(opened.batches);
            line.claims += opened.claims;
            line.covered += opened.claims;
            line.credits += opened.sum.as_credits();
        }
        lines.push(line);
    }
    Ok(lines)
}
