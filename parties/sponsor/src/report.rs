//! A sponsor's findings: how much was proven, by which parties, and what stayed hidden.

use std::collections::BTreeMap;

use merits_kit::offline::{OfflineFault, VerifiedBatch};
use merits_ledger::{State, rows::RowError, state::TotalsKey};
use merits_primitives::{
    ids::{EntryId, Output, Period, ScaleId},
    sum::{CreditsSum, QuantitySum},
};
pub use merits_replica::Verdict;
use serde::{Serialize, Serializer};

/// The result for one batch.
#[derive(Debug)]
pub struct BatchOutcome {
    /// The ledger entry.
    pub entry: EntryId,
    /// The offline check.
    pub offline: Result<VerifiedBatch, OfflineFault>,
    /// The online check; `None` when it was not asked for.
    pub online: Option<Verdict>,
}

/// A batch's outcome as data: what the log shows of the batch, and what is wrong with it.
#[derive(Serialize)]
struct OutcomeLine<'a> {
    entry: String,
    scale: Option<&'a str>,
    period: Option<String>,
    claims: Option<usize>,
    offline: String,
    online: Option<String>,
}

impl Serialize for BatchOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let valid = || "valid".to_owned();
        let batch = self.offline.as_ref().ok();
        let fault = self.offline.as_ref().err();
        OutcomeLine {
            entry: self.entry.to_string(),
            scale: batch.map(|batch| batch.scale.as_str()),
            period: batch.map(|batch| batch.period.label()),
            claims: batch.map(|batch| batch.claims),
            offline: fault.map_or_else(valid, ToString::to_string),
            online: self.online.as_ref().map(|online| match online {
                Verdict::Valid => valid(),
                Verdict::Invalid(fault) => fault.to_string(),
            }),
        }
        .serialize(serializer)
    }
}

impl BatchOutcome {
    /// Both checks hold; an online check that was not made counts as held.
    pub fn holds(&self) -> bool {
        self.offline.is_ok()
            && self
                .online
                .as_ref()
                .is_none_or(|online| *online == Verdict::Valid)
    }
}

/// The credits of a scale in one period, as far as the log shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PeriodAggregate {
    /// Valid batches.
    pub batches: usize,
    /// Their claims, that is, how many people earned something.
    pub claims: usize,
    /// Credits in opened totals.
    pub credits: CreditsSum,
    /// Claims that those totals cover.
    pub covered: u64,
    /// Opened totals of the scale's measure, in its unit; `None` while none is opened.
    pub measured: Option<QuantitySum>,
    /// The scale's sources cannot link people: the distributor vouches whose records these are.
    pub vouched: bool,
}

/// A sponsor's findings.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Batches that were checked.
    pub batches: usize,
    /// Claims of valid batches.
    pub claims: usize,
    /// Batches that are valid offline.
    pub offline: usize,
    /// Batches that are valid online.
    pub online: usize,
    /// Invalid entries, with the reason.
    #[serde(serialize_with = "merits_party::report::faults")]
    pub faults: Vec<(EntryId, String)>,
    /// Sums by scale and period.
    #[serde(serialize_with = "aggregates")]
    pub aggregates: BTreeMap<(ScaleId, Period), PeriodAggregate>,
}

impl Report {
    /// Adds the opened totals, which come from the state, because it checked them. Call it once, after all
    /// outcomes.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn finish(mut self, state: &State) -> Result<Self, RowError> {
        for ((scale, _), aggregate) in &mut self.aggregates {
            aggregate.vouched = vouched(state, scale);
        }
        for key in state.totals().keys()? {
            self.add_totals(state, &key)?;
        }
        Ok(self)
    }

    /// Adds the result for one batch.
    pub fn add(&mut self, outcome: &BatchOutcome) {
        self.batches += 1;
        match &outcome.offline {
            Ok(_) => self.offline += 1,
            Err(fault) => self.faults.push((outcome.entry, fault.to_string())),
        }
        match &outcome.online {
            Some(Verdict::Valid) => self.online += 1,
            Some(Verdict::Invalid(fault)) => {
                self.faults
                    .push((outcome.entry, format!("online: {fault}")));
            }
            None => {}
        }
        if let (true, Ok(batch)) = (outcome.holds(), &outcome.offline) {
            self.claims += batch.claims;
            let key = (batch.scale.clone(), batch.period);
            let aggregate = self.aggregates.entry(key).or_default();
            aggregate.batches += 1;
            aggregate.claims += batch.claims;
        }
    }

    fn add_totals(&mut self, state: &State, key: &TotalsKey) -> Result<(), RowError> {
        let Some((scale, _)) = state.scales().by_asset(key.asset) else {
            return Ok(());
        };
        let Some(aggregate) = self.aggregates.get_mut(&(scale.clone(), key.period)) else {
            return Ok(());
        };
        for total in state.totals().opened(key)? {
            match key.output {
                Output::Credits => {
                    aggregate.covered += total.claims;
                    aggregate.credits += total.sum.as_credits();
                }
                Output::Measure => {
                    *aggregate.measured.get_or_insert_default() += total.sum.as_quantity();
                }
            }
        }
        Ok(())
    }

    /// Which data the sponsor could and could not see.
    pub fn seen(&self) -> Seen {
        Seen {
            saw: format!(
                "{} batches with {} claims: scale, period, distributor, source, proofs, opened totals",
                self.batches, self.claims
            ),
            hidden: "who earned, how much each, and from which records",
        }
    }
}

/// A scale and period in a serialized report.
#[derive(Serialize)]
struct Line<'a> {
    scale: &'a str,
    period: String,
    #[serde(flatten)]
    aggregate: &'a PeriodAggregate,
}

fn aggregates<S: Serializer>(
    aggregates: &BTreeMap<(ScaleId, Period), PeriodAggregate>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let lines = aggregates.iter().map(|((scale, period), aggregate)| Line {
        scale: scale.as_str(),
        period: period.label(),
        aggregate,
    });
    serializer.collect_seq(lines)
}

/// Whether the sources of a scale cannot link people; the same in all its versions.
fn vouched(state: &State, scale: &ScaleId) -> bool {
    let scale = state.scales().get(scale);
    scale.is_ok_and(|scale| scale.versions.iter().any(|version| version.terms.vouched))
}

/// A party's view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// What was seen.
    pub saw: String,
    /// What was not, because it is encrypted, committed to, or never left the distributor.
    pub hidden: &'static str,
}
