//! The books: how much of each scale exists, by what the log makes public.

use merits_ledger::State;
use merits_primitives::ids::{AssetId, Credits, Epoch, Output, Period, ScaleId};

/// One scale, period and view-key epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuanceLine {
    /// The scale.
    pub scale: ScaleId,
    /// Its sources cannot link people: the distributor vouches whose records these are.
    pub vouched: bool,
    /// The ledger's number of it.
    pub asset: AssetId,
    /// The period.
    pub period: Period,
    /// The view-key epoch.
    pub epoch: Epoch,
    /// Batches in the log.
    pub batches: u64,
    /// Their claims.
    pub claims: u64,
    /// Claims that opened totals cover.
    pub covered: u64,
    /// The credits of those.
    pub credits: Credits,
    /// The most that the claims without a total can hold.
    pub at_most: u64,
    /// What the opened totals of a scale with a measure say: how much was measured, and over how
    /// many claims.
    pub measured: Option<Measured>,
}

/// The opened part of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measured {
    /// Claims that opened totals of the measure cover.
    pub covered: u64,
    /// Their sum, in the measure's unit.
    pub sum: u64,
}

/// Reads the books off a verified state, by scale, period and epoch.
pub fn issuance(state: &State) -> Vec<IssuanceLine> {
    let totals = state.totals();
    let line = |key: &merits_ledger::state::TotalsKey| {
        if key.output == Output::Measure {
            return None;
        }
        let (scale, record) = state.scales().by_asset(key.asset)?;
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
            credits: Credits(0),
            at_most: 0,
            measured: totals.keys().any(|other| *other == key.twin()).then(|| {
                let mut measured = Measured::default();
                for opened in totals.opened(&key.twin()) {
                    measured.covered += opened.claims;
                    measured.sum = measured.sum.saturating_add(opened.sum);
                }
                measured
            }),
        };
        for batch in totals.unopened(key) {
            line.batches += 1;
            line.claims += u64::from(batch.claims);
            line.at_most = line.at_most.saturating_add(batch.worst);
        }
        for opened in totals.opened(key) {
            line.batches += u64::from(opened.batches);
            line.claims += opened.claims;
            line.covered += opened.claims;
            line.credits.0 = line.credits.0.saturating_add(opened.sum);
        }
        Some(line)
    };
    totals.keys().filter_map(line).collect()
}
