//! Totals of batches. They stay encrypted until enough of them are opened together, once.
//!
//! The batches of one (asset, period, epoch) are added up as they come, in an *interval*. A cut ends the running
//! interval, and what it holds is opened as a whole, or not at all: two sums that differ by one batch would open that
//! batch. An interval also ends by itself where its sum could pass 2^48. If a scale has a measure, both outputs are
//! opened over the same intervals. Credits and measure follow from the same records, often one from the other, so a set
//! of credits that differs by one batch from a set of measures would open that batch too.
//!
//! The deeds of scales that read the same records are compared ([`crate::cuts`]), so that no combination of opened sums
//! is about few of them.

mod cutting;
mod deeds;
mod opening;
mod recording;
mod records;

use merits_primitives::{
    commitment::RecordCommitment,
    ids::{AssetId, EntryId, Epoch, Output, PartyId, Period, SchemaId},
    jubjub::Point,
    sum::{Sum, WideSum},
};
use merits_verifier::{codec::CodecError, possession::TotalsKey, total::TotalSum};

use super::stored;
use crate::rows::{self, Key, RowError, Rows, Table};
use records::TotalsHead;

pub(super) use opening::total_reads;

/// A batch's encrypted total of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchTotal {
    /// Its claims.
    pub(super) claims: u32,
    /// Its upper bound: V_max × claims, or W_max × claims.
    pub(super) worst: Sum,
    /// T1 = r·B8, or M1.
    pub(super) t1: Point,
    /// T2 = (Σ v)·B8 + r·At, or M2.
    pub(super) t2: Point,
}

/// One output of an interval: the batches that are opened together, and what was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IntervalTotal {
    /// Its batches.
    pub batches: u32,
    /// Their claims.
    pub claims: u64,
    /// The most that they can hold: V_max × claims, or W_max × claims.
    pub worst: Sum,
    /// ΣT1, or ΣM1; `None` if it is the identity.
    pub t1: Option<Point>,
    /// ΣT2, or ΣM2; `None` if it is the identity.
    pub t2: Option<Point>,
    /// The entry that allows to open it.
    pub cut: Option<EntryId>,
    /// The entry that opened it, and the sum.
    pub opened: Option<(EntryId, Sum)>,
}

/// An opened sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedTotal {
    /// The entry that opened it.
    pub entry: EntryId,
    /// Batches covered.
    pub batches: u32,
    /// Claims covered.
    pub claims: u64,
    /// Σ v, or Σ w of a measure.
    pub sum: Sum,
}

/// A reader of all totals.
#[derive(Debug, Clone, Copy)]
pub struct Totals<'s> {
    pub(super) rows: &'s dyn Rows,
}

/// Summary of the batches of one (asset, period, epoch, output).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalsSummary {
    /// Claims of batches that no total covers.
    pub unopened_claims: u64,
    /// Their upper bound.
    pub unopened_worst: WideSum,
    /// Claims that opened totals cover.
    pub opened_claims: u64,
    /// The sum of all opened totals.
    pub opened_sum: WideSum,
}

/// The contribution of a batch to the totals.
#[derive(Debug)]
pub(super) struct NewBatch {
    pub(super) distributor: PartyId,
    pub(super) schema: SchemaId,
    pub(super) commitments: Vec<RecordCommitment>,
    /// Of the credits.
    pub(super) key: TotalsKey,
    pub(super) credits: BatchTotal,
    pub(super) measure: Option<BatchTotal>,
}

impl Totals<'_> {
    /// One output of an interval; `None` without a batch.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn interval(
        &self,
        key: &TotalsKey,
        number: u32,
    ) -> Result<Option<IntervalTotal>, RowError> {
        rows::get(self.rows, &interval_key(key, number))
    }

    /// One output of all intervals, each with its number, in order.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn intervals(&self, key: &TotalsKey) -> Result<Vec<(u32, IntervalTotal)>, RowError> {
        let mut intervals = Vec::new();
        rows::scan(self.rows, &key_bytes(key), |_, interval| {
            intervals.push(interval);
            true
        })?;
        // None is left out, and there are fewer than batches.
        Ok((0..).zip(intervals).collect())
    }

    /// The intervals that no total covers.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn unopened(&self, key: &TotalsKey) -> Result<Vec<(u32, IntervalTotal)>, RowError> {
        let mut intervals = self.intervals(key)?;
        intervals.retain(|(_, interval)| interval.opened.is_none());
        Ok(intervals)
    }

    /// The opened totals, in the order of their intervals.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn opened(&self, key: &TotalsKey) -> Result<Vec<OpenedTotal>, RowError> {
        let intervals = self.intervals(key)?.into_iter();
        let opened = intervals.filter_map(|(_, interval)| {
            let (entry, sum) = interval.opened?;
            Some(OpenedTotal {
                entry,
                batches: interval.batches,
                claims: interval.claims,
                sum,
            })
        });
        Ok(opened.collect())
    }

    /// Every (asset, period, epoch, output) with a batch, in order.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn keys(&self) -> Result<Vec<TotalsKey>, RowError> {
        Ok(self.summaries()?.into_iter().map(|(key, _)| key).collect())
    }

    /// Every (asset, period, epoch, output) with a batch, in order, and the sums of its batches.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn summaries(&self) -> Result<Vec<(TotalsKey, TotalsSummary)>, RowError> {
        let mut found = Vec::new();
        rows::scan(self.rows, &[], |key, head: TotalsHead| {
            found.push((read_key(key), head.summary));
            true
        })?;
        found
            .into_iter()
            .map(|(key, summary)| Ok((key?, summary)))
            .collect()
    }
}

impl IntervalTotal {
    /// Σ T1 and Σ T2.
    pub fn sums(&self) -> TotalSum {
        TotalSum::of(self.pairs())
    }

    /// Pairs with the sums ΣT1 and ΣT2. One pair, where neither is the identity, which is no [`Point`].
    pub fn pairs(&self) -> Vec<(Point, Point)> {
        let base = Point::base();
        let pairs = match (self.t1, self.t2) {
            (None, None) => None,
            (Some(t1), Some(t2)) => return vec![(t1, t2)],
            // Twice a point and its opposite add up to the point.
            (None, Some(t2)) => twice(t2)
                .zip(opposite(base))
                .zip(opposite(t2))
                .map(|((twice, other), against)| vec![(base, twice), (other, against)]),
            (Some(t1), None) => twice(t1)
                .zip(opposite(base))
                .zip(opposite(t1))
                .map(|((twice, other), against)| vec![(twice, base), (against, other)]),
        };
        pairs.unwrap_or_default()
    }

    fn add(&mut self, batch: &BatchTotal) {
        self.batches += 1;
        self.claims += u64::from(batch.claims);
        self.worst = Sum(self.worst.0.saturating_add(batch.worst.0));
        self.t1 = plus(self.t1, batch.t1);
        self.t2 = plus(self.t2, batch.t2);
    }
}

fn plus(sum: Option<Point>, point: Point) -> Option<Point> {
    match sum {
        None => Some(point),
        // Points of the subgroup add up to one, or to the identity.
        Some(sum) => (sum + point).ok(),
    }
}

fn twice(point: Point) -> Option<Point> {
    (point + point).ok()
}

fn opposite(point: Point) -> Option<Point> {
    Point::from_xy(-point.x(), point.y()).ok()
}

fn key_bytes(key: &TotalsKey) -> Vec<u8> {
    let TotalsKey {
        asset,
        period,
        epoch,
        output,
    } = key;
    let mut bytes = asset.0.to_be_bytes().to_vec();
    bytes.extend(period.to_u64().to_be_bytes());
    bytes.extend(epoch.0.to_be_bytes());
    bytes.push(*output as u8);
    bytes
}

fn read_key(bytes: &[u8]) -> Result<TotalsKey, RowError> {
    let table = Table::Totals;
    let bytes: [u8; 21] = stored::key(table, bytes)?;
    let malformed = |what| RowError::Malformed {
        table,
        fault: CodecError::NotCanonical { what },
    };
    let number = |from: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[from..from + 8]);
        u64::from_be_bytes(word)
    };
    let [.., e0, e1, e2, e3, output] = bytes;
    Ok(TotalsKey {
        asset: AssetId(number(0)),
        period: Period::from_u64(number(8)).ok_or(malformed("period"))?,
        epoch: Epoch(u32::from_be_bytes([e0, e1, e2, e3])),
        output: [Output::Credits, Output::Measure]
            .into_iter()
            .find(|known| *known as u8 == output)
            .ok_or(malformed("output"))?,
    })
}

fn head_key(key: &TotalsKey) -> Key<TotalsHead> {
    Key::new(&[&key_bytes(key)])
}

fn interval_key(key: &TotalsKey, number: u32) -> Key<IntervalTotal> {
    Key::new(&[&key_bytes(key), &number.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identity is no point, and a sum may be it.
    #[test]
    fn pairs_add_up_to_the_sums() {
        let base = Point::base();
        let two = twice(base).expect("a point");
        for (t1, t2) in [
            (None, None),
            (Some(base), Some(two)),
            (None, Some(two)),
            (Some(two), None),
        ] {
            let interval = IntervalTotal {
                t1,
                t2,
                ..IntervalTotal::default()
            };
            let sums = interval.sums();
            assert_eq!(sums.t1(), t1);
            // The message without partials is ΣT2.
            let expected = TotalSum::of(t2.map(|t2| (base, t2)));
            assert_eq!(sums.message([]), expected.message([]));
        }
    }

    #[test]
    fn sums_that_cancel_out_go_on() {
        let base = Point::base();
        let batch = |t1| BatchTotal {
            claims: 2,
            worst: Sum(10),
            t1,
            t2: base,
        };
        let mut interval = IntervalTotal::default();
        interval.add(&batch(base));
        interval.add(&batch(opposite(base).expect("a point")));
        assert_eq!((interval.t1, interval.t2), (None, twice(base)));
        interval.add(&batch(base));
        assert_eq!(
            (interval.batches, interval.claims, interval.worst),
            (3, 6, Sum(30))
        );
        assert_eq!(interval.t1, Some(base));
    }
}
